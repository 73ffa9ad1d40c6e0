import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeChange, encodeChange, targetOf, whyUndetermined } from './change-format.ts'
import type { Change, ChangePoint } from './change-line.ts'
import { openDatabase, openMemoryDatabase, type ReplicatedDatabase } from './database.ts'
import type { SqlValue, Statement } from './statement.ts'

const schema = [
  {
    name: 'things',
    steps: [
      `CREATE TABLE thing (name TEXT PRIMARY KEY, size REAL, picture BLOB) STRICT;
       CREATE TABLE diary (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;
       CREATE TRIGGER diary_stays BEFORE DELETE ON diary BEGIN SELECT RAISE(ABORT, 'the diary stays'); END;
       CREATE TABLE visitor (token TEXT PRIMARY KEY, thing TEXT NOT NULL REFERENCES thing ON DELETE CASCADE) STRICT;`,
    ],
  },
]
const local = ['visitor']

let directory: string
const opened: ReplicatedDatabase[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-changes-'))
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.close()))
  rmSync(directory, { recursive: true })
})

function memory(mostLogBytes?: number): ReplicatedDatabase {
  const db = openMemoryDatabase({ schema, local, ...(mostLogBytes === undefined ? {} : { mostLogBytes }) })
  opened.push(db)
  return db
}

const put = (name: string, size: SqlValue = 1, picture: SqlValue = null): Statement => ({
  sql: 'INSERT INTO thing (name, size, picture) VALUES ($name, $size, $picture) ON CONFLICT (name) DO UPDATE SET size = excluded.size',
  params: { name, size, picture },
})
const remove = (name: string): Statement => ({ sql: 'DELETE FROM thing WHERE name = $name', params: { name } })
const note = (text: string): Statement => ({ sql: 'INSERT INTO diary (text) VALUES ($text)', params: { text } })
const visit = (token: string, thing: string): Statement => ({
  sql: 'INSERT INTO visitor (token, thing) VALUES ($token, $thing)',
  params: { token, thing },
})

async function contentOf(db: ReplicatedDatabase) {
  return {
    thing: await db.read('SELECT * FROM thing ORDER BY name'),
    diary: await db.read('SELECT * FROM diary ORDER BY id'),
    sequence: await db.read('SELECT * FROM sqlite_sequence'),
    point: (await db.changes.facts()).point,
  }
}

async function changesAfter(db: ReplicatedDatabase, after: ChangePoint, bytes = 1_000_000): Promise<readonly Change[]> {
  const read = await db.changes.read(after, bytes)
  if (read.is !== 'changes') throw new Error(read.why)
  return read.changes
}

/** A pair whose follower begins with a copy of the active one. */
async function pair(before: readonly Statement[] = [], mostLogBytes?: number) {
  const active = memory(mostLogBytes)
  if (before.length > 0) await active.write(before)
  await active.changes.startLogging('line 1')
  const standby = memory()
  await copyOver(active, standby)
  return { active, standby }
}

let copies = 0
async function copyOver(active: ReplicatedDatabase, standby: ReplicatedDatabase): Promise<void> {
  const file = join(directory, `copy-${copies++}.db`)
  await active.changes.copy(file)
  await standby.changes.install(file)
}

async function catchUp(active: ReplicatedDatabase, standby: ReplicatedDatabase): Promise<void> {
  const { point } = await standby.changes.facts()
  expect((await standby.changes.apply(await changesAfter(active, point))).is).toBe('applied')
}

test('without a pair nothing is logged', async () => {
  const db = memory()
  await db.write([put('a')])
  expect([await db.changes.facts(), await db.read('SELECT * FROM change_log')]).toEqual([
    { mode: 'off', point: { line: '', position: 0, checksum: '' }, changes: 0, bytes: 0, since: undefined },
    [],
  ])
})

test('a follower that repeats the log has the same rows, and is at the same point', async () => {
  const { active, standby } = await pair([put('old', 2), note('before the pair')])
  await active.write([put('a', 0.1, new Uint8Array([0, 255])), note('one')])
  await active.write([put('a', Infinity), put('b', 7n), remove('old'), note('two')])
  await catchUp(active, standby)
  expect(await contentOf(standby)).toEqual(await contentOf(active))
})

test('a batch that was undone is not logged, nor is one that changed nothing', async () => {
  const { active } = await pair([put('a')])
  await expect(active.write([put('b'), { ...remove('nobody'), expect: 1 }])).rejects.toMatchObject({ code: 'conflict' })
  await active.write([remove('nobody')])
  expect((await active.changes.facts()).changes).toBe(0)
})

test('rows of local tables stay where they are, but what is deleted from them is deleted on both sides', async () => {
  const { active, standby } = await pair([put('a'), put('b'), visit('here', 'a')])
  await standby.write([visit('there', 'a'), visit('there too', 'b'), visit('elsewhere', 'b')])
  await active.write([visit('here again', 'b'), { sql: "DELETE FROM visitor WHERE token = 'there too'" }])
  await active.write([remove('a')])
  await catchUp(active, standby)
  await copyOver(active, standby)
  expect([
    await standby.read('SELECT token FROM visitor'),
    await active.read('SELECT token FROM visitor'),
    (await contentOf(standby)).thing,
  ]).toEqual([[{ token: 'elsewhere' }], [{ token: 'here again' }], (await contentOf(active)).thing])
})

test('a copy has no trace of local rows', async () => {
  const { active } = await pair([put('a'), visit('the secret token of a visitor', 'a')])
  await active.changes.copy(join(directory, 'seen.db'))
  expect(readFileSync(join(directory, 'seen.db')).includes('the secret token of a visitor')).toBe(false)
})

test('a follower is written by its active server only', async () => {
  const { standby } = await pair([put('a')])
  await expect(standby.write([put('b')])).rejects.toMatchObject({
    code: 'not-in-this-role',
    message: 'this server is on standby: what it has is written by the active one',
  })
})

test('whatever is wrong with a shipment leads to a copy, and the words say what it was', async () => {
  const { active, standby } = await pair([put('a')])
  for (const name of ['b', 'c', 'd']) await active.write([put(name), note(name)])
  const { point } = await standby.changes.facts()
  const [first, second, third] = (await changesAfter(active, point)) as [Change, Change, Change]
  const bend = { ...second, body: encodeChange([{ ...put('z'), changed: 1 }]) }
  const answers = [
    await standby.changes.apply([second]),
    await standby.changes.apply([first, third]),
    await standby.changes.apply([first, bend]),
  ]
  expect(answers).toEqual([
    { is: 'copy needed', why: 'changes 1 to 1 are missing' },
    { is: 'copy needed', why: 'changes 2 to 2 are missing' },
    { is: 'copy needed', why: 'the checksum of change 2 differs' },
  ])
})

test('a follower whose rows are not what they should be says so instead of drifting on', async () => {
  const { active, standby } = await pair([put('a'), put('b')])
  // As a damaged disk or a hand in the file might.
  await standby.changes.stop()
  await standby.write([remove('a')])
  await copyPointOnly(active, standby)
  await active.write([remove('a')])
  const { point } = await standby.changes.facts()
  expect(await standby.changes.apply(await changesAfter(active, point))).toEqual({
    is: 'copy needed',
    why: 'change 1 met 0 rows instead of 1',
  })
})

async function copyPointOnly(from: ReplicatedDatabase, to: ReplicatedDatabase): Promise<void> {
  const { line, position, checksum } = (await from.changes.facts()).point
  await to.changes.startLogging(line)
  await to.changes.startFollowing()
  expect((await to.changes.facts()).point).toEqual({ line, position, checksum })
}

test('a question from a point that is not in the log is answered with a copy', async () => {
  const { active } = await pair([put('a')])
  const start = (await active.changes.facts()).point
  for (const name of ['b', 'c', 'd']) await active.write([put(name)])
  const end = (await active.changes.facts()).point
  const [b] = await changesAfter(active, start)
  await active.changes.confirm({ ...start, position: 1, checksum: b!.checksum })
  const answers = [
    await active.changes.read(start, 1),
    await active.changes.read({ ...end, line: 'another' }, 1),
    await active.changes.read({ ...end, position: 9 }, 1),
    await active.changes.read({ ...end, checksum: 'other' }, 1),
    await active.changes.read(end, 1),
  ]
  expect(answers).toEqual([
    { is: 'copy needed', why: 'it is at 0, and what came before 1 is not kept' },
    { is: 'copy needed', why: 'it follows another line of changes' },
    { is: 'copy needed', why: 'it is ahead: at 9, and here 3 is the newest' },
    { is: 'copy needed', why: 'its content differs, as its checksum at 3 says' },
    { is: 'changes', changes: [] },
  ])
})

test('what a follower has is forgotten, and a log that grows too large is cut', async () => {
  const { active, standby } = await pair([], 1_000)
  await active.write([note('a')])
  await catchUp(active, standby)
  const { point } = await standby.changes.facts()
  await active.changes.confirm(point)
  const afterConfirming = (await active.changes.facts()).changes
  for (let i = 0; i < 20; i++) await active.write([note(`a longer text, number ${i}, that fills the log`)])
  const { bytes } = await active.changes.facts()
  expect([afterConfirming, bytes < 1_000, (await active.changes.read(point, 1)).is]).toEqual([0, true, 'copy needed'])
})

test('roles change over, and the line goes on', async () => {
  const { active, standby } = await pair([put('a')])
  await active.write([put('b')])
  await catchUp(active, standby)
  await active.changes.startFollowing()
  await standby.changes.startLogging('a name that is not needed')
  await standby.write([put('c'), note('under the other')])
  await catchUp(standby, active)
  expect(await contentOf(active)).toEqual(await contentOf(standby))
})

test('a former active server with changes that never came over is told from one without', async () => {
  const { active, standby } = await pair([put('a')])
  await active.write([put('never came over')])
  await active.changes.startFollowing()
  await standby.changes.startLogging('')
  await standby.write([put('b')])
  const { point } = await active.changes.facts()
  expect((await standby.changes.read(point, 1)).is).toBe('copy needed')
})

test('mode and place in the line survive a restart', async () => {
  const file = join(directory, 'a.db')
  const first = await openDatabase({ file, schema, local })
  await first.changes.startLogging('line 1')
  await first.write([put('a')])
  await first.write([put('b')])
  const before = await first.changes.facts()
  await first.close()
  const again = await openDatabase({ file, schema, local })
  opened.push(again)
  expect(await again.changes.facts()).toEqual(before)
})

test('a copy of an older version is brought to the version of the follower', async () => {
  const grown = [
    { name: 'things', steps: [...schema[0]!.steps, "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"] },
  ]
  const active = memory()
  await active.write([put('a')])
  await active.changes.startLogging('line 1')
  const standby = openMemoryDatabase({ schema: grown, local })
  opened.push(standby)
  await copyOver(active, standby)
  await active.write([put('b')])
  await catchUp(active, standby)
  expect(await standby.read('SELECT name, colour FROM thing ORDER BY name')).toEqual([
    { name: 'a', colour: 'red' },
    { name: 'b', colour: 'red' },
  ])
})

test('values come out of a change as they went in', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.oneof(fc.double(), fc.string(), fc.constant(null), fc.bigInt(), fc.uint8Array())),
      (params) => {
        const statements = [{ ...put('a'), params, changed: 1 }]
        expect(decodeChange(encodeChange(statements))).toEqual(statements)
      },
    ),
  )
})

test('whatever is written, lost, repeated, swapped or restarted: after faults end both have the same rows', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const statement = fc.oneof(
    fc.tuple(name, fc.double({ noNaN: true })).map(([to, size]) => put(to, size)),
    name.map(remove),
    fc.string().map(note),
  )
  const act = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ is: fc.constant('write' as const), batch: fc.array(statement, { maxLength: 4 }) }),
    },
    { weight: 2, arbitrary: fc.record({ is: fc.constant('ship' as const), bytes: fc.constantFrom(1, 300, 100_000) }) },
    fc.record({
      is: fc.constantFrom('repeat' as const, 'swap' as const, 'lose' as const, 'confirm' as const, 'turn' as const),
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      let { active, standby } = await pair([put('a')], 2_000)
      let sent: readonly Change[] = []
      const ship = async (bytes: number) => {
        const { point } = await standby.changes.facts()
        const read = await active.changes.read(point, bytes)
        if (read.is === 'copy needed') return copyOver(active, standby)
        sent = read.changes
        if ((await standby.changes.apply(read.changes)).is === 'copy needed') await copyOver(active, standby)
      }
      for (const step of acts) {
        switch (step.is) {
          case 'write':
            await active.write(step.batch)
            break
          case 'ship':
            await ship(step.bytes)
            break
          case 'repeat':
            await standby.changes.apply(sent)
            break
          case 'swap': {
            const { point } = await standby.changes.facts()
            const read = await active.changes.read(point, 100_000)
            if (read.is === 'changes') await standby.changes.apply([...read.changes].reverse())
            break
          }
          case 'lose': {
            const { point } = await standby.changes.facts()
            const read = await active.changes.read(point, 100_000)
            if (read.is === 'changes') await standby.changes.apply(read.changes.slice(1))
            break
          }
          case 'confirm':
            await active.changes.confirm((await standby.changes.facts()).point)
            break
          case 'turn':
            await active.changes.startFollowing()
            await standby.changes.startLogging('')
            ;[active, standby] = [standby, active]
            sent = []
            break
        }
      }
      await ship(1_000_000)
      await ship(1_000_000)
      expect(await contentOf(standby)).toEqual(await contentOf(active))
      for (const db of [active, standby]) await db.close()
    }),
    { numRuns: 25 },
  )
}, 60_000)

test('every statement that engines write to the database does the same wherever it is repeated', () => {
  const source = join(import.meta.dirname, '../..')
  const engines = ['access', 'alarms', 'delivery', 'distribution', 'inventory', 'link', 'app', 'api']
  const texts = engines.flatMap((engine) =>
    readdirSync(join(source, engine), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) => [
        ...readFileSync(join(source, engine, file), 'utf8').matchAll(
          /(['"`])((?:INSERT INTO|REPLACE INTO|UPDATE|DELETE FROM) [\s\S]*?[^\\])\1/g,
        ),
      ])
      .map(([, , sql]) => sql!),
  )
  const wrong = texts.filter(
    (sql) =>
      targetOf(sql) === undefined ||
      whyUndetermined(sql) !== undefined ||
      /INSERT INTO \w+\s+(VALUES|SELECT)/.test(sql),
  )
  expect([texts.length > 30, wrong]).toEqual([true, []])
})
