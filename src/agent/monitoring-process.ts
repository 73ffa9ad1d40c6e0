import { AsyncLocalStorage } from 'node:async_hooks'
import { formatDuration, messageOf, type Clock } from '../base/index.ts'
import type { AssignedTask, FailureReason } from '../model/index.ts'
import { parentProcess, systemClock, watchParent, type ParentProcess } from '../platform/index.ts'
import { TargetError, type AnyConnector, type AnyMonitor, type OpenCredential } from '../sdk/index.ts'
import { candidateSamples } from './candidates.ts'
import { checkGathered, isFailureReason, oneLine } from './gathered.ts'
import { neighbourFacts } from './neighbours.ts'
import { maxRememberLength, type ProcessMessage, type RunOrder, type RunReport, type Work } from './process-messages.ts'
import { Ways, type Way } from './ways.ts'

const beatMs = 200
/** Reports of runs wait so long for others while some are under way; the last one takes all along at once. See `gatherMs` of the agent. */
const flushMs = 100
const flushReports = 200
const sweepMs = 50
/** Runs begun in one turn of the event loop; more would keep timers and answers waiting. */
const startsPerTurn = 8

/** A run that was taken, with the definitions of that moment. */
interface Taken {
  readonly order: RunOrder
  readonly task: AssignedTask
  readonly way: Way
}

interface Run {
  readonly order: RunOrder
  readonly task: AssignedTask
  readonly way: Way
  readonly abort: AbortController
  readonly startedAt: number
  readonly began: number
  timedOutAt: number | undefined
  toldHung: boolean
}

/**
 * The whole work of a monitoring process: takes runs from the agent, executes them beside each other, answers with what they gathered.
 * Called once, by the entry module that knows the library. The process ends when the agent's does.
 * @throws Error where the process was not started by an agent
 */
export function serveMonitoringProcess(library: {
  readonly monitors: readonly AnyMonitor[]
  readonly connectors: readonly AnyConnector[]
}): void {
  const parent = parentProcess()
  watchParent()
  const runner = new Runner(parent, systemClock, library)
  parent.onMessage((message) => runner.take(message as Work))
}

class Runner {
  readonly #parent: ParentProcess
  readonly #clock: Clock
  readonly #monitors: ReadonlyMap<string, AnyMonitor>
  readonly #connectors: ReadonlyMap<string, AnyConnector>
  readonly #tasks = new Map<string, AssignedTask>()
  readonly #ways: Ways
  readonly #runs = new Map<number, Run>()
  /** Whose code is running, for the blame where an error is left uncaught. */
  readonly #current = new AsyncLocalStorage<number>()
  #toStart: Taken[] = []
  #starting = false
  #sweeping = false
  #reports: RunReport[] = []
  #flushing = false
  #offsetMs = 0
  #graceMs = Infinity

  constructor(
    parent: ParentProcess,
    clock: Clock,
    library: { readonly monitors: readonly AnyMonitor[]; readonly connectors: readonly AnyConnector[] },
  ) {
    this.#parent = parent
    this.#clock = clock
    this.#ways = new Ways(clock)
    this.#monitors = new Map(library.monitors.map((monitor) => [monitor.id, monitor]))
    this.#connectors = new Map(library.connectors.map((connector) => [connector.id, connector]))
    parent.onUncaught((thrown) => this.#crash(thrown))
    this.#send({ kind: 'ready' })
    this.#beat()
  }

  take(work: Work): void {
    this.#offsetMs = work.offsetMs
    this.#graceMs = work.graceMs
    for (const id of work.forgetTasks) this.#tasks.delete(id)
    for (const id of work.forgetConnectors) this.#ways.forget(id)
    for (const definition of work.connectors) this.#ways.define(definition)
    for (const task of work.tasks) this.#tasks.set(task.id, task)
    for (const order of work.runs) {
      const task = this.#tasks.get(order.task)
      const way = task === undefined ? undefined : this.#ways.enter(task.connector)
      if (task !== undefined && way !== undefined) this.#toStart.push({ order, task, way })
      else {
        const startedAt = this.#now()
        const outcome = failed('defect', 'the monitoring process was not told of this task')
        this.#report({ run: order.run, startedAt, durationMs: 0, ...outcome })
      }
    }
    this.#startSome()
  }

  #send(message: ProcessMessage): void {
    void this.#parent.send(message)
  }

  #now(): number {
    return this.#clock.now() + this.#offsetMs
  }

  #startSome(): void {
    if (this.#starting || this.#toStart.length === 0) return
    this.#starting = true
    setImmediate(() => {
      this.#starting = false
      for (const taken of this.#toStart.splice(0, startsPerTurn)) void this.#execute(taken)
      this.#startSome()
    })
  }

  /** Never rejects: whatever happens in a run becomes its report. */
  async #execute({ order, task, way }: Taken): Promise<void> {
    const run: Run = {
      order,
      task,
      way,
      abort: new AbortController(),
      startedAt: this.#now(),
      began: this.#clock.elapsed(),
      timedOutAt: undefined,
      toldHung: false,
    }
    this.#runs.set(order.run, run)
    this.#sweepSoon()
    let outcome: Omit<RunReport, 'run' | 'startedAt' | 'durationMs'>
    try {
      outcome = await this.#current.run(order.run, () => this.#collect(run))
    } catch (thrown) {
      outcome = failed('defect', oneLine(way.mask(messageOf(thrown))))
    }
    this.#runs.delete(order.run)
    this.#ways.leave(way)
    this.#report({
      run: order.run,
      startedAt: run.startedAt,
      // To the microsecond: the rest is noise of the subtraction, and travels and is stored as well.
      durationMs: Math.round((this.#clock.elapsed() - run.began) * 1_000) / 1_000,
      ...outcome,
    })
  }

  async #collect(run: Run): Promise<Omit<RunReport, 'run' | 'startedAt' | 'durationMs'>> {
    const { order, task, way, abort } = run
    const monitor = this.#monitors.get(task.monitor)
    const connector = this.#connectors.get(way.definition.type)
    if (monitor === undefined) return failed('configuration', `this agent does not know the monitor ${task.monitor}`)
    if (connector === undefined)
      return failed('configuration', `this agent does not know the connector ${way.definition.type}`)
    // The server has seen to it as well; an agent does not rely on that for what could do anything on a target.
    if (monitor.runsCommands === true && way.definition.ownCommands !== true)
      return failed('configuration', 'the group does not allow commands that users wrote (ownCommands)')
    let remember: { readonly value: unknown } | undefined
    let returned: unknown
    try {
      // The credential was checked against the connector's declaration where the configuration was.
      way.client ??= connector.open(way.definition.settings, way.definition.credential as OpenCredential | undefined)
      if (order.wants === 'candidates') {
        const found = (await monitor.candidates?.(task.settings, { client: way.client, signal: abort.signal })) ?? {}
        return { samples: candidateSamples(monitor.settings, found, way.mask) }
      }
      if (order.wants === 'neighbours') {
        const found = (await connector.neighbours?.(way.definition.settings, way.client, abort.signal)) ?? []
        return { samples: [], facts: neighbourFacts(found, way.mask) }
      }
      returned = await monitor.collect(task.settings, {
        client: way.client,
        signal: abort.signal,
        plannedAt: order.slot,
        now: () => this.#now(),
        previous: order.previous === undefined ? undefined : (JSON.parse(order.previous) as unknown),
        remember(value) {
          remember = { value }
        },
      })
    } catch (thrown) {
      if (run.timedOutAt !== undefined) return failed('timed out', timeoutWords(order.timeoutMs))
      const reason = reasonOf(thrown)
      const words = oneLine(way.mask(messageOf(thrown).slice(0, 100_000)))
      return failed(reason, words || reason)
    }
    const checked = checkGathered(monitor, returned, way.mask)
    if (!checked.ok) return failed('garbage', checked.message)
    const { samples, facts, message, failure } = checked.value
    const kept = remembered(remember, monitor.id)
    if (typeof kept === 'object') return failed('garbage', kept.garbage)
    const about = {
      samples,
      ...(facts === undefined ? {} : { facts }),
      ...(kept === undefined ? {} : { remember: kept }),
    }
    if (run.timedOutAt !== undefined) return { ...about, reason: 'timed out', message: timeoutWords(order.timeoutMs) }
    if (failure !== undefined) return { ...about, ...failure }
    return { ...about, ...(message === undefined ? {} : { message }) }
  }

  #report(report: RunReport): void {
    this.#reports.push(report)
    const isIdle = this.#runs.size === 0 && this.#toStart.length === 0
    if (isIdle || this.#reports.length >= flushReports) this.#flush()
    else if (!this.#flushing) {
      this.#flushing = true
      this.#clock.after(flushMs, () => {
        this.#flushing = false
        this.#flush()
      })
    }
  }

  #flush(): void {
    if (this.#reports.length === 0) return
    this.#send({ kind: 'reports', reports: this.#reports })
    this.#reports = []
  }

  #sweepSoon(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#clock.after(sweepMs, () => {
      this.#sweeping = false
      const at = this.#clock.elapsed()
      for (const run of this.#runs.values()) {
        if (run.timedOutAt === undefined) {
          if (at - run.began < run.order.timeoutMs) continue
          run.timedOutAt = at
          // A listener of the monitor's that throws is reported as uncaught by the platform; it does not come back here.
          this.#current.run(run.order.run, () => {
            run.abort.abort(new TargetError('timed out', timeoutWords(run.order.timeoutMs)))
          })
        } else if (!run.toldHung && at - run.timedOutAt >= this.#graceMs) {
          run.toldHung = true
          this.#send({ kind: 'hung', run: run.order.run })
        }
      }
      if (this.#runs.size > 0) this.#sweepSoon()
    })
  }

  #beat(): void {
    this.#send({ kind: 'beat', residentBytes: this.#parent.residentBytes() })
    this.#ways.closeIdle()
    this.#clock.after(beatMs, () => this.#beat())
  }

  #crash(thrown: unknown): void {
    const run = this.#current.getStore() ?? null
    // Whose secret it might hold is known only where the run is.
    const way = run === null ? undefined : this.#runs.get(run)?.way
    const words = way === undefined ? 'an error was left uncaught' : way.mask(messageOf(thrown))
    this.#flush()
    // After an uncaught error nothing in this process can be relied on; what was finished is told, then it ends.
    void this.#parent
      .send({ kind: 'crashing', run, message: oneLine(words) } satisfies ProcessMessage)
      .finally(() => this.#parent.end(1))
  }
}

function failed(reason: FailureReason, message: string): { samples: []; reason: FailureReason; message: string } {
  return { samples: [], reason, message }
}

function timeoutWords(timeoutMs: number): string {
  return `no answer within ${formatDuration(timeoutMs)}`
}

function reasonOf(thrown: unknown): FailureReason {
  if (thrown instanceof TargetError && isFailureReason(thrown.reason)) return thrown.reason
  return 'defect'
}

/** @returns the JSON to keep, undefined for nothing, or what is wrong with it */
function remembered(
  given: { readonly value: unknown } | undefined,
  monitor: string,
): string | undefined | { readonly garbage: string } {
  if (given === undefined || given.value === undefined) return undefined
  let text: string | undefined
  try {
    text = JSON.stringify(given.value)
  } catch {
    text = undefined
  }
  if (text === undefined) return { garbage: `${monitor} asked to remember something that is not JSON` }
  if (text.length > maxRememberLength)
    return { garbage: `${monitor} asked to remember ${text.length} characters; at most ${maxRememberLength} are kept` }
  return text
}
