import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError, ManualClock } from '../base/index.ts'
import { openDatabase, silentLog, type Database, type Statement } from '../platform/index.ts'
import { openGrants, type Grants } from './grants.ts'
import { distributionSchema } from './schema.ts'

const day = 86_400_000
let directory: string
let database: Database
let clock: ManualClock
let open: Grants[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-grants-'))
  database = await openDatabase({ file: join(directory, 'a.db'), schema: [distributionSchema] })
  clock = new ManualClock()
})
afterEach(async () => {
  for (const grants of open) await grants.stop()
  open = []
  await database.close()
  rmSync(directory, { recursive: true })
})

async function opened(over: Database = database): Promise<Grants> {
  const grants = await openGrants({ database: over, clock, log: silentLog })
  open.push(grants)
  return grants
}

/** Which of the tasks are whose: `a one`. */
function owners(grants: Grants): readonly string[] {
  return ['a', 'b'].flatMap((agent) =>
    ['one', 'two', 'three'].filter((task) => grants.owned(agent, task)).map((task) => `${agent} ${task}`),
  )
}

/** A database of which the stories see the batches, and that can be full. */
class Watched implements Database {
  readonly batches: (readonly Statement[])[] = []
  isFull = false
  readonly read: Database['read'] = (sql, params) => database.read(sql, params)
  readonly backup = (file: string) => database.backup(file)
  readonly close = () => database.close()

  write(batch: readonly Statement[]): Promise<readonly number[]> {
    if (this.isFull) return Promise.reject(new FarwatchError('storage-unwritable', 'the disk is full'))
    this.batches.push(batch)
    return database.write(batch)
  }
}

test('a task is the own of those who were given it, for thirty days after it left them, across restarts', async () => {
  const first = await opened()
  await first.remember('a', ['one', 'two'])
  await first.remember('b', ['three'])
  clock.advance(day)
  await first.remember('a', ['two'])
  await first.remember('b', ['three', 'one'])
  const atOnce = owners(first)
  await first.stop()
  clock.advance(29 * day)
  const second = await opened()
  const after29Days = owners(second)
  clock.advance(day)
  const after30Days = owners(second)
  await second.stop()
  expect({
    atOnce,
    after29Days,
    after30Days,
    stored: await database.read('SELECT agent, task, left_at FROM distribution_grant ORDER BY agent, task'),
  }).toEqual({
    atOnce: ['a one', 'a two', 'b one', 'b three'],
    after29Days: ['a one', 'a two', 'b one', 'b three'],
    after30Days: ['a two', 'b one', 'b three'],
    stored: [
      { agent: 'a', task: 'two', left_at: null },
      { agent: 'b', task: 'one', left_at: null },
      { agent: 'b', task: 'three', left_at: null },
    ],
  })
})

test('an agent that is removed owns nothing any more, even where what it was given was just being written', async () => {
  const grants = await opened()
  const given = grants.remember('a', ['one', 'two'])
  const removed = grants.forget('a')
  const between = owners(grants)
  const again = grants.remember('a', ['three'])
  await Promise.all([given, removed, again])
  await grants.remember('b', ['one'])
  await grants.forget('b')
  expect([between, owners(grants), owners(await opened())]).toEqual([[], ['a three'], ['a three']])
})

test('what is new is durable before it is given out, what is not costs nothing, and what comes together is written together', async () => {
  const watched = new Watched()
  const grants = await opened(watched)
  await Promise.all(Array.from({ length: 50 }, (_, i) => grants.remember(`agent${i}`, ['one', 'two'])))
  const together = watched.batches.map(({ length }) => length)
  for (let i = 0; i < 50; i++) await grants.remember(`agent${i}`, ['two', 'one'])
  const first = grants.remember('a', ['one'])
  // Asked again before the answer is there, as an agent does whose line broke: it waits for the same write.
  const again = grants.remember('a', ['one']).then(async () => owners(await opened()))
  const seen = await again
  await first
  expect({ together, seen, batches: watched.batches.map(({ length }) => length) }).toEqual({
    together: [100],
    seen: ['a one'],
    batches: [100, 1],
  })
})

test('a full disk is told, keeps nothing from being known, and what it refused is written with what comes next', async () => {
  const watched = new Watched()
  const grants = await opened(watched)
  watched.isFull = true
  const told = await grants.remember('a', ['one']).catch((thrown: FarwatchError) => thrown.code)
  const meanwhile = owners(grants)
  watched.isFull = false
  await grants.remember('b', ['two'])
  expect([told, meanwhile, owners(await opened())]).toEqual(['storage-unwritable', ['a one'], ['a one', 'b two']])
})
