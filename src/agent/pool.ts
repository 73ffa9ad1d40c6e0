import { formatDuration, hash53, type CancelTimer, type Clock } from '../base/index.ts'
import type { AssignedConnector, AssignedTask, FailureReason, Slot, Wanted } from '../model/index.ts'
import { forkProcess, systemClock, type ChildProcess, type Log, type ProcessEnd } from '../platform/index.ts'
import type { AgentListener, ProcessEndReason } from './events.ts'
import { oneLine } from './gathered.ts'
import { maskOf } from './mask.ts'
import { readProcessMessage, type RunReport, type Work } from './process-messages.ts'

/** One run to be made. */
export interface Order {
  readonly task: AssignedTask
  readonly connector: AssignedConnector
  readonly slot: Slot
  readonly timeoutMs: number
  /** The reading of `elapsed` after which it is not begun again where its process was ended without its fault. */
  readonly beginBefore: number
  /** What the run before remembered: JSON. */
  readonly previous?: string
  /** Asked for instead of measuring. */
  readonly wants?: Wanted
}

/** How an order ended: with a report, or without one because there was no room to run it apart from others in time. */
export type Ended = { readonly kind: 'report'; readonly report: RunReport } | { readonly kind: 'overload' }

export interface PoolOptions {
  /** The entry module of a monitoring process. */
  readonly module: URL
  /** How many processes share the work. */
  readonly processes: number
  /** Resident memory of one process beyond which it is ended. */
  readonly processMemoryMiB: number
  /** How long a run may take to stop once its time is over. */
  readonly graceMs: number
  readonly clock: Clock
  readonly log: Log
  readonly tell: AgentListener
}

export interface PoolStatus {
  readonly processes: readonly {
    readonly pid: number | undefined
    readonly runs: number
    readonly residentBytes: number
    readonly alone: boolean
  }[]
  readonly waiting: number
}

/** What the agent gives as `graceMs`: long enough for a client to close its connections in order. */
export const stopGraceMs = 2_000
const sweepMs = 250
/** Silence after which a process may count as blocked; its event loop tells five times a second that it turns. */
const silentMs = 800
/** How long after its time a run is given up although its process seems well, and how long a process may take to come up. */
const lastResortMs = 30_000
const longestBackoffMs = 30_000
const livedWellMs = 10_000
const aloneIdleMs = 30_000
const maxTries = 3
const maxAloneQueue = 1_000
const maxDistrusted = 10_000
/** A task that ended its process runs apart from others until it has ended well so many times. */
const trustAfter = 3
/** Above this share of the memory cap a process takes no more work and ends with its last run. */
const retireShare = 0.75
const retireAfterRuns = 50
/** Of the memory cap for the JavaScript heap; the rest is for the program itself and for buffers. */
const heapShare = 0.6
const leastHeapMiB = 96
/**
 * For what a run leaves behind at once. Unbounded, it takes up to 90 MiB under load, which counts as having grown: at 1,000 HTTP checks
 * a second each process counted as worn after five seconds and was replaced.
 */
const semiSpaceMiB = 4
/** What a process may always grow by, so that a bound below its bare size (about 110 MiB from sources) does not end every run. */
const leastRoomBytes = 64 * 1_048_576

interface Job {
  readonly id: number
  readonly order: Order
  readonly done: (ended: Ended) => void
  tries: number
  sentAt: number
}

interface Member {
  process: ChildProcess
  readonly alone: boolean
  readonly jobs: Map<number, Job>
  readonly knownTasks: Map<string, AssignedTask>
  readonly knownConnectors: Map<string, AssignedConnector>
  outbox: Job[]
  forgetTasks: string[]
  forgetConnectors: string[]
  flushing: boolean
  ready: boolean
  /** Takes no more work; ends with its last run. */
  retiring: boolean
  readonly startedAt: number
  heardAt: number
  residentBytes: number
  /** Resident memory when it was new: what cannot be less. */
  bareBytes: number
  served: number
  idleSince: number
  /** Why we end it, told before the process is gone. */
  ending: { readonly reason: ProcessEndReason; readonly detail: string } | undefined
  culprit: { readonly run: number | null; readonly message: string } | undefined
  outputTail: string
  outputLeft: number
}

/** A place for a process that shares the work: the process that holds it, and how it fared with those before. */
interface Place {
  member: Member | undefined
  /** Consecutive processes that ended within `livedWellMs`. */
  failures: number
  retryAt: number
}

/**
 * The monitoring processes: a fixed number that share the work, and a few more in which suspects run alone.
 *
 * A process that hangs, grows past its memory or crashes is ended with all its runs. Where it is clear whose fault it was, that run
 * fails and the others run again elsewhere. Where it is not, each of them runs again alone, and whoever ends its process then is the
 * culprit. A task that was one runs alone from then on, until it has behaved for a while, so that it harms the others once.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #clock: Clock
  readonly #places: Place[]
  readonly #lone = new Set<Member>()
  readonly #retired = new Set<Member>()
  /** Jobs for which no process is there at the moment. */
  #pending: Job[] = []
  #aloneQueue: Job[] = []
  /** Task id → good runs still wanted. */
  readonly #distrusted = new Map<string, number>()
  #nextRun = 1
  #stopped = false
  #cancelSweep: CancelTimer = () => undefined
  #sweptAt: number
  #onAllGone: (() => void) | undefined
  #onReady: () => void = () => undefined
  /** Resolves when the first process can take work; before, runs would only wait. */
  readonly ready: Promise<void> = new Promise((resolve) => (this.#onReady = resolve))

  constructor(options: PoolOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#places = Array.from({ length: options.processes }, () => ({ member: undefined, failures: 0, retryAt: 0 }))
    this.#sweptAt = this.#clock.elapsed()
    for (const place of this.#places) this.#fill(place)
    this.#sweepLater()
  }

  /** Runs one order. `done` is called exactly once, never from within this call, unless the pool is stopped before. */
  run(order: Order, done: (ended: Ended) => void): void {
    const job: Job = { id: this.#nextRun++, order, done, tries: 0, sentAt: 0 }
    if (this.#distrusted.has(order.task.id)) this.#queueAlone(job)
    else this.#place(job)
  }

  /** Lets the processes close what they hold for tasks and connectors that changed or are gone. */
  forget(tasks: readonly string[], connectors: readonly string[]): void {
    for (const member of this.#members()) {
      for (const id of tasks) if (member.knownTasks.delete(id)) member.forgetTasks.push(id)
      for (const id of connectors) if (member.knownConnectors.delete(id)) member.forgetConnectors.push(id)
      if (member.forgetTasks.length + member.forgetConnectors.length > 0) this.#flushSoon(member)
    }
    for (const id of tasks) this.#distrusted.delete(id)
  }

  status(): PoolStatus {
    return {
      processes: this.#members().map((member) => ({
        pid: member.process.pid,
        runs: member.jobs.size,
        residentBytes: member.residentBytes,
        alone: member.alone,
      })),
      waiting: this.#pending.length + this.#aloneQueue.length,
    }
  }

  /** Ends all processes at once. Resolves when they are gone; `done` of what was running is not called any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelSweep()
    this.#pending = []
    this.#aloneQueue = []
    const gone = new Promise<void>((resolve) => (this.#onAllGone = resolve))
    for (const member of this.#members()) {
      member.jobs.clear()
      this.#end(member, 'stopped', 'the agent stops')
    }
    this.#tellWhenGone()
    await gone
  }

  #members(): Member[] {
    const shared = this.#places.flatMap((place) => (place.member === undefined ? [] : [place.member]))
    return [...shared, ...this.#lone, ...this.#retired]
  }

  #tellWhenGone(): void {
    if (this.#stopped && this.#members().length === 0) this.#onAllGone?.()
  }

  // --- Placing work

  #place(job: Job): void {
    const member = this.#chooseFor(job.order.connector.id)
    if (member === undefined) this.#pending.push(job)
    else this.#give(member, job)
  }

  /** Tasks of one connector share a process and so its connections, unless that process has far more to do than the others. */
  #chooseFor(connector: string): Member | undefined {
    const count = this.#places.length
    const first = hash53(connector) % count
    let least: Member | undefined
    for (let i = 0; i < count; i++) {
      const member = this.#places[(first + i) % count]!.member
      if (member === undefined) continue
      if (least === undefined || member.jobs.size < least.jobs.size) least = member
    }
    const home = this.#places[first]!.member
    return home !== undefined && least !== undefined && home.jobs.size <= 2 * least.jobs.size + 16 ? home : least
  }

  #give(member: Member, job: Job): void {
    job.sentAt = this.#clock.elapsed()
    member.jobs.set(job.id, job)
    member.outbox.push(job)
    member.served++
    this.#flushSoon(member)
  }

  /** All that one turn of the event loop gives to a process goes in one message. */
  #flushSoon(member: Member): void {
    if (member.flushing) return
    member.flushing = true
    queueMicrotask(() => {
      member.flushing = false
      this.#flush(member)
    })
  }

  #flush(member: Member): void {
    const tasks: AssignedTask[] = []
    const connectors: AssignedConnector[] = []
    const jobs = member.outbox.filter((job) => member.jobs.has(job.id))
    for (const { order } of jobs) {
      const { task, connector } = order
      if (member.knownTasks.get(task.id) !== task) {
        member.knownTasks.set(task.id, task)
        tasks.push(task)
      }
      if (member.knownConnectors.get(connector.id) !== connector) {
        member.knownConnectors.set(connector.id, connector)
        connectors.push(connector)
      }
    }
    const work: Work = {
      kind: 'work',
      offsetMs: this.#clock.now() - systemClock.now(),
      graceMs: this.#options.graceMs,
      connectors,
      tasks,
      runs: jobs.map(({ id, order }) => ({
        run: id,
        task: order.task.id,
        slot: order.slot,
        timeoutMs: order.timeoutMs,
        ...(order.previous === undefined ? {} : { previous: order.previous }),
        ...(order.wants === undefined ? {} : { wants: order.wants }),
      })),
      forgetTasks: member.forgetTasks,
      forgetConnectors: member.forgetConnectors,
    }
    member.outbox = []
    member.forgetTasks = []
    member.forgetConnectors = []
    member.process.send(work)
  }

  #queueAlone(job: Job): void {
    if (this.#aloneQueue.length >= maxAloneQueue) this.#giveUp(job)
    else this.#aloneQueue.push(job)
    this.#serveAlone()
  }

  #serveAlone(): void {
    while (this.#aloneQueue.length > 0 && !this.#stopped) {
      let member = [...this.#lone].find((one) => one.jobs.size === 0 && one.ending === undefined && !one.retiring)
      if (member === undefined) {
        if (this.#lone.size >= this.#options.processes) return
        member = this.#start(true)
        this.#lone.add(member)
      }
      const job = this.#aloneQueue.shift()!
      if (this.#isTooLate(job)) this.#giveUp(job)
      else this.#give(member, job)
    }
  }

  #isTooLate(job: Job): boolean {
    return this.#clock.elapsed() > job.order.beginBefore
  }

  /** An order that cannot be run (again) in time. */
  #giveUp(job: Job): void {
    if (job.tries === 0) this.#finish(job, { kind: 'overload' })
    else this.#fail(job, 'crashed', crashedBesideOthers)
  }

  #finish(job: Job, ended: Ended): void {
    queueMicrotask(() => {
      if (!this.#stopped) job.done(ended)
    })
  }

  #fail(job: Job, reason: FailureReason, message: string): void {
    const ranMs = job.sentAt === 0 ? 0 : this.#clock.elapsed() - job.sentAt
    this.#finish(job, {
      kind: 'report',
      report: {
        run: job.id,
        startedAt: this.#clock.now() - ranMs,
        durationMs: ranMs,
        samples: [],
        reason,
        message: oneLine(message),
      },
    })
  }

  // --- Processes

  #fill(place: Place): void {
    place.member = this.#start(false)
    const pending = this.#pending
    this.#pending = []
    for (const job of pending) this.#place(job)
  }

  #start(alone: boolean): Member {
    const { module, processMemoryMiB, tell } = this.#options
    const process = forkProcess(
      module,
      {
        execArgv: [
          `--max-old-space-size=${Math.max(leastHeapMiB, Math.ceil(heapShare * processMemoryMiB))}`,
          `--max-semi-space-size=${semiSpaceMiB}`,
          '--disable-warning=ExperimentalWarning',
        ],
      },
      {
        onMessage: (message) => this.#heard(member, message),
        onOutput: (text) => this.#output(member, text),
        onEnd: (end) => this.#ended(member, end),
      },
    )
    const at = this.#clock.elapsed()
    const member: Member = {
      process,
      alone,
      jobs: new Map(),
      knownTasks: new Map(),
      knownConnectors: new Map(),
      outbox: [],
      forgetTasks: [],
      forgetConnectors: [],
      flushing: false,
      ready: false,
      retiring: false,
      startedAt: at,
      heardAt: at,
      residentBytes: 0,
      bareBytes: 0,
      served: 0,
      idleSince: at,
      ending: undefined,
      culprit: undefined,
      outputTail: '',
      outputLeft: maxOutputPerMinute,
    }
    tell({ event: 'process started', pid: process.pid, alone })
    return member
  }

  #heard(member: Member, given: unknown): void {
    const message = readProcessMessage(given)
    if (message === undefined) {
      // A monitor sent something by itself, or returned what slipped past the checks there; its run ends by its timeout.
      this.#options.log.warn('unknown message received', { pid: member.process.pid })
      return
    }
    member.heardAt = this.#clock.elapsed()
    switch (message.kind) {
      case 'ready':
        member.ready = true
        this.#onReady()
        // The time it takes to start a process is not the run's.
        for (const job of member.jobs.values()) job.sentAt = member.heardAt
        return
      case 'beat':
        member.residentBytes = message.residentBytes
        if (member.bareBytes === 0) member.bareBytes = message.residentBytes
        return
      case 'reports':
        for (const report of message.reports) this.#reported(member, report)
        return
      case 'hung': {
        const job = member.jobs.get(message.run)
        if (job === undefined) return
        member.jobs.delete(job.id)
        this.#blame(job, 'killed: hung', hungWords(job))
        // The others in it go on; only then it ends, and with it what hangs.
        this.#retire(member, 'hung', 'a run did not stop when it was told to')
        return
      }
      case 'crashing':
        member.culprit = { run: message.run, message: message.message }
        return
    }
  }

  #reported(member: Member, report: RunReport): void {
    const job = member.jobs.get(report.run)
    // Unknown: it was ended by us meanwhile, or made up by a monitor.
    if (job === undefined) return
    member.jobs.delete(job.id)
    const { id } = job.order.task
    const wanted = this.#distrusted.get(id)
    if (wanted !== undefined && member.alone) {
      if (wanted <= 1) this.#distrusted.delete(id)
      else this.#distrusted.set(id, wanted - 1)
    }
    job.done({ kind: 'report', report })
    if (member.jobs.size > 0) return
    member.idleSince = this.#clock.elapsed()
    if (member.retiring) this.#end(member, 'retired', 'its last run has ended')
    else if (member.alone) this.#serveAlone()
  }

  /** Takes a process out of its place; another takes it at once. */
  #retire(member: Member, reason: ProcessEndReason, detail: string): void {
    if (!member.retiring) {
      member.retiring = true
      if (!member.alone) {
        this.#retired.add(member)
        const place = this.#places.find((one) => one.member === member)
        if (place !== undefined && !this.#stopped) this.#fill(place)
      }
    }
    if (member.jobs.size === 0) this.#end(member, reason, detail)
  }

  #end(member: Member, reason: ProcessEndReason, detail: string): void {
    member.ending ??= { reason, detail }
    member.process.kill()
  }

  #ended(member: Member, end: ProcessEnd): void {
    const cause = causeOf(member, end)
    const jobs = [...member.jobs.values()]
    member.jobs.clear()
    this.#options.tell({
      event: 'process ended',
      pid: member.process.pid,
      reason: cause.reason,
      detail: cause.detail,
      runs: jobs.length,
    })
    this.#lone.delete(member)
    this.#retired.delete(member)
    const place = this.#places.find((one) => one.member === member)
    if (place !== undefined) place.member = undefined
    if (this.#stopped) return this.#tellWhenGone()
    this.#judge(member, jobs, cause)
    if (place !== undefined) {
      const livedMs = this.#clock.elapsed() - member.startedAt
      place.failures = livedMs > livedWellMs ? 1 : place.failures + 1
      // A process that worked is replaced at once; one that never came up, or the third that soon ended, waits.
      const waitMs =
        member.ready && place.failures < 3 ? 0 : Math.min(longestBackoffMs, 250 * 2 ** (place.failures - 1))
      place.retryAt = this.#clock.elapsed() + waitMs
      if (waitMs === 0) this.#fill(place)
    }
    this.#serveAlone()
  }

  /** Whose fault it was, and what becomes of the others. */
  #judge(member: Member, jobs: readonly Job[], cause: Cause): void {
    const culprit = jobs.find((job) => job.id === member.culprit?.run)
    for (const job of jobs) {
      if (!member.ready) {
        // It never began, so nothing is known against it.
        this.#again(job, member.alone, `no monitoring process could be started to run it: ${cause.detail}`)
      } else if (job === culprit || (cause.clear && jobs.length === 1) || member.alone) {
        this.#blame(job, cause.failure, cause.failure === 'killed: hung' ? hungWords(job) : cause.words)
      } else this.#again(job, culprit === undefined, crashedBesideOthers)
    }
  }

  #again(job: Job, alone: boolean, words: string): void {
    job.tries++
    if (job.tries >= maxTries || this.#isTooLate(job)) this.#fail(job, 'crashed', words)
    else if (alone) this.#queueAlone(job)
    else this.#place(job)
  }

  #blame(job: Job, reason: FailureReason, message: string): void {
    const { id } = job.order.task
    if (this.#distrusted.size < maxDistrusted || this.#distrusted.has(id)) this.#distrusted.set(id, trustAfter)
    this.#options.tell({ event: 'task blamed', task: id, reason, message })
    this.#fail(job, reason, message)
  }

  #output(member: Member, text: string): void {
    member.outputTail = (member.outputTail + text).slice(-4_000)
    if (member.outputLeft <= 0) return
    const shown = text.slice(0, Math.min(member.outputLeft, 4_000))
    member.outputLeft -= shown.length
    let masked = shown
    for (const connector of member.knownConnectors.values()) masked = maskOf(connector.credential)(masked)
    this.#options.log.warn('process output received', { pid: member.process.pid, output: masked })
    if (member.outputLeft <= 0) this.#options.log.warn('process output dropped', { pid: member.process.pid })
  }

  // --- Watching

  #sweepLater(): void {
    this.#cancelSweep = this.#clock.after(sweepMs, () => {
      this.#sweep()
      if (!this.#stopped) this.#sweepLater()
    })
  }

  #sweep(): void {
    const at = this.#clock.elapsed()
    const sinceLastMs = at - this.#sweptAt
    this.#sweptAt = at
    for (const place of this.#places) if (place.member === undefined && at >= place.retryAt) this.#fill(place)
    if (this.#pending.length > 0 && this.#pending.some((job) => this.#isTooLate(job))) {
      const pending = this.#pending
      this.#pending = []
      for (const job of pending) {
        if (!this.#isTooLate(job)) this.#pending.push(job)
        else this.#fail(job, 'crashed', 'no monitoring process could be started to run it')
      }
    }
    this.#serveAlone()
    // Where this process itself stood still, what the others said meanwhile is not read yet; they are judged the next time.
    const stoodStill = sinceLastMs > 4 * sweepMs
    for (const member of this.#members()) {
      member.outputLeft = Math.min(maxOutputPerMinute, member.outputLeft + (maxOutputPerMinute * sinceLastMs) / 60_000)
      if (member.ending !== undefined) {
        member.process.kill()
        continue
      }
      member.residentBytes = member.process.residentBytes() ?? member.residentBytes
      const cap = capOf(member, this.#options.processMemoryMiB)
      if (member.residentBytes > cap) {
        const mib = Math.round(member.residentBytes / 1_048_576)
        this.#end(member, 'memory', `${mib} MiB are in use; ${Math.round(cap / 1_048_576)} MiB are allowed`)
      } else if (isWorn(member, cap)) {
        this.#retire(member, 'retired', 'it comes near its memory bound')
      } else if (!stoodStill) this.#judgeSilence(member, at)
      if (member.alone && member.jobs.size === 0 && at - member.idleSince > aloneIdleMs)
        this.#end(member, 'retired', 'nothing has to run alone any more')
    }
  }

  #judgeSilence(member: Member, at: number): void {
    const silence = at - member.heardAt
    const overdue = (job: Job) => at - job.sentAt - job.order.timeoutMs
    if (!member.ready) {
      if (silence > lastResortMs) this.#end(member, 'not started', 'it did not come up in time')
      return
    }
    for (const job of member.jobs.values()) {
      const late = overdue(job)
      if (silence > silentMs && late > this.#options.graceMs) {
        return this.#end(member, 'hung', `it is blocked since ${formatDuration(silence)}`)
      }
      if (late > lastResortMs) {
        member.jobs.delete(job.id)
        this.#blame(job, 'killed: hung', hungWords(job))
        this.#retire(member, 'hung', 'a run was never answered')
      }
    }
  }
}

const crashedBesideOthers =
  'the monitoring process ended while this ran beside others, and there was no time to run it again'
const maxOutputPerMinute = 16_384

/** Infinite until the process told its bare size: before, nothing of a monitor has run in it. */
function capOf(member: Member, processMemoryMiB: number): number {
  if (member.bareBytes === 0) return Infinity
  return Math.max(processMemoryMiB * 1_048_576, member.bareBytes + leastRoomBytes)
}

/** It has grown, comes near its bound, and has served for a while: a new one in its place harms nobody. */
function isWorn(member: Member, cap: number): boolean {
  const { residentBytes, bareBytes, served, retiring } = member
  return !retiring && served >= retireAfterRuns && residentBytes > Math.max(retireShare * cap, 1.5 * bareBytes)
}

interface Cause {
  readonly reason: ProcessEndReason
  readonly detail: string
  readonly failure: FailureReason
  readonly words: string
  /** A run that was alone in it is the culprit without a second try. */
  readonly clear: boolean
}

function causeOf(member: Member, end: ProcessEnd): Cause {
  const { ending, culprit, outputTail } = member
  if (ending !== undefined) {
    const failure =
      ending.reason === 'hung' ? 'killed: hung' : ending.reason === 'memory' ? 'killed: memory' : 'crashed'
    return { ...ending, failure, words: `the monitoring process was ended: ${ending.detail}`, clear: true }
  }
  if (outputTail.includes('heap out of memory')) {
    const detail = 'its JavaScript heap is full'
    return {
      reason: 'memory',
      detail,
      failure: 'killed: memory',
      words: `the monitoring process ended: ${detail}`,
      clear: true,
    }
  }
  const how = end.signal === null ? `exit code ${end.code ?? 'unknown'}` : `signal ${end.signal}`
  const detail = culprit === undefined ? how : culprit.message
  return {
    reason: member.ready ? 'crashed' : 'not started',
    detail,
    failure: 'crashed',
    words:
      culprit === undefined
        ? `the monitoring process ended by itself with ${how}`
        : `an error was left uncaught: ${culprit.message}`,
    // A signal from outside (the kernel short of memory, an administrator) says nothing about the run.
    clear: end.signal !== 'SIGKILL' && end.signal !== 'SIGTERM',
  }
}

function hungWords(job: Job): string {
  return `did not stop when its time of ${formatDuration(job.order.timeoutMs)} was over, and was ended`
}
