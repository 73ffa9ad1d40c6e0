import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AgentEvent } from '../../src/agent/events.ts'
import { Spool } from '../../src/agent/spool.ts'
import { Uploader } from '../../src/agent/uploader.ts'
import { openHistory, type History } from '../../src/app/history.ts'
import { seededRandom } from '../../src/base/index.ts'
import {
  acceptTestAgent,
  makeKeys,
  makeTestClient,
  startTestSide,
  trustOf,
  type TestSide,
} from '../../src/link/testing.ts'
import { phaseOf, type RunResult } from '../../src/model/index.ts'
import { systemClock, systemDisk } from '../../src/platform/index.ts'

// Results of an agent over real connections into the histories of two servers, one of which takes over from the other.

const periodMs = 60_000
const begin = systemClock.now() - (systemClock.now() % periodMs) - 60 * periodMs
let directory: string
const ends: (() => Promise<unknown>)[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-take-over-'))
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  rmSync(directory, { recursive: true })
})

interface Half {
  readonly side: TestSide
  readonly history: History
}

/** A history that is followed by its copy. */
async function makePair(): Promise<readonly [string, string]> {
  const [first, second] = [join(directory, 'a'), join(directory, 'b')]
  mkdirSync(first)
  const history = await openHistory({ directory: first, clock: systemClock, declared: () => undefined })
  await history.applyTasks([{ id: 'one', connector: 'c', periodMs }])
  await history.changes.startLogging('line of a')
  await history.close()
  cpSync(first, second, { recursive: true })
  return [first, second]
}

async function startHalf(where: string, acts: boolean): Promise<Half> {
  const history = await openHistory({ directory: where, clock: systemClock, declared: () => undefined })
  ends.push(() => history.close())
  const side = await startTestSide(acts, { upload: (_, batch) => history.upload(batch) })
  ends.push(() => side.stop())
  return { side, history }
}

/** All that one has goes to the other, which says that it has it. */
async function replicate(from: History, to: History): Promise<void> {
  const { point } = await to.changes.facts()
  const read = await from.changes.read(point, 10_000_000)
  if (read.is !== 'changes') throw new Error(`nothing to follow: ${read.is}`)
  await to.changes.apply(read.changes)
  await from.changes.confirm((await to.changes.facts()).point)
}

/** How often each slot has a result, by its number. */
async function stored({ history }: Half): Promise<Record<number, number>> {
  const { rows } = await history.results('one', { from: begin, to: begin + 60 * periodMs })
  const times: Record<number, number> = {}
  for (const row of rows) {
    if (row.kind !== 'run') continue
    const n = (row.slot - begin - phaseOf('one', periodMs)) / periodMs
    times[n] = (times[n] ?? 0) + 1
  }
  return times
}

function die({ side }: Half): void {
  side.https.close()
  side.https.closeAllConnections()
}

async function revive({ side }: Half): Promise<void> {
  side.https.listen(side.port, '127.0.0.1')
  await once(side.https, 'listening')
}

const results = (from: number, count: number) =>
  Array.from({ length: count }, (_, i): RunResult => {
    const slot = begin + phaseOf('one', periodMs) + (from + i) * periodMs
    return { kind: 'run', task: 'one', slot, outcome: 'ran', startedAt: slot, durationMs: 1, samples: [] }
  })
const eachOnce = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [n, 1]))

test('what one server acknowledged alone is sent to the one that takes over, and back again, once each and none forgotten', async () => {
  const [first, second] = await makePair()
  const [a, b] = [await startHalf(first, true), await startHalf(second, false)]
  await a.history.changes.startLogging('line of a')
  await b.history.changes.startFollowing()
  const keys = makeKeys()
  for (const { side } of [a, b]) await acceptTestAgent(side, keys)
  const client = makeTestClient(undefined, {
    url: '',
    servers: () => [a.side.url, b.side.url],
    trust: trustOf([a.side, b.side]),
    keys,
  })
  ends.push(() => client.stop())
  const spool = await Spool.open({
    disk: systemDisk,
    newId: () => randomUUID(),
    directory: join(directory, 'spool'),
    maxBytes: 1_048_576,
    maxAgeMs: 86_400_000,
    clock: systemClock,
    tell: () => undefined,
    periodOf: () => periodMs,
  })
  ends.push(() => spool.close())
  let look = (_: AgentEvent): void => undefined
  const uploader = new Uploader({
    agent: keys.signer.uuid,
    spool,
    link: client,
    clock: systemClock,
    random: seededRandom(1),
    tell: (event) => look(event),
  })
  ends.push(() => uploader.stop(0))
  const until = (holds: () => boolean | Promise<boolean>) =>
    new Promise<void>((resolve) => {
      look = () => void Promise.resolve(holds()).then((is) => (is ? resolve() : undefined))
      look({ event: 'server reached', during: 'upload' })
    })
  const append = async (from: number, count: number) => {
    spool.append(results(from, count))
    await spool.flush()
  }
  const seen: unknown[] = []
  const see = async (what: string) =>
    seen.push([
      what,
      { a: Object.keys(await stored(a)).length, b: Object.keys(await stored(b)).length, safe: spool.safe },
    ])

  await append(0, 4)
  await until(() => spool.acknowledged === 4)
  await replicate(a.history, b.history)
  await until(() => spool.safe === 4)
  await append(4, 6)
  await until(() => spool.acknowledged === 10)
  await see('a is followed by b, not far enough')

  die(a)
  await b.history.changes.startLogging('line of b')
  b.side.become({ acts: true, term: 2 })
  await until(async () => Object.keys(await stored(b)).length === 10)
  await append(10, 5)
  await until(() => spool.acknowledged === 15)
  await see('b acts alone')

  die(b)
  a.side.become({ acts: true, term: 3 })
  await a.history.changes.stop()
  await revive(a)
  await until(() => spool.safe === 15)
  await see('a acts alone')
  expect({ seen, a: await stored(a), b: await stored(b), left: spool.status().unsafe }).toEqual({
    seen: [
      ['a is followed by b, not far enough', { a: 10, b: 4, safe: 4 }],
      ['b acts alone', { a: 10, b: 15, safe: 4 }],
      ['a acts alone', { a: 15, b: 15, safe: 15 }],
    ],
    a: eachOnce(15),
    b: eachOnce(15),
    left: 0,
  })
})
