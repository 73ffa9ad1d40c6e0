import { messageOf, type CancelTimer, type Clock } from '../base/index.ts'
import type { ExpectedTask } from '../ingest/index.ts'
import { slotFrom, slotUntil, type GapRecord } from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import type { History } from './history.ts'

/** A task whose connector no agent may run now. */
export interface UncoveredTask {
  readonly id: string
  readonly periodMs: number
  /** For people. */
  readonly reason: string
  /** Since when its connector is where it is: nowhere. Kept across restarts. */
  readonly since: number
}

/** Up to where the slots of a task that nobody runs are recorded. */
export interface RecordedTask {
  readonly periodMs: number
  readonly reason: string
  /** Slots before it are recorded, or were others'. */
  readonly upTo: number
}

export interface Recording {
  readonly gaps: readonly GapRecord[]
  /** What holds when these are stored. */
  readonly recorded: ReadonlyMap<string, RecordedTask>
}

/** Longer than the ledger may be told at once; whoever was away for longer has forgotten what was before anyway. */
const longestMs = 700 * 86_400_000

/**
 * The slots that passed since the last look and that nobody could run.
 *
 * A task that is new here begins where the ledger ends: so a restart goes on where the server stopped, with no mark of its own, and what is
 * recorded twice counts once. It begins when its connector was uncovered and the configuration had it, and not before. One that is not
 * uncovered any more ends now: if its new agent was faster, its run is worth more than the gap record.
 *
 * @param recorded by task, from the look before @param expected what the ledger says of those that are not among them, by task; one that is
 * left out is not in its configuration yet, and waits
 */
export function recordUncovered(
  recorded: ReadonlyMap<string, RecordedTask>,
  uncovered: readonly UncoveredTask[],
  expected: ReadonlyMap<string, ExpectedTask>,
  at: number,
): Recording {
  const gaps: GapRecord[] = []
  const next = new Map<string, RecordedTask>()
  for (const { id, periodMs, reason, since } of uncovered) {
    const before = recorded.get(id)
    const from =
      before?.periodMs === periodMs ? before.upTo : beginning({ periodMs, since }, expected.get(id), before, at)
    if (from === undefined) continue
    addPassed(gaps, id, { periodMs, reason, upTo: from }, at)
    // Not back with a clock that is set back: what lies ahead then is recorded already.
    next.set(id, { periodMs, reason, upTo: Math.max(from, at) })
  }
  for (const [id, task] of recorded) if (next.get(id)?.periodMs !== task.periodMs) addPassed(gaps, id, task, at)
  return { gaps, recorded: next }
}

function beginning(
  { periodMs, since }: Pick<UncoveredTask, 'periodMs' | 'since'>,
  expected: ExpectedTask | undefined,
  before: RecordedTask | undefined,
  at: number,
): number | undefined {
  if (expected === undefined || expected.periodMs !== periodMs) return undefined
  const lastSlot = expected.lastSlot ?? 0
  // A newest slot in the future was left by a clock that was wrong.
  return Math.max(since, expected.since, lastSlot < at ? lastSlot + 1 : 0, before?.upTo ?? 0)
}

function addPassed(gaps: GapRecord[], task: string, { periodMs, reason, upTo }: RecordedTask, at: number): void {
  const from = slotFrom(task, periodMs, Math.max(upTo, at - longestMs))
  const to = slotUntil(task, periodMs, at - 1)
  if (from <= to) gaps.push({ kind: 'gap', task, from, to, outcome: 'uncovered', periodMs, reason })
}

export interface UncoveredSlotsOptions {
  readonly history: Pick<History, 'upload' | 'expected'>
  /** Whom the ledger names: the server's uuid. */
  readonly agent: string
  /** New at each start. */
  readonly spool: string
  /** All tasks that no agent may run now. Asked at each look. */
  readonly uncovered: () => readonly UncoveredTask[]
  readonly clock: Clock
  readonly log: Log
}

const lookEveryMs = 10_000
/**
 * With a hundred thousand tasks a look takes the thread for a tenth of a second, and agents that come back all at once ask for one each: it
 * is to take no more than this share of the time.
 */
const lookingShare = 0.05
const entriesPerUpload = 5_000

/**
 * Records the slots that nobody runs, as an agent would record those that it leaves out: through the history, with positions in a spool of
 * its own. It keeps nothing: what could not be stored is found again at the next look, or after a restart.
 */
export class UncoveredSlots {
  readonly #options: UncoveredSlotsOptions
  #recorded: ReadonlyMap<string, RecordedTask> = new Map()
  #position = 0
  #looking: Promise<void> = Promise.resolve()
  #isLookWaiting = false
  #failing = false
  #cancel: CancelTimer = () => undefined
  /** Our `elapsed` before which no other look begins. */
  #restUntil = 0
  #endRest: () => void = () => undefined
  #stopped = false

  constructor(options: UncoveredSlotsOptions) {
    this.#options = options
  }

  /** Looks soon, and from then on every ten seconds. To be called at each change of placement and of the configuration. Never rejects. */
  look(): Promise<void> {
    if (this.#stopped || this.#isLookWaiting) return this.#looking
    this.#cancel()
    this.#isLookWaiting = true
    this.#looking = this.#looking.then(async () => {
      await this.#rest()
      this.#isLookWaiting = false
      try {
        if (!this.#stopped) await this.#look()
        if (this.#failing) this.#options.log.info('slots that nobody runs are recorded again')
        this.#failing = false
      } catch (thrown) {
        if (!this.#failing)
          this.#options.log.warn('slots that nobody runs not recorded', { problem: messageOf(thrown) })
        this.#failing = true
      }
      this.#cancel()
      if (!this.#stopped) this.#cancel = this.#options.clock.after(lookEveryMs, () => void this.look())
    })
    return this.#looking
  }

  async #rest(): Promise<void> {
    const { clock } = this.#options
    const restMs = this.#restUntil - clock.elapsed()
    if (restMs <= 0 || this.#stopped) return
    await new Promise<void>((resolve) => {
      const cancel = clock.after(restMs, resolve)
      this.#endRest = () => {
        cancel()
        resolve()
      }
    })
  }

  async #look(): Promise<void> {
    const { history, clock, uncovered } = this.#options
    const since = clock.elapsed()
    const tasks = uncovered()
    this.#restUntil = clock.elapsed() + (clock.elapsed() - since) / lookingShare
    const at = clock.now()
    const unknown = tasks.filter(({ id, periodMs }) => this.#recorded.get(id)?.periodMs !== periodMs)
    const expected = unknown.length === 0 ? [] : await history.expected(unknown.map(({ id }) => id))
    const { gaps, recorded } = recordUncovered(
      this.#recorded,
      tasks,
      new Map(expected.map((each) => [each.task, each])),
      at,
    )
    for (let i = 0; i < gaps.length; i += entriesPerUpload) {
      const entries = gaps.slice(i, i + entriesPerUpload)
      const from = this.#position
      // Not used again where it fails: by then there are more slots in what would take its place.
      this.#position += entries.length
      await history.upload({ format: 1, agent: this.#options.agent, spool: this.#options.spool, from, entries })
    }
    this.#recorded = recorded
  }

  /** Resolves when the look under way has ended. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    this.#endRest()
    await this.#looking
  }
}
