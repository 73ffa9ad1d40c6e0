import type { DatabaseSync } from 'node:sqlite'
import { openHistory } from '../../src/app/history.ts'
import { ManualClock } from '../../src/base/index.ts'
import type { Distribution } from '../../src/distribution/index.ts'
import { isRun, slotFrom, type AssignedTask, type Outcome } from '../../src/model/index.ts'
import type { Death, Evidence } from './evidence.ts'
import type { Scenario } from './scenario.ts'
import { writerWith } from './server.ts'
import type { CountingTarget, Served } from './target.ts'

/** What must hold and does not. `about`: the task or connector, to pick its lines out of the story. */
export interface Violation {
  readonly law: Law
  readonly about: string
  readonly words: string
}

export type Law =
  | 'no acknowledged result is lost'
  | 'no slot is counted twice'
  | 'no two agents run a slot of an exclusive connector'
  | 'every slot has an outcome'
  | 'every connector is run again in time'
  | 'the placement comes to rest'
  | 'every run is stored as it was'
  | 'a drained agent is empty'
  | 'agents deliver everything'

interface Stored {
  readonly slot: number
  readonly outcome: Outcome
  readonly value: number | undefined
}

/** What is stored of one task, by slot, as a server that is started anew finds it. */
export interface StoredTask {
  readonly bySlot: ReadonlyMap<number, Stored>
  /** Slots that have more than one row. */
  readonly doubled: readonly number[]
  /** Slots that have a run twice in the log that consumers read. */
  readonly doubledInLog: readonly number[]
  /** Of the statistics. */
  readonly runs: number
}

const manyRows = 1_000

export async function readStore(
  db: DatabaseSync,
  tasks: readonly AssignedTask[],
  { now, ...range }: { readonly from: number; readonly to: number; readonly now: number },
): Promise<ReadonlyMap<string, StoredTask>> {
  const history = await openHistory({ directory: ':memory:', clock: new ManualClock(now), writer: writerWith(db) })
  const logged = new Map<string, Map<number, number>>(tasks.map(({ id }) => [id, new Map()]))
  for (let after = 0, batches = await history.read(after, 1_000); batches.length > 0;) {
    for (const { position, entries } of batches) {
      after = position
      for (const entry of entries) {
        const slots = logged.get(entry.task)
        if (entry.kind === 'run') slots?.set(entry.slot, (slots.get(entry.slot) ?? 0) + 1)
      }
    }
    batches = await history.read(after, 1_000)
  }
  const stored = new Map<string, StoredTask>()
  for (const task of tasks) {
    const bySlot = new Map<number, Stored>()
    const doubled: number[] = []
    const keep = (slot: number, outcome: Outcome, value: number | undefined) => {
      if (bySlot.has(slot)) doubled.push(slot)
      bySlot.set(slot, { slot, outcome, value })
    }
    for (let from: number | undefined = range.from; from !== undefined;) {
      const page = await history.results(task.id, { from, to: range.to, limit: manyRows })
      for (const row of page.rows) {
        if (row.kind === 'run') keep(row.slot, row.outcome, row.metrics.find(({ name }) => name === 'hits')?.value)
        else for (let slot = row.from; slot <= row.to; slot += task.periodMs) keep(slot, row.outcome, undefined)
      }
      from = page.next
    }
    const [statistics] = await history.statistics({ ...range, tasks: [task.id], by: (id) => id })
    const doubledInLog = [...logged.get(task.id)!].filter(([, count]) => count > 1).map(([slot]) => slot)
    stored.set(task.id, { bySlot, doubled, doubledInLog, runs: statistics?.runs ?? 0 })
  }
  await history.close()
  return stored
}

export interface Facts {
  readonly scenario: Scenario
  readonly evidence: Evidence
  /** How often a run was announced as one that counts, by `task slot`; of one history. */
  readonly announced: ReadonlyMap<string, number>
  readonly target: CountingTarget
  readonly stored: ReadonlyMap<string, StoredTask>
  /** At the end; undefined where no server is there. */
  readonly placement: ReturnType<Distribution['placement']> | undefined
  /** Entries that agents still have to deliver, by agent. */
  readonly undelivered: ReadonlyMap<string, number>
  /** True time. */
  readonly endedAt: number
  /** Server time at the end. */
  readonly serverEndedAt: number
  /** Set where one fault only was thrown, at a time when all was well, and did not take most agents at once: from when on the bound is looked at. */
  readonly boundFrom: number | undefined
  /** Whether two servers of a pair acted at a moment, each for agents of its own. True time. */
  readonly isSplit: (at: number) => boolean
  /** Exclusive work rests while no server can be reached. */
  readonly isServersFault: boolean
}

/** What is under way at the end is not demanded. */
const tailMs = 15_000
/** What has ended is on the disk so long after: results about whose cause there is doubt are held for a while. */
const inMemoryMs = 8_000
/** The same with a disk that is full or slow. */
const unwrittenMs = 60_000
/** Around the moment at which an agent gets or loses a task. */
const seamMs = 100
/** design.md: work runs elsewhere within so long after the loss of an agent. */
const takeoverMs = 20_000

export function check(facts: Facts): readonly Violation[] {
  return [
    ...acknowledgedIsStored(facts),
    ...countedOnce(facts),
    ...oneOwner(facts),
    ...noSilentSlot(facts),
    ...runAgain(facts),
    ...atRest(facts),
    ...runsAreStored(facts),
    ...drainedIsEmpty(facts),
    ...delivered(facts),
  ]
}

function* acknowledgedIsStored({ evidence, stored }: Facts): Iterable<Violation> {
  for (const { agent, spool, position, entry } of evidence.acknowledgedEntries) {
    const found = stored.get(entry.task)
    if (found === undefined) continue
    const where = `${agent} was told that position ${position} of ${spool} is stored`
    if (entry.kind === 'run') {
      const there = found.bySlot.get(entry.slot)
      if (there === undefined || !isRun(there.outcome))
        yield {
          law: 'no acknowledged result is lost',
          about: entry.task,
          words: `${where}: the run of ${entry.task} slot ${entry.slot}, which is ${there?.outcome ?? 'not there'}`,
        }
    } else {
      for (let slot = entry.from; slot <= entry.to; slot += entry.periodMs)
        if (!found.bySlot.has(slot))
          yield {
            law: 'no acknowledged result is lost',
            about: entry.task,
            words: `${where}: that ${entry.task} slot ${slot} was ${entry.outcome}, and nothing is there`,
          }
    }
  }
}

function* countedOnce({ announced, stored }: Facts): Iterable<Violation> {
  const law = 'no slot is counted twice'
  for (const [key, count] of announced)
    if (count > 1)
      yield { law, about: key.split(' ')[0]!, words: `${key} was announced ${count} times as a run that counts` }
  for (const [about, { bySlot, doubled, doubledInLog, runs }] of stored) {
    for (const slot of doubled) yield { law, about, words: `${about} slot ${slot} has two rows` }
    for (const slot of doubledInLog) yield { law, about, words: `${about} slot ${slot} has two runs in the log` }
    const distinct = [...bySlot.values()].filter(({ outcome }) => isRun(outcome)).length
    if (distinct !== runs)
      yield { law, about, words: `${about} has ${distinct} slots that were run, and ${runs} are counted` }
  }
}

/**
 * An agent whose clock is found to have been wrong has run slots of other moments than it thought: the target was asked as often as it should be,
 * under names of slots that another has as well.
 */
function* oneOwner({ scenario, target, evidence, isSplit }: Facts): Iterable<Violation> {
  const exclusive = new Set(scenario.connectors.filter((one) => one.exclusive).map(({ assigned }) => assigned.id))
  const bySlot = Map.groupBy(
    target.served.filter(({ connector }) => exclusive.has(connector)),
    ({ task, slot }) => `${task} slot ${slot}`,
  )
  for (const [key, served] of bySlot) {
    const agents = new Set(served.map(({ agent }) => agent))
    const isMisnamed = evidence.corrections.some(
      ({ agent, at, errorMs }) => agents.has(agent) && Math.abs(served[0]!.slot - at) <= errorMs + seamMs,
    )
    if (agents.size > 1 && !isMisnamed && !served.some(({ at }) => isSplit(at)))
      yield {
        law: 'no two agents run a slot of an exclusive connector',
        about: served[0]!.task,
        words: `${key} was run by ${[...agents].join(' and ')}`,
      }
  }
}

/** Whoever had a task accounts for each of its slots: by a run, or by saying why there was none. */
function* noSilentSlot({ scenario, evidence, stored, serverEndedAt }: Facts): Iterable<Violation> {
  const periods = new Map(scenario.connectors.flatMap(({ tasks }) => tasks.map(({ id, periodMs }) => [id, periodMs])))
  for (const { agent, task, from, until } of evidence.duties) {
    const periodMs = periods.get(task)!
    const end = Math.min(until ?? Infinity, serverEndedAt - tailMs) - seamMs
    const seams = evidence.seams.filter((seam) => seam.agent === agent)
    const silent: number[] = []
    for (let slot = slotFrom(task, periodMs, from + seamMs); slot < end; slot += periodMs)
      if (
        !stored.get(task)!.bySlot.has(slot) &&
        !seams.some(({ at, errorMs }) => Math.abs(slot - at) <= errorMs + seamMs)
      )
        silent.push(slot)
    if (silent.length > 0)
      yield {
        law: 'every slot has an outcome',
        about: task,
        words: `${agent} had ${task} from ${from} to ${until ?? 'the end'}, and nothing is known of ${silent.length} of its slots: ${silent.slice(0, 5).join(', ')}`,
      }
  }
}

function* runAgain({ scenario, target, boundFrom, isServersFault, endedAt }: Facts): Iterable<Violation> {
  const byConnector = Map.groupBy(target.served, ({ connector }) => connector)
  for (const { assigned, tasks, exclusive } of scenario.connectors) {
    const shortest = Math.min(...tasks.map(({ periodMs }) => periodMs))
    const served = byConnector.get(assigned.id) ?? []
    const law = 'every connector is run again in time'
    // At the end of the quiet everything runs as it should, whatever was.
    const lastAt = served.at(-1)?.at ?? -Infinity
    if (endedAt - lastAt > 2 * shortest + 1_000)
      yield { law, about: assigned.id, words: `${assigned.id} was not run in the last ${endedAt - lastAt} ms` }
    if (boundFrom === undefined || (exclusive && isServersFault)) continue
    const bound = takeoverMs + shortest + 500
    for (const [before, after] of pairs(served))
      if (before.at >= boundFrom && after.at - before.at > bound)
        yield {
          law,
          about: assigned.id,
          words: `${assigned.id} was not run for ${after.at - before.at} ms (at most ${bound}), from ${before.at} on`,
        }
  }
}

function* pairs(served: readonly Served[]): Iterable<readonly [Served, Served]> {
  for (let i = 1; i < served.length; i++) yield [served[i - 1]!, served[i]!]
}

function* atRest({ scenario, placement }: Facts): Iterable<Violation> {
  const law = 'the placement comes to rest'
  if (placement === undefined) {
    yield { law, about: 'server', words: 'the server is not there' }
    return
  }
  const { places, massLoss } = placement
  if (massLoss !== undefined) yield { law, about: 'server', words: 'a mass loss of agents still stands' }
  for (const { assigned } of scenario.connectors) {
    const place = places.get(assigned.id)
    if (place?.is !== 'settled') yield { law, about: assigned.id, words: `${assigned.id} is ${place?.is ?? 'nowhere'}` }
  }
}

/** For how long an agent had gone on between a moment and its death. */
function goneOnMs(at: number, death: Death): number {
  const stood = death.stood.map(({ from, until }) => Math.max(0, Math.min(until, death.at) - Math.max(from, at)))
  return death.at - at - stood.reduce((sum, ms) => sum + ms, 0)
}

/** But for what a sudden end took along before it was on the disk. */
function* runsAreStored({ evidence, stored, target, endedAt }: Facts): Iterable<Violation> {
  const law = 'every run is stored as it was'
  for (const { agent, life, task, slot, at } of evidence.ended) {
    const death = evidence.deaths.get(`${agent} ${life}`)
    if (death !== undefined && goneOnMs(at, death) < (death.isDiskWell ? inMemoryMs : unwrittenMs)) continue
    if (endedAt - at < tailMs) continue
    const outcome = stored.get(task)?.bySlot.get(slot)?.outcome
    // Lost: the spool was too small for it.
    if (outcome === undefined || (!isRun(outcome) && outcome !== 'lost'))
      yield { law, about: task, words: `${agent} ran ${task} slot ${slot}, which is ${outcome ?? 'not there'}` }
  }
  const measured = new Map<string, Set<number>>()
  for (const { task, slot, hits } of target.served) {
    const key = `${task} ${slot}`
    const known = measured.get(key)
    if (known === undefined) measured.set(key, new Set([hits]))
    else known.add(hits)
  }
  for (const [task, { bySlot }] of stored)
    for (const { slot, value } of bySlot.values())
      if (value !== undefined && measured.get(`${task} ${slot}`)?.has(value) !== true)
        yield { law, about: task, words: `${task} slot ${slot} is stored with ${value}, which nobody measured` }
}

function* drainedIsEmpty({ evidence, target }: Facts): Iterable<Violation> {
  const law = 'a drained agent is empty'
  for (const { agent, life, at, until, unsafe } of evidence.drained) {
    if (unsafe > 0) yield { law, about: agent, words: `${agent} was drained and still had ${unsafe} entries or runs` }
    for (const served of target.served)
      if (served.agent === agent && served.life === life && served.at > at && served.at < until)
        yield { law, about: served.task, words: `${agent} was drained at ${at} and ran ${served.task} at ${served.at}` }
  }
}

function* delivered({ undelivered }: Facts): Iterable<Violation> {
  for (const [agent, entries] of undelivered)
    if (entries > 50)
      yield { law: 'agents deliver everything', about: agent, words: `${agent} still has ${entries} entries` }
}
