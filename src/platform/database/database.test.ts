import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDatabase, openMemoryDatabase } from './database.ts'

const schema = [{ name: 'things', steps: ['CREATE TABLE thing (name TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT'] }]
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-database-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const kinds = {
  'a file': () => openDatabase({ file: join(directory, 'a.db'), schema }),
  memory: () => openMemoryDatabase({ schema }),
}

test.each(Object.keys(kinds) as (keyof typeof kinds)[])('a batch is stored whole in %s or not at all', async (kind) => {
  const db = await kinds[kind]()
  const insert = (name: string, size: number) => ({
    sql: 'INSERT INTO thing (name, size) VALUES ($name, $size)',
    params: { name, size },
  })
  await db.write([insert('a', 1)])
  await expect(db.write([insert('b', 2), insert('a', 3)])).rejects.toThrow('UNIQUE')
  await expect(
    db.write([insert('c', 2), { sql: "UPDATE thing SET size = 9 WHERE name = 'nobody'", expect: 1 }]),
  ).rejects.toMatchObject({ code: 'conflict' })
  expect(await db.read('SELECT name, size FROM thing ORDER BY name')).toEqual([{ name: 'a', size: 1 }])
  await db.close()
  await db.close()
})

test.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  'a batch of thousands is stored whole in %s or not at all, and before what was asked for after it',
  async (kind) => {
    const db = await kinds[kind]()
    const insert = (name: string) => ({
      sql: 'INSERT INTO thing (name, size) VALUES ($name, 1)',
      params: { name },
      expect: 1,
    })
    const thousands = (prefix: string) => Array.from({ length: 2_500 }, (_, i) => insert(`${prefix}${i}`))
    const grow = { sql: 'UPDATE thing SET size = size + 1' }
    const [whole, grown, broken, grownAgain] = await Promise.allSettled([
      db.write(thousands('a')),
      db.write([grow]),
      db.write([...thousands('b'), insert('a7')]),
      db.write([grow]),
    ])
    const left = await db.read('SELECT count(*) AS count, min(size) AS least, max(size) AS most FROM thing')
    const closing = [db.write(thousands('c')), db.close()]
    expect([whole, grown, broken.status, grownAgain, left, (await Promise.all(closing)).length]).toEqual([
      { status: 'fulfilled', value: Array.from({ length: 2_500 }, () => 1) },
      { status: 'fulfilled', value: [2_500] },
      'rejected',
      { status: 'fulfilled', value: [2_500] },
      [{ count: 2_500, least: 3, most: 3 }],
      2,
    ])
  },
)

test('what was written is there after opening again, and steps that were added run once', async () => {
  const file = join(directory, 'a.db')
  const first = await openDatabase({ file, schema })
  await first.write([{ sql: "INSERT INTO thing (name, size) VALUES ('a', 1)" }])
  await first.close()
  const grown = [
    { name: 'things', steps: [...schema[0]!.steps, "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"] },
  ]
  for (let i = 0; i < 2; i++) {
    const again = await openDatabase({ file, schema: grown })
    expect(await again.read('SELECT * FROM thing')).toEqual([{ name: 'a', size: 1, colour: 'red' }])
    await again.close()
  }
  await expect(openDatabase({ file, schema })).rejects.toMatchObject({ code: 'data-directory-newer' })
})

test.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s that is whole is found to be so', async (kind) => {
  const db = await kinds[kind]()
  await db.write([{ sql: "INSERT INTO thing (name, size) VALUES ('a', 1)" }])
  const found = await db.check()
  await db.close()
  expect(found).toBe(undefined)
})

test('damage of a file is found though all of it is in memory', async () => {
  const file = join(directory, 'a.db')
  const db = await openDatabase({ file, schema })
  await db.write(
    Array.from({ length: 500 }, (_, i) => ({
      sql: 'INSERT INTO thing (name, size) VALUES ($name, $size)',
      params: { name: `thing ${i}`, size: i },
    })),
  )
  const other = new DatabaseSync(file)
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  other.close()
  const count = async () => (await db.read<{ sum: number }>('SELECT sum(size) AS sum FROM thing'))[0]?.sum
  await count()
  const opened = openSync(file, 'r+')
  writeSync(opened, Buffer.alloc(4_096, 0xa5), 0, 4_096, 8_192)
  closeSync(opened)
  const inMemory = await count()
  const found = await db.check().catch((thrown: unknown) => String(thrown))
  await db.close()
  expect({ inMemory, found }).toEqual({ inMemory: (500 * 499) / 2, found: expect.stringMatching(/page|malformed/) })
})
