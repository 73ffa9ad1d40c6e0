import { availableParallelism } from 'node:os'
import { FarwatchError, messageOf, type CancelTimer, type Clock, type Random } from '../base/index.ts'
import {
  isZone,
  MaintenanceClock,
  type AssignedConnector,
  type AssignedTask,
  type Assignment,
  type GapRecord,
  type MaintenanceTimes,
  type RunResult,
  type ServerLink,
  type SkipReason,
  type Slot,
  type SpoolEntry,
  type TravellingSettings,
  type Wanted,
} from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import { absence, absentUntil, aliveAt, jumpMs } from './absence.ts'
import { Admission, type AdmissionLimits, type Candidate } from './admission.ts'
import { AssignmentKeeper, type AssignmentFile } from './assignment-keeper.ts'
import { Backoff, pause } from './backoff.ts'
import { AgentEvents, type AgentListener } from './events.ts'
import { Isolation, type Uplink } from './isolation.ts'
import { readKnownTasks, writeKnownTasks, type KnownTask } from './known-tasks.ts'
import { Lease, type Reading } from './lease.ts'
import { thisMachine, type AgentMachine, type Runner } from './machine.ts'
import { Memory } from './memory.ts'
import { stopGraceMs, type Ended, type Order, type PoolStatus } from './pool.ts'
import { resultOf } from './run-result.ts'
import { Schedule } from './schedule.ts'
import { Spool } from './spool.ts'
import { StartClock } from './start-clock.ts'
import { Uploader } from './uploader.ts'

export interface AgentSettings {
  /** How many monitoring processes; 0 means one for each core. More cost about 50 MB each; fewer leave cores idle. */
  readonly processes: number
  /** Resident memory of one monitoring process. Too small ends healthy runs, too large lets one monitor starve the machine. */
  readonly processMemoryMiB: number
  /** Bounds of the spool: what of an outage of the server survives. */
  readonly spoolMaxBytes: number
  readonly spoolMaxAgeMs: number
}

export interface AgentOptions {
  /** The instance's UUID; names the agent to the server. */
  readonly uuid: string
  readonly link: ServerLink
  /** The agent's own directory: spool, sign of life. */
  readonly directory: string
  /** Server time. It may be wrong until the link has measured it. */
  readonly clock: Clock
  /** How long the machine has slept until now, which `clock.elapsed` does not count; from any beginning. Absent: never. */
  readonly sleptMs?: () => number
  /** Where the assignment outlives this process, so that it goes on while no server answers. Absent: it waits for the server. */
  readonly assignments?: AssignmentFile
  readonly random: Random
  readonly settings: AgentSettings
  /** Module that calls `serveMonitoringProcess`. */
  readonly monitoringProcess: URL
  /** What the bound per target counts, as the connector's declaration says. */
  readonly targetOf: (connector: AssignedConnector) => string
  readonly log: Log
  /** Default: the machine this program runs on. */
  readonly machine?: AgentMachine
}

/** One run of a monitor by hand: nothing of it is stored. */
export interface CheckOrder {
  readonly monitor: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly connector: Omit<AssignedConnector, 'id' | 'group'>
  readonly timeoutMs: number
  /** Something else than what it measures. */
  readonly wants?: Wanted
}

export type AssignmentSource = 'server' | 'kept'

export interface AgentStatus {
  /** Version of the assignment in force; undefined before the first. */
  readonly assignment: string | undefined
  /** Where it is from: the server of this process's life, or what was kept from before. */
  readonly source: AssignmentSource | undefined
  readonly tasks: number
  readonly running: number
  readonly waiting: number
  /**
   * Results and gap records that would be missing if this machine were lost now: held back until it is clear who is cut off, on their way to
   * the disk, in the spool and not yet with the server and its standby. An agent with none of them, nothing running and nothing waiting
   * leaves nothing behind.
   */
  readonly unsafe: number
  readonly isolated: boolean
  readonly pool: PoolStatus
  readonly spool: ReturnType<Spool['status']>
  readonly upload: ReturnType<Uploader['status']>
}

export interface Agent {
  status(): AgentStatus
  /** Hears everything that happens from now on. @returns what ends the listening */
  on(listener: AgentListener): () => void
  /** Runs a task at once, beside its schedule; nothing of it is stored. Throws FarwatchError `not-found`, `conflict` (its lease ended), `overloaded`, `shutting-down`. */
  runNow(task: string): Promise<RunResult>
  /** Runs any monitor once. Throws FarwatchError `overloaded`, `shutting-down`. */
  check(order: CheckOrder): Promise<RunResult>
  /** Ends in bounded time (about 5 s): waits a moment for runs, records the others, writes and uploads what there is. May be called again. */
  stop(): Promise<void>
}

const maxByHand = 16
/**
 * Slots that fall due within so long begin together: a message to a monitoring process wakes it up, which costs as much as two runs. At
 * 1,000 checks a second, stored, on two quiet cores, 100 ms instead of 40 (and as long for reports, see `MonitoringProcess`) took an HTTP check
 * from 0.25 to 0.22 ms of CPU and a TCP check from 0.21 to 0.18; 200 ms were no better. Nobody asks for a slot to the millisecond; where less
 * falls due, each still begins at its time.
 */
const gatherMs = 100
const longestSleepMs = 1_000
const longestRetryMs = 300_000
/** How long the first assignment waits for the first monitoring process. */
const longestStartMs = 5_000
const memoryCharacters = 32 * 1_048_576
const addressLookMs = 1_000
/** How long the server may take to answer results before nobody believes any more that it is in reach. */
const silentUplinkMs = 3_000
/** How long the first question for an assignment waits for its answer before what was kept comes into force. */
const firstAnswerMs = 3_000

/**
 * Starts the agent: it works until it is stopped, whatever happens to the server. Resolves when the spool is open and the monitoring
 * processes are started; the first assignment may come later.
 * @throws Error or FarwatchError where the directory cannot be used
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const events = new AgentEvents(options.log)
  const machine = options.machine ?? thisMachine
  const known = await readKnownTasks(machine.disk, options.directory)
  const periods = new Map(known.map(({ id, periodMs }) => [id, periodMs]))
  const spool = await Spool.open({
    disk: machine.disk,
    newId: machine.newId,
    directory: options.directory,
    maxBytes: options.settings.spoolMaxBytes,
    maxAgeMs: options.settings.spoolMaxAgeMs,
    clock: options.clock,
    tell: events.tell,
    periodOf: (task) => periods.get(task),
  })
  return new RunningAgent({ ...options, machine }, events, spool, known, periods)
}

interface TaskState {
  readonly task: AssignedTask
  readonly connector: AssignedConnector
  readonly target: string
  /** The maintenance windows of its connector; undefined where there are none. */
  readonly pauses: MaintenanceClock | undefined
}

interface Held {
  readonly result: RunResult
  readonly target: string
  readonly since: number
}

class RunningAgent implements Agent {
  readonly #options: AgentOptions & { readonly machine: AgentMachine }
  readonly #clock: StartClock
  readonly #events: AgentEvents
  readonly #spool: Spool
  readonly #pool: Runner
  readonly #uploader: Uploader
  readonly #schedule = new Schedule()
  readonly #admission: Admission
  readonly #isolation = new Isolation()
  readonly #memory = new Memory(memoryCharacters)
  readonly #abort = new AbortController()
  /** The tasks of before this start, until their missed slots are recorded. */
  #before: readonly KnownTask[] | undefined
  readonly #periods: Map<string, number>
  /** The tasks as they are saved, by id. */
  #known: ReadonlyMap<string, KnownTask>
  #tasks: ReadonlyMap<string, TaskState> = new Map()
  #version: string | undefined
  #travelling: TravellingSettings | undefined
  readonly #inFlight = new Map<string, { readonly candidate: Candidate; readonly waitedMs: number }>()
  #held: Held[] = []
  #cancelTick: CancelTimer = () => undefined
  #pumping = false
  #byHand = 0
  #nextCheck = 1
  readonly #failByHand = new Set<(reason: FarwatchError) => void>()
  #ticked: { readonly wall: number; readonly elapsed: number }
  /** When the first assignment came into force. */
  #began = { wall: 0, elapsed: 0 }
  #source: AssignmentSource | undefined
  readonly #lease = new Lease()
  #isLeaseEnded = false
  readonly #keeper: AssignmentKeeper | undefined
  #applying: Promise<void> = Promise.resolve()
  #onFirstAnswer: () => void = () => undefined
  /** Ends the pause before the server is asked again, or lets none begin. */
  #onReached: () => void = () => undefined
  readonly #endReached: (() => void) | undefined
  #assignmentLost = false
  /** When the server last answered; `elapsed`. */
  #answeredAt = -Infinity
  #address = { has: true, at: -Infinity }
  readonly #polling: Promise<unknown>
  #saving: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined
  #onIdle: () => void = () => undefined

  constructor(
    options: AgentOptions & { readonly machine: AgentMachine },
    events: AgentEvents,
    spool: Spool,
    known: readonly KnownTask[],
    periods: Map<string, number>,
  ) {
    const { uuid, link, random, settings, monitoringProcess, log } = options
    const clock = new StartClock(options.clock, spool.recovered.lastAlive)
    this.#options = options
    this.#clock = clock
    this.#events = events
    this.#spool = spool
    this.#before = known
    this.#known = new Map(known.map((task) => [task.id, task]))
    this.#periods = periods
    this.#admission = new Admission({ total: 1, perTarget: 1 })
    this.#pool = options.machine.startRunner({
      module: monitoringProcess,
      processes: settings.processes > 0 ? settings.processes : availableParallelism(),
      processMemoryMiB: settings.processMemoryMiB,
      graceMs: stopGraceMs,
      clock,
      log,
      tell: events.tell,
    })
    this.#endReached = link.onReached?.(() => this.#onReached())
    this.#uploader = new Uploader({ agent: uuid, spool, link, clock, random, tell: events.tell })
    this.#ticked = { wall: clock.now(), elapsed: clock.elapsed() }
    const firstAnswer = new Promise<void>((resolve) => (this.#onFirstAnswer = resolve))
    const { assignments } = options
    this.#keeper =
      assignments === undefined ? undefined : new AssignmentKeeper(assignments, clock, log, this.#abort.signal)
    this.#polling = Promise.all([
      this.#poll(),
      assignments === undefined ? undefined : this.#goOnFrom(assignments, firstAnswer),
    ])
  }

  on(listener: AgentListener): () => void {
    return this.#events.on(listener)
  }

  status(): AgentStatus {
    const spool = this.#spool.status()
    return {
      assignment: this.#version,
      source: this.#source,
      tasks: this.#tasks.size,
      running: this.#admission.running,
      waiting: this.#admission.waiting,
      unsafe: this.#held.length + spool.waiting + spool.unsafe,
      isolated: this.#isolation.isolated,
      pool: this.#pool.status(),
      spool,
      upload: this.#uploader.status(),
    }
  }

  // --- Assignment

  /** Never rejects. */
  async #poll(): Promise<void> {
    const { link, random } = this.#options
    // No longer than between any two polls: where no server answers it is the link that waits, for all who ask of it.
    const backoff = new Backoff(random, 250, 5_000)
    const { signal } = this.#abort
    while (!signal.aborted) {
      const asked = this.#reading()
      const reached = new AbortController()
      this.#onReached = () => reached.abort()
      try {
        // What was kept may not be what the server thinks it gave; it is asked for all of it.
        const known = this.#source === 'server' ? this.#version : undefined
        const assignment = await link.assignment(known, signal)
        if (signal.aborted) return
        this.#clock.measured()
        if (this.#assignmentLost) this.#events.tell({ event: 'server reached', during: 'assignment' })
        this.#assignmentLost = false
        this.#answeredAt = this.#clock.elapsed()
        backoff.succeeded()
        if (assignment !== undefined) {
          const applied = this.#applyInTurn(assignment, 'server', asked)
          this.#onFirstAnswer()
          await applied
          this.#keeper?.keep(assignment)
        } else {
          if (known !== undefined) this.#renewLease(asked)
          // A server that answers at once with nothing would otherwise be asked as fast as it can.
          if (this.#clock.elapsed() - asked.elapsed < 50) await pause(this.#clock, 250, signal)
        }
      } catch (thrown) {
        this.#onFirstAnswer()
        if (signal.aborted) return
        if (!this.#assignmentLost)
          this.#events.tell({ event: 'server lost', during: 'assignment', message: messageOf(thrown) })
        this.#assignmentLost = true
        await pause(this.#clock, backoff.failed(), AbortSignal.any([signal, reached.signal]))
      }
    }
  }

  /** Once after a start: what was kept comes into force where the server has nothing to say. Never rejects. */
  async #goOnFrom(assignments: AssignmentFile, firstAnswer: Promise<void>): Promise<void> {
    try {
      const kept = await assignments.read()
      if (kept === undefined) return
      await this.#atMost(firstAnswerMs, firstAnswer)
      await this.#applyInTurn(kept, 'kept')
    } catch (thrown) {
      this.#options.log.warn('kept assignment not used', { problem: messageOf(thrown) })
    }
  }

  /** One at a time. What was kept yields to what the server has said meanwhile. */
  #applyInTurn(assignment: Assignment, source: AssignmentSource, asked?: Reading): Promise<void> {
    const applied = this.#applying.then(async () => {
      if (source === 'server' || this.#source === undefined) await this.#apply(assignment, source, asked)
    })
    // Whoever waits for this turn hears of its failure; the next turn is another matter.
    this.#applying = applied.catch(() => undefined)
    return applied
  }

  /** @param asked when the server was asked for it; undefined where it was kept, which is no lease */
  async #apply(assignment: Assignment, source: AssignmentSource, asked: Reading | undefined): Promise<void> {
    let since = this.#clock.now()
    if (this.#version === undefined) {
      // Slots of the moment in which the processes come up belong to the absence; run, they would only be late.
      await this.#atMost(longestStartMs, this.#pool.ready)
      since = this.#clock.now()
      this.#began = { wall: since, elapsed: this.#clock.elapsed() }
    } else if (source === 'server') {
      // The absence ends where the schedule looks on from: a slot in between would be nobody's where the clock was set back meanwhile.
      this.#tick()
      since = this.#ticked.wall
    }
    // Not before the server was heard: until then the time may be wrong, and with it what was missed.
    if (source === 'server') await this.#recordAbsence(since)
    if (this.#abort.signal.aborted) return
    const pauses = new Map<string, MaintenanceClock>()
    const connectors = new Map<string, AssignedConnector>()
    for (const { pauses: windows, ...connector } of assignment.connectors) {
      // Not part of what the monitoring processes know: a window that comes or goes is no reason to connect anew.
      connectors.set(connector.id, connector)
      if (windows !== undefined) pauses.set(connector.id, this.#pausesOf(connector.id, windows))
    }
    const before = this.#tasks
    const connectorsBefore = new Map([...before.values()].map(({ connector }) => [connector.id, connector]))
    // The monitoring processes know a definition by its object, so one that did not change stays the same object.
    for (const [id, connector] of connectors) {
      const old = connectorsBefore.get(id)
      if (old !== undefined && isSame(old, connector)) connectors.set(id, old)
    }
    const targets = new Map<string, string>()
    const tasks = new Map<string, TaskState>()
    for (const given of assignment.tasks) {
      const connector = connectors.get(given.connector)
      if (connector === undefined) {
        this.#options.log.error('task left out', { task: given.id, problem: 'its connector was not assigned with it' })
        continue
      }
      const old = before.get(given.id)
      const task = old !== undefined && isSame(old.task, given) ? old.task : given
      let target = targets.get(connector.id)
      if (target === undefined) targets.set(connector.id, (target = this.#targetOf(connector)))
      tasks.set(given.id, { task, connector, target, pauses: pauses.get(connector.id) })
    }
    // Until now everything was the tasks' of before, also where nobody has looked since the clock jumped or the machine slept.
    if (this.#version !== undefined) this.#tick()
    const gone = [...before].filter(([id, { task }]) => tasks.get(id)?.task !== task).map(([id]) => id)
    const goneConnectors = [...connectorsBefore].filter(([id, old]) => connectors.get(id) !== old).map(([id]) => id)
    this.#tasks = tasks
    this.#version = assignment.version
    this.#source = source
    this.#travelling = assignment.settings
    this.#lease.set(assignment.settings.leaseMs)
    // Not before: what the assignment takes away may be somebody else's already.
    if (asked !== undefined) this.#renewLease(asked)
    this.#admission.setLimits(limitsOf(assignment.settings))
    this.#pool.forget(gone, goneConnectors)
    for (const id of gone) this.#memory.forget(id)
    // A slot of a task that is no longer ours, or has another period now, is nobody's.
    this.#admission.clear(({ task, periodMs }) => tasks.get(task)?.task.periodMs !== periodMs)
    for (const id of gone) if (!tasks.has(id)) this.#periods.delete(id)
    for (const { task } of tasks.values()) this.#periods.set(task.id, task.periodMs)
    // From the very moment up to which the absence was recorded: writing that took a while, in which slots fell due.
    this.#schedule.replace(scheduled(tasks), since)
    this.#events.tell({
      event: 'assignment applied',
      version: assignment.version,
      source,
      tasks: tasks.size,
      settings: assignment.settings,
    })
    this.#saveTasks(since)
    this.#tick()
  }

  /** A zone that is not known here is left out: its server does not judge what is then run. */
  #pausesOf(connector: string, windows: readonly MaintenanceTimes[]): MaintenanceClock {
    const [unknown] = windows.filter(({ zone }) => !isZone(zone))
    if (unknown !== undefined)
      this.#options.log.error('maintenance window not kept', {
        connector,
        problem: `the time zone ${unknown.zone} is not known here`,
      })
    return new MaintenanceClock(windows.filter(({ zone }) => isZone(zone)))
  }

  #targetOf(connector: AssignedConnector): string {
    try {
      return this.#options.targetOf(connector)
    } catch {
      // Its settings are then wrong in a way the run itself will name.
      return connector.id
    }
  }

  /** @param at from when on those are run here that were not before, or with another period */
  #saveTasks(at: number): void {
    const tasks = [...this.#tasks.values()].map(({ task: { id, periodMs, timeoutMs } }): KnownTask => {
      const before = this.#known.get(id)
      return { id, periodMs, timeoutMs, since: before?.periodMs === periodMs ? before.since : at }
    })
    this.#known = new Map(tasks.map((task) => [task.id, task]))
    const { directory, machine } = this.#options
    this.#saving = this.#saving.then(() =>
      writeKnownTasks(machine.disk, directory, tasks).catch((thrown: unknown) => {
        this.#options.log.warn('task list not saved', { problem: messageOf(thrown) })
      }),
    )
  }

  /** Once after a start, when the server is there again. */
  async #recordAbsence(now: number): Promise<void> {
    const known = this.#before
    if (known === undefined) return
    this.#before = undefined
    const until = absentUntil(this.#began, { wall: now, elapsed: this.#clock.elapsed() })
    this.#leaveOut(absence(known, this.#spool.recovered, until))
    await this.#spool.flush()
    // Only now: a sign of life written before would hide the absence where we are killed here.
    this.#spool.beginLife((waiting) => aliveAt(this.#clock.now(), this.#owedSince(waiting), this.#known.values()))
  }

  /** The earliest moment of which the spool has not everything yet. @param waiting of what it has and is not durable */
  #owedSince(waiting: number): number {
    let earliest = Math.min(waiting, this.#ticked.wall, this.#admission.earliestSlot())
    for (const { candidate } of this.#inFlight.values()) earliest = Math.min(earliest, candidate.slot)
    for (const { result } of this.#held) earliest = Math.min(earliest, result.slot)
    return earliest
  }

  // --- Time

  #tickLater(): void {
    this.#cancelTick()
    if (this.#stopping !== undefined) return
    const now = this.#clock.now()
    const next = Math.min(this.#schedule.nextAt() ?? Infinity, this.#admission.nextDeadline() ?? Infinity)
    const sleepMs = Math.max(gatherMs, Math.min(longestSleepMs, next - now))
    this.#cancelTick = this.#clock.after(sleepMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#stopping !== undefined) return
    const wall = this.#clock.now()
    const elapsed = this.#clock.elapsed()
    const byMs = wall - this.#ticked.wall - (elapsed - this.#ticked.elapsed)
    this.#ticked = { wall, elapsed }
    if (Math.abs(byMs) > jumpMs) this.#events.tell({ event: 'clock jumped', byMs })
    const { due, missed } = this.#schedule.take(wall)
    const gaps: GapRecord[] = missed.map(({ task, from, to, periodMs }) =>
      skipped(task, from, to, periodMs, 'suspended'),
    )
    for (const { task, slot, periodMs } of due) {
      const state = this.#tasks.get(task)
      if (state === undefined) continue
      if (state.pauses?.isOn(slot) === true) {
        gaps.push({ kind: 'gap', task, from: slot, to: slot, outcome: 'maintenance', periodMs, reason: '' })
        continue
      }
      if (this.#mayNotBegin(state)) {
        gaps.push(skipped(task, slot, slot, periodMs, 'lease ended'))
        continue
      }
      const refused = this.#admission.offer({ task, slot, periodMs, target: state.target })
      if (refused !== undefined) gaps.push(skipped(task, slot, slot, periodMs, refused.reason))
    }
    this.#leaveOut(gaps)
    this.#admit()
    this.#settleHeld()
    this.#tickLater()
  }

  /** Room was made; everything that ends in one turn of the event loop is served by one look. */
  #admitSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#admit()
    })
  }

  #admit(): void {
    if (this.#stopping !== undefined) return
    const at = this.#clock.now()
    const { start, refused } = this.#admission.admit(at)
    for (const candidate of start) this.#start(candidate, at)
    this.#leaveOut(
      refused.map(({ candidate: { task, slot, periodMs }, reason }) => skipped(task, slot, slot, periodMs, reason)),
    )
  }

  // --- Runs

  #start(candidate: Candidate, at: number): void {
    const { task: id, slot, periodMs } = candidate
    const state = this.#tasks.get(id)
    if (state === undefined) {
      this.#admission.ended(id)
      return
    }
    if (this.#mayNotBegin(state)) {
      this.#admission.ended(id)
      this.#leaveOut([skipped(id, slot, slot, periodMs, 'lease ended')])
      this.#admitSoon()
      return
    }
    this.#inFlight.set(id, { candidate, waitedMs: Math.max(0, at - slot) })
    const previous = this.#memory.get(id)
    this.#pool.run(
      {
        task: state.task,
        connector: state.connector,
        slot,
        timeoutMs: this.#timeoutOf(state.task.timeoutMs),
        beginBefore:
          this.#clock.elapsed() + Math.max(0, Math.min(longestRetryMs, slot + periodMs - at, this.#leftMs(state))),
        ...(previous === undefined ? {} : { previous }),
      },
      (ended) => this.#ended(candidate, state, ended),
    )
  }

  #ended(candidate: Candidate, state: TaskState, ended: Ended): void {
    const { task, slot, periodMs } = candidate
    const waitedMs = this.#inFlight.get(task)?.waitedMs ?? 0
    this.#inFlight.delete(task)
    this.#admission.ended(task)
    if (ended.kind === 'overload') {
      const reason = this.#mayNotBegin(state) ? 'lease ended' : 'overload'
      this.#leaveOut([skipped(task, slot, slot, periodMs, reason)])
    } else {
      const { report } = ended
      const current = this.#tasks.get(task)
      if (report.remember !== undefined && current?.task === state.task) this.#memory.set(task, report.remember)
      const isLate = report.startedAt - slot > periodMs / 2
      const result = resultOf(task, slot, report, isLate)
      this.#judgeIsolation(result, state.target)
      this.#events.tell({ event: 'run ended', result, waitedMs })
    }
    if (this.#inFlight.size === 0) this.#onIdle()
    this.#admitSoon()
  }

  #timeoutOf(timeoutMs: number): number {
    return Math.min(timeoutMs, this.#travelling?.processTimeoutMs ?? timeoutMs)
  }

  #leaveOut(gaps: readonly GapRecord[]): void {
    if (gaps.length === 0) return
    this.#spool.append(gaps)
    for (const gap of gaps) this.#events.tell({ event: 'slots left out', gap })
  }

  // --- Lease

  #reading(): Reading {
    return { elapsed: this.#clock.elapsed(), sleptMs: this.#options.sleptMs?.() ?? 0 }
  }

  #renewLease(asked: Reading): void {
    this.#lease.renew(asked)
    if (this.#isLeaseEnded) this.#events.tell({ event: 'lease renewed' })
    this.#isLeaseEnded = false
  }

  /** For how long runs of a task may begin. */
  #leftMs({ connector }: TaskState): number {
    return connector.exclusive === true ? this.#lease.leftMs(this.#reading()) : Infinity
  }

  #mayNotBegin(state: TaskState): boolean {
    if (this.#leftMs(state) > 0) return false
    if (!this.#isLeaseEnded) this.#events.tell({ event: 'lease ended' })
    this.#isLeaseEnded = true
    return true
  }

  // --- Isolation

  #judgeIsolation(result: RunResult, target: string): void {
    const cut = result.reason === 'unreachable' || result.reason === 'timed out'
    const was = this.#isolation.isolated
    const at = this.#clock.elapsed()
    const verdict = this.#isolation.judge(target, cut, () => this.#uplinkSince(at), at)
    this.#tellIsolation(was)
    if (verdict === 'hold') {
      this.#held.push({ result, target, since: at })
      if (!this.#isLocal()) this.#uploader.ask()
    } else this.#store(verdict === 'isolated' ? { ...result, isolated: true } : result)
    if (was !== this.#isolation.isolated) this.#settleHeld()
  }

  #settleHeld(): void {
    if (this.#held.length === 0) return
    const at = this.#clock.elapsed()
    const was = this.#isolation.isolated
    this.#held = this.#held.filter(({ result, since }) => {
      const verdict = this.#isolation.settle(since, this.#uplinkSince(since), at)
      if (verdict === 'hold') return true
      this.#store(verdict === 'isolated' ? { ...result, isolated: true } : result)
      return false
    })
    this.#tellIsolation(was)
  }

  #tellIsolation(was: boolean): void {
    const { isolated } = this.#isolation
    if (was !== isolated) this.#events.tell({ event: 'isolation changed', isolated })
  }

  /** Whether the server is in this very process: then its answers say nothing about the network. */
  #isLocal(): boolean {
    return this.#travelling?.leaseMs === null
  }

  /**
   * The uplink is down where the server is lost or leaves results without an answer, or this machine has no address but its own loopback;
   * up where the server has answered since that moment.
   */
  #uplinkSince(since: number): Uplink {
    const { reached, answeredAt, silentMs } = this.#uploader.status()
    if (this.#assignmentLost || !reached || silentMs > silentUplinkMs || !this.#hasAddress()) return 'down'
    return this.#isLocal() || Math.max(answeredAt, this.#answeredAt) > since ? 'up' : 'unknown'
  }

  #hasAddress(): boolean {
    const at = this.#clock.elapsed()
    if (at - this.#address.at >= addressLookMs) this.#address = { has: this.#options.machine.hasAddress(), at }
    return this.#address.has
  }

  #store(entry: SpoolEntry): void {
    this.#spool.append([entry])
  }

  // --- By hand

  runNow(id: string): Promise<RunResult> {
    const state = this.#tasks.get(id)
    if (state === undefined) {
      return Promise.reject(
        new FarwatchError('not-found', `the task ${id} is not assigned to this agent`, {
          hint: 'The list of tasks names the agent of each.',
        }),
      )
    }
    if (this.#mayNotBegin(state))
      return Promise.reject(
        new FarwatchError('conflict', `the lease of this agent has ended, and another one may run the task ${id}`, {
          hint: 'Its group is exclusive. It is run here again once the server has been reached.',
        }),
      )
    const previous = this.#memory.get(id)
    const timeoutMs = this.#timeoutOf(state.task.timeoutMs)
    return this.#runByHand(state.task, state.connector, timeoutMs, previous === undefined ? {} : { previous })
  }

  async check(order: CheckOrder): Promise<RunResult> {
    const id = `check ${this.#nextCheck++}`
    const { monitor, settings, timeoutMs } = order
    const connector: AssignedConnector = { ...order.connector, id, group: '' }
    const task: AssignedTask = { id, connector: id, monitor, settings, timeoutMs, periodMs: timeoutMs }
    try {
      return await this.#runByHand(task, connector, timeoutMs, order.wants === undefined ? {} : { wants: order.wants })
    } finally {
      this.#pool.forget([id], [id])
    }
  }

  #runByHand(
    task: AssignedTask,
    connector: AssignedConnector,
    timeoutMs: number,
    more: Pick<Order, 'previous' | 'wants'>,
  ): Promise<RunResult> {
    if (this.#stopping !== undefined) return Promise.reject(shuttingDown())
    if (this.#byHand >= maxByHand) {
      return Promise.reject(
        new FarwatchError('overloaded', `${maxByHand} runs by hand are under way already`, {
          hint: 'Wait until one of them has ended.',
        }),
      )
    }
    this.#byHand++
    const slot = this.#clock.now()
    return new Promise<RunResult>((resolve, reject) => {
      this.#failByHand.add(reject)
      const order = {
        task,
        connector,
        slot,
        timeoutMs,
        beginBefore: this.#clock.elapsed() + 2 * timeoutMs,
        ...more,
      }
      this.#pool.run(order, (ended) => {
        this.#byHand--
        this.#failByHand.delete(reject)
        if (ended.kind === 'report') resolve(resultOf(task.id, slot, ended.report, false))
        else reject(new FarwatchError('overloaded', 'too many runs that must run alone are waiting'))
      })
    })
  }

  // --- The end

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#cancelTick()
    this.#abort.abort()
    this.#endReached?.()
    this.#onFirstAnswer()
    await this.#atMost(1_000, this.#polling)
    const at = this.#clock.now()
    const left = this.#admission.clear(() => true)
    if (this.#inFlight.size > 0) {
      await this.#atMost(2_000, new Promise<void>((resolve) => (this.#onIdle = resolve)))
    }
    // What fell due between the last look and the end, what waited, and what still runs, ends as not run.
    const { due, missed } = this.#schedule.take(at)
    this.#ticked = { wall: at, elapsed: this.#clock.elapsed() }
    this.#leaveOut([
      ...missed.map(({ task, from, to, periodMs }) => skipped(task, from, to, periodMs, 'stopped')),
      ...[...due, ...left, ...[...this.#inFlight.values()].map(({ candidate }) => candidate)].map(
        ({ task, slot, periodMs }) => skipped(task, slot, slot, periodMs, 'stopped'),
      ),
    ])
    for (const { result } of this.#held) this.#store(result)
    this.#held = []
    for (const reject of this.#failByHand) reject(shuttingDown())
    await Promise.all([
      this.#pool.stop(),
      this.#saving,
      this.#spool.flush(),
      this.#atMost(1_000, this.#keeper?.idle() ?? Promise.resolve()),
    ])
    await this.#atMost(1_500, this.#uploader.stop(1_000))
    await this.#spool.close()
  }

  /** A link that does not listen to its signal must not hold up the end. */
  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const enough = new AbortController()
    await Promise.race([work, pause(this.#clock, ms, enough.signal)])
    enough.abort()
  }
}

function scheduled(tasks: ReadonlyMap<string, TaskState>): Iterable<{ id: string; periodMs: number }> {
  return [...tasks.values()].map(({ task }) => task)
}

function limitsOf(settings: TravellingSettings): AdmissionLimits {
  return {
    total: settings.parallelTasks > 0 ? settings.parallelTasks : 64 * availableParallelism(),
    perTarget: Math.max(1, settings.parallelPerTarget),
  }
}

function skipped(task: string, from: Slot, to: Slot, periodMs: number, reason: SkipReason): GapRecord {
  return { kind: 'gap', task, from, to, outcome: 'skipped', periodMs, reason }
}

/** Assignments are plain data made by one program in one order of keys, so their text tells whether they are the same. */
function isSame(a: object, b: object): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function shuttingDown(): FarwatchError {
  return new FarwatchError('shutting-down', 'the agent is stopping')
}
