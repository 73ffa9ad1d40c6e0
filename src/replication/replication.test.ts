import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { openMemoryDatabase, type ReplicatedDatabase, type Statement } from '../platform/index.ts'
import { CopyBudget } from './copy-budget.ts'
import { databaseSource, databaseTarget } from './database-part.ts'
import { ReplicationFollower } from './follower.ts'
import { decodeAnswer, decodeRequest, encodeRequest } from './message.ts'
import { ReplicationSource, defaultSourceSettings, type SourceSettings } from './source.ts'

const schema = [
  {
    name: 'things',
    steps: [
      `CREATE TABLE fact (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
       CREATE TABLE seen (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), n INTEGER NOT NULL) STRICT`,
    ],
  },
]

/** Of a newer version of the program. */
const grown = [
  {
    name: 'things',
    steps: [...schema[0]!.steps, "ALTER TABLE fact ADD COLUMN source TEXT NOT NULL DEFAULT 'unknown'"],
  },
]

let directory: string
const opened: ReplicatedDatabase[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-replication-'))
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.close()))
  rmSync(directory, { recursive: true })
})

function memory(about: { readonly file?: string; readonly schema?: typeof schema } = {}): ReplicatedDatabase {
  const db = openMemoryDatabase({ schema, ...about })
  opened.push(db)
  return db
}

const fact = (n: number, text = `fact ${n}`): Statement => ({
  sql: 'INSERT INTO fact (n, text) VALUES ($n, $text)',
  params: { n, text },
})
const seen = (n: number): Statement => ({
  sql: 'INSERT INTO seen (only_row, n) VALUES (1, $n) ON CONFLICT (only_row) DO UPDATE SET n = excluded.n',
  params: { n },
})

/**
 * Two servers with a part that has facts and one behind it that says how many facts were seen. Either can be restarted: what is there
 * again knows only what is stored.
 */
class Pair {
  readonly clock = new ManualClock()
  readonly active = { facts: memory(), seen: memory() }
  readonly standby = { facts: memory(), seen: memory() }
  readonly events: string[] = []
  readonly #settings: SourceSettings
  readonly #root: string
  source!: ReplicationSource
  follower!: ReplicationFollower
  #facts = 0

  constructor(root: string, settings: Partial<SourceSettings> = {}) {
    this.#root = root
    this.#settings = { ...defaultSourceSettings, ...settings }
    for (const side of ['active', 'standby'])
      for (const part of ['facts', 'seen']) mkdirSync(join(root, side, part), { recursive: true })
    this.restartActive()
    this.restartStandby()
  }

  async begin(): Promise<this> {
    await this.active.facts.changes.startLogging('line of facts')
    await this.active.seen.changes.startLogging('line of seen')
    return this
  }

  restartActive(): void {
    const { facts, seen } = this.active
    const at = (part: string) => join(this.#root, 'active', part)
    this.source = new ReplicationSource({
      parts: [
        { ...databaseSource(facts.changes, at('facts')), name: 'facts' },
        { ...databaseSource(seen.changes, at('seen')), name: 'seen' },
      ],
      clock: this.clock,
      settings: this.#settings,
      released: () => this.#facts,
    })
  }

  restartStandby(): void {
    const { facts, seen } = this.standby
    const at = (part: string) => join(this.#root, 'standby', part)
    this.follower = new ReplicationFollower({
      parts: [
        { ...databaseTarget(facts.changes, at('facts')), name: 'facts' },
        { ...databaseTarget(seen.changes, at('seen')), name: 'seen' },
      ],
      onCopyNeeded: (part, why) => this.events.push(`${part}: ${why}`),
      onNewer: (part, why) => this.events.push(`${part} waits: ${why}`),
      onApplied: (part, tables) => this.events.push(`${part} changed: ${tables.join(', ') || 'all'}`),
      onReleased: (position) => this.events.push(`released ${position}`),
    })
  }

  async note(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.active.facts.write([fact(++this.#facts)])
      await this.active.seen.write([seen(this.#facts)])
    }
  }

  async round(): Promise<boolean> {
    const { more, pauseMs } = await this.follower.take(await this.source.answer(await this.follower.request()))
    this.clock.advance(Math.max(pauseMs, 1))
    return more || pauseMs > 0
  }

  async catchUp(): Promise<void> {
    while (await this.round());
    // Once more, so that the active server hears of it.
    await this.round()
  }

  async content(side: 'active' | 'standby') {
    const { facts, seen } = this[side]
    return {
      facts: await facts.read('SELECT * FROM fact ORDER BY n'),
      seen: await seen.read('SELECT * FROM seen'),
      points: [(await facts.changes.facts()).point, (await seen.changes.facts()).point],
    }
  }
}

test('a new standby is copied, then follows', async () => {
  const pair = await new Pair(directory).begin()
  await pair.note(3)
  await pair.catchUp()
  await pair.note(2)
  await pair.catchUp()
  expect([await pair.content('standby'), pair.events, pair.follower.isInStep]).toEqual([
    await pair.content('active'),
    [
      'facts: it follows another line of changes',
      'seen: it follows another line of changes',
      'facts changed: all',
      'seen changed: all',
      'released 3',
      'released 3',
      'facts changed: fact',
      'seen changed: seen',
      'released 5',
      'released 5',
    ],
    true,
  ])
})

test('both sides see how far the standby is behind, in changes and seconds', async () => {
  const pair = await new Pair(directory, { answerBytes: 1 }).begin()
  const before = await pair.source.lag()
  await pair.round()
  const copying = await pair.source.lag()
  await pair.catchUp()
  await pair.note(3)
  pair.clock.advance(60_000)
  await pair.round()
  const lag = await pair.source.lag()
  const { facts } = pair.follower.states()
  await pair.catchUp()
  expect([before, copying['facts'], lag['facts'], facts, await pair.source.lag()]).toEqual([
    { facts: { is: 'unknown' }, seen: { is: 'unknown' } },
    { is: 'unknown' },
    { is: 'following', changes: 3, seconds: expect.any(Number) as number },
    { is: 'following', changes: 2, seconds: expect.any(Number) as number, point: expect.anything() as object },
    { facts: { is: 'following', changes: 0, seconds: 0 }, seen: { is: 'following', changes: 0, seconds: 0 } },
  ])
})

test('a part that refers to another is never ahead of it', async () => {
  const pair = await new Pair(directory, { answerBytes: 1 }).begin()
  await pair.catchUp()
  await pair.note(5)
  const ahead: boolean[] = []
  for (let more = true; more;) {
    more = await pair.round()
    const { facts, seen } = await pair.content('standby')
    ahead.push(Number(seen[0]?.['n'] ?? 0) > facts.length)
  }
  expect([ahead.includes(true), ahead.length > 5]).toEqual([false, true])
})

test('while one part is copied again the others go on', async () => {
  const pair = await new Pair(directory, { chunkBytes: 1_000 }).begin()
  await pair.note(2)
  await pair.catchUp()
  await pair.standby.facts.changes.stop()
  await pair.note(1)
  for (let i = 0; i < 3; i++) await pair.round()
  const during = [await pair.standby.seen.read('SELECT n FROM seen'), pair.follower.isInStep]
  await pair.catchUp()
  expect([during, await pair.content('standby'), pair.follower.isInStep]).toEqual([
    [[{ n: 3 }], false],
    await pair.content('active'),
    true,
  ])
})

test('a copy takes its time', async () => {
  const pair = await new Pair(directory, { chunkBytes: 1_000, copyBytesPerSecond: 10_000 }).begin()
  await pair.note(1)
  const before = pair.clock.elapsed()
  await pair.catchUp()
  const { content } = { content: await pair.content('standby') }
  expect([pair.clock.elapsed() - before > 3_000, content]).toEqual([true, await pair.content('active')])
})

test('a copy goes on after a restart of either side, and one that was damaged is begun anew', async () => {
  const pair = await new Pair(directory, { chunkBytes: 5_000 }).begin()
  await pair.note(20)
  for (let i = 0; i < 3; i++) await pair.round()
  const arrived = readFileSync(join(directory, 'standby/facts/copy-in.db')).length
  pair.restartActive()
  pair.restartStandby()
  await pair.round()
  const afterRestart = readFileSync(join(directory, 'standby/facts/copy-in.db')).length
  const damaged = Buffer.alloc(afterRestart, 7)
  writeFileSync(join(directory, 'standby/facts/copy-in.db'), damaged)
  await pair.catchUp()
  expect([
    arrived < afterRestart,
    pair.events.includes('facts: the copy that arrived is not whole'),
    await pair.content('standby'),
  ]).toEqual([true, true, await pair.content('active')])
})

test('a standby whose content is not what it should be says why it begins anew', async () => {
  const pair = await new Pair(directory).begin()
  await pair.note(2)
  await pair.catchUp()
  // As a hand in the file might.
  await pair.standby.facts.changes.stop()
  await pair.standby.facts.write([{ sql: 'DELETE FROM fact WHERE n = 2' }])
  pair.events.length = 0
  await pair.catchUp()
  expect([pair.events[0], await pair.content('standby')]).toEqual([
    'facts: it follows another line of changes',
    await pair.content('active'),
  ])
})

test('an older standby waits where it does not understand a newer server, says so on both sides, and goes on once it is as new', async () => {
  const files = { active: join(directory, 'active.db'), standby: join(directory, 'standby.db') }
  const pair = new Pair(directory)
  pair.active.facts = memory({ file: files.active })
  pair.standby.facts = memory({ file: files.standby })
  pair.restartActive()
  pair.restartStandby()
  await pair.begin()
  await pair.note(1)
  await pair.catchUp()
  await pair.active.facts.close()
  pair.active.facts = memory({ file: files.active, schema: grown })
  pair.restartActive()
  await pair.note(1)
  await pair.catchUp()
  const understood = await pair.content('standby')
  await pair.active.facts.write([
    { sql: "INSERT INTO fact (n, text, source) VALUES (3, 'of the newer', 'here')" },
    { sql: "INSERT INTO fact (n, text, source) VALUES (4, 'of the newer', 'here')" },
  ])
  pair.events.length = 0
  for (let i = 0; i < 3; i++) await pair.catchUp()
  const why = 'change 3 is of a newer version of Farwatch: table fact has no column named source'
  const waiting = [
    pair.events.filter((event) => event.startsWith('facts waits')),
    (await pair.source.lag())['facts'],
    pair.follower.states()['facts'],
  ]
  await pair.standby.facts.close()
  pair.standby.facts = memory({ file: files.standby, schema: grown })
  pair.restartStandby()
  await pair.catchUp()
  expect([understood.facts.length, waiting, await pair.content('standby')]).toEqual([
    2,
    [
      [`facts waits: ${why}`],
      { is: 'following', changes: 1, seconds: expect.any(Number) as number, waits: why },
      expect.objectContaining({ is: 'following', changes: 1, waits: why }),
    ],
    await pair.content('active'),
  ])
})

test('an older standby takes no copy of a newer server', async () => {
  const pair = new Pair(directory)
  pair.active.facts = memory({ schema: grown })
  pair.restartActive()
  await pair.begin()
  await pair.note(2)
  for (let i = 0; i < 5; i++) await pair.catchUp()
  const why =
    'the active server is a newer version of Farwatch, and this one cannot read a copy of what it has: upgrade this one'
  const refused = [pair.events.filter((event) => event.startsWith('facts')), pair.follower.states()['facts']]
  pair.standby.facts = memory({ schema: grown })
  pair.restartStandby()
  await pair.catchUp()
  expect([refused, await pair.content('standby')]).toEqual([
    [['facts: it follows another line of changes', `facts waits: ${why}`], { is: 'copying', why }],
    await pair.content('active'),
  ])
})

test('what is no message is refused in words', async () => {
  const good = await encodeRequest({ parts: {} })
  const wrong = [
    Uint8Array.of(),
    Uint8Array.of(9, 1),
    good.subarray(0, 10),
    await encodeRequest({ parts: { a: { is: 'something else' } as never } }),
  ]
  const said = await Promise.all(
    wrong.map((message) =>
      decodeRequest(message).then(
        () => '',
        (thrown: Error) => thrown.message.split(': ')[1],
      ),
    ),
  )
  const answered = await decodeAnswer(good).then(
    () => '',
    (thrown: Error) => thrown.message.split(': ')[1],
  )
  expect([...said, answered]).toEqual([
    'it has version undefined',
    'it has version 9',
    'it cannot be unpacked',
    'its head is not as it should be',
    'its head is not as it should be',
  ])
})

test('a request is made in the version that was agreed on, and answered in it', async () => {
  const versions = { min: 1, max: 2 }
  const pair = await new Pair(directory).begin()
  const source = new ReplicationSource({ parts: [], clock: pair.clock, versions })
  const follower = new ReplicationFollower({ parts: [], versions })
  const versionsOf = async (request: Uint8Array) => [request[0], (await source.answer(request))[0]]
  const newer = await source.answer(await follower.request(2))
  expect([
    await versionsOf(await follower.request(1)),
    await versionsOf(await follower.request(2)),
    await follower.take(newer),
    await pair.follower.take(newer).catch(({ message }: Error) => message),
  ]).toEqual([
    [1, 1],
    [2, 2],
    { more: false, pauseMs: 0 },
    'a message of the other server of the pair cannot be read: it has version 2',
  ])
})

test('a budget lets one second pile up, and no more', () => {
  const budget = new CopyBudget(1_000, 0)
  const waits = [budget.waitMs(0)]
  budget.spend(1_500)
  waits.push(budget.waitMs(0), budget.waitMs(400), budget.waitMs(501), budget.waitMs(100_000))
  budget.spend(2_000)
  waits.push(budget.waitMs(100_000))
  expect(waits).toEqual([0, 501, 101, 0, 0, 1001])
})

test('whatever is lost, repeated, swapped or restarted: after faults end both have the same rows', async () => {
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.constant('note' as const) },
    { weight: 4, arbitrary: fc.constant('round' as const) },
    fc.constantFrom(
      'lose the answer' as const,
      'take an old answer' as const,
      'restart active' as const,
      'restart standby' as const,
      'swap roles' as const,
      'cut' as const,
    ),
  )
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), fc.constantFrom(3_000, 100_000), async (acts, chunkBytes) => {
      const pair = await new Pair(join(directory, `${run++}`), { chunkBytes, answerBytes: 200 }).begin()
      const answers: Uint8Array[] = []
      for (const step of acts) {
        switch (step) {
          case 'note':
            await pair.note()
            break
          case 'round': {
            const answer = await pair.source.answer(await pair.follower.request())
            answers.push(answer)
            await pair.follower.take(answer)
            break
          }
          case 'lose the answer':
            answers.push(await pair.source.answer(await pair.follower.request()))
            break
          case 'take an old answer':
            if (answers.length > 0) await pair.follower.take(answers[Math.floor(answers.length / 2)]!)
            break
          case 'restart active':
            pair.restartActive()
            break
          case 'restart standby':
            pair.restartStandby()
            break
          case 'swap roles':
            // And back: the standby was never active, so it has nothing of its own.
            for (const db of [pair.active.facts, pair.active.seen]) {
              await db.changes.startFollowing()
              await db.changes.startLogging('')
            }
            break
          case 'cut':
            await pair.active.facts.changes.confirm((await pair.active.facts.changes.facts()).point)
            break
        }
      }
      await pair.catchUp()
      expect([await pair.content('standby'), pair.follower.isInStep]).toEqual([await pair.content('active'), true])
      await Promise.all(opened.splice(0).map((db) => db.close()))
    }),
    { numRuns: 25 },
  )
}, 60_000)
