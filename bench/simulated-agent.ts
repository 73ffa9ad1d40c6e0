/** An agent that is real in what it says to its server, and invents what it measures. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { messageOf } from '../src/base/index.ts'
import { LinkClient, ServerClock } from '../src/link/index.ts'
import { makeKeys } from '../src/link/testing.ts'
import { slotFrom, type AssignedTask, type Assignment, type RunResult } from '../src/model/index.ts'
import { silentLog, systemClock } from '../src/platform/index.ts'

/** What simulated agents met with, counted for all of one process. */
export interface Tally {
  uploads: number
  results: number
  /** Milliseconds from asking to the answer. */
  uploadMs: number[]
  /** How much later than its hold a poll without news was answered. */
  pollMs: number[]
  /** Questions that were not answered as they should be, by why. */
  failed: Record<string, number>
}

export function emptyTally(): Tally {
  return { uploads: 0, results: 0, uploadMs: [], pollMs: [], failed: {} }
}

/** What happens to an agent, with the wall clock of this machine. */
export type AgentEvent =
  | { readonly is: 'hello'; readonly agent: number; readonly at: number }
  | { readonly is: 'connected'; readonly agent: number; readonly at: number }
  /** Results of it were acknowledged. Told only where that is asked for. */
  | { readonly is: 'stored'; readonly agent: number; readonly at: number }
  | { readonly is: 'holds'; readonly agent: number; readonly at: number; readonly tasks: number; readonly mark: number }

/** The results of so long are sent together, as a spool gathers what it makes durable. */
export const gatherMs = 50
const firstPauseMs = 250
const longestPauseMs = 5_000
const largestBatch = 2_000
/** What one of these has by way of a machine. */
const cores = 4

export interface SimulatedAgentOptions {
  readonly index: number
  readonly name: string
  readonly url: string
  /** SHA-256 of the certificates that its servers show. */
  readonly fingerprints: readonly string[]
  /** Whether each acknowledgement is told. */
  readonly tellsStored: boolean
  readonly token: string
  /** How long the server holds a poll. */
  readonly holdMs: number
  readonly tally: () => Tally
  readonly tell: (event: AgentEvent) => void
  readonly wheel: Wheel
}

/**
 * Says hello, waits for its assignment, sends a result for each slot of each task, and proves that it reaches whatever it is asked about:
 * through the same client as a real one, with a key of its own. It runs no monitor and keeps nothing on a disk.
 */
export class SimulatedAgent {
  readonly #options: SimulatedAgentOptions
  readonly #client: LinkClient
  readonly #clock = new ServerClock(systemClock)
  readonly #abort = new AbortController()
  readonly #keys = makeKeys()
  readonly #spool = randomUUID()
  #tasks = new Map<string, AssignedTask>()
  #version: string | undefined
  #waiting: RunResult[] = []
  /** Position of the first of those that wait. */
  #from = 0
  #sending: Promise<void> | undefined
  #polling: Promise<void> | undefined
  readonly #pauses = new Set<() => void>()

  constructor(options: SimulatedAgentOptions) {
    this.#options = options
    const { index, name, url, fingerprints, token, tell } = options
    let highest = 0
    let told: readonly string[] = []
    this.#client = new LinkClient({
      servers: () => [url],
      proxy: () => undefined,
      trust: { authorities: () => [], trusts: (shown) => fingerprints.includes(shown) },
      keys: this.#keys,
      told: { read: () => told, note: (urls) => void (told = urls) },
      term: {
        read: () => highest,
        raise: async (term) => {
          highest = term
        },
      },
      serverClock: this.#clock,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
      boot: randomUUID(),
      describe: () => {
        // Asked for with each hello that is made.
        tell({ is: 'hello', agent: index, at: Date.now() })
        return {
          name,
          version: '0.0.0',
          monitors: { 'http.response': 'invented' },
          machine: { hostname: hostname(), platform: 'linux', cores, memoryBytes: 8 * 1024 ** 3 },
        }
      },
      enrolmentToken: token,
      status: () => ({
        cpu: 0.1,
        cores,
        memory: { usedBytes: 2 ** 31, totalBytes: 2 ** 33 },
        disk: { freeBytes: 2 ** 34, totalBytes: 2 ** 35 },
        spool: { entries: this.#waiting.length, bytes: this.#waiting.length * 200 },
        tasks: this.#tasks.size,
        running: 0,
        waiting: 0,
        isolated: false,
        draining: false,
      }),
      command: async (command) =>
        command.is === 'reach'
          ? command.connectors.map(({ id }) => ({ connector: id, reached: true, message: '' }))
          : undefined,
      onState: ({ is }) => {
        if (is === 'connected') tell({ is: 'connected', agent: index, at: Date.now() })
      },
    })
  }

  start(): void {
    this.#client.onReached(() => {
      for (const end of this.#pauses) end()
    })
    this.#polling = this.#poll()
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#client.stop()
    await Promise.all([this.#polling, this.#sending])
  }

  /** The present definition of a task, or undefined where it is not this agent's any more. */
  task(id: string): AssignedTask | undefined {
    return this.#tasks.get(id)
  }

  now(): number {
    return this.#clock.now()
  }

  /** A slot has ended; what ended within the same moment is sent with it. */
  ended(result: RunResult): void {
    this.#waiting.push(result)
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined))
  }

  /** As the loop of a real agent, pauses included. Never rejects. */
  async #poll(): Promise<void> {
    const { tally, holdMs } = this.#options
    const { signal } = this.#abort
    let failures = 0
    while (!signal.aborted) {
      const asked = performance.now()
      try {
        const assignment = await this.#client.assignment(this.#version, signal)
        const tookMs = performance.now() - asked
        failures = 0
        if (assignment !== undefined) this.#apply(assignment)
        else if (tookMs >= holdMs) tally().pollMs.push(tookMs - holdMs)
        else if (tookMs < 50) await this.#pause(firstPauseMs)
      } catch (thrown) {
        if (signal.aborted) return
        this.#failed(thrown)
        await this.#pause(pauseAfter(failures++))
      }
    }
  }

  #apply({ version, tasks }: Assignment): void {
    const { index, tell, wheel } = this.#options
    const before = this.#tasks
    this.#tasks = new Map(tasks.map((task) => [task.id, task]))
    this.#version = version
    for (const { id, periodMs } of tasks)
      if (before.get(id)?.periodMs !== periodMs) wheel.add(this, id, slotFrom(id, periodMs, this.now()))
    tell({ is: 'holds', agent: index, at: Date.now(), tasks: tasks.length, mark: markOf(tasks) })
  }

  /** One batch at a time, for as long as something waits. Never rejects. */
  async #send(): Promise<void> {
    const { signal } = this.#abort
    let failures = 0
    // What ends in the same moment goes along.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0 && !signal.aborted) {
      const entries = this.#waiting.slice(0, largestBatch)
      const asked = performance.now()
      try {
        const { pauseMs } = await this.#client.upload(
          {
            format: 1,
            agent: this.#keys.signer.uuid,
            spool: this.#spool,
            from: this.#from,
            oldest: this.#from,
            entries,
          },
          signal,
        )
        const { index, tellsStored, tell } = this.#options
        if (tellsStored) tell({ is: 'stored', agent: index, at: Date.now() })
        const tally = this.#options.tally()
        tally.uploads++
        tally.results += entries.length
        tally.uploadMs.push(performance.now() - asked)
        failures = 0
        this.#waiting.splice(0, entries.length)
        this.#from += entries.length
        if (pauseMs > 0) await this.#pause(pauseMs)
      } catch (thrown) {
        if (signal.aborted) return
        this.#failed(thrown)
        await this.#pause(pauseAfter(failures++))
      }
    }
  }

  #failed(thrown: unknown): void {
    const { tally, url } = this.#options
    const { failed } = tally()
    const why = messageOf(thrown).replaceAll(`the server ${url} `, '').slice(0, 100)
    failed[why] = (failed[why] ?? 0) + 1
  }

  /** Ends also when a server is reached again, as that of a real one does. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#abort
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#pauses.delete(end)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#pauses.add(end)
      signal.addEventListener('abort', end, { once: true })
    })
  }
}

function pauseAfter(failures: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** failures) * (0.5 + 0.5 * Math.random())
}

/** By the timeout of the tasks the bench tells one state of the configuration from another; -1 where they are not of one. */
export function markOf(tasks: readonly { readonly timeoutMs: number }[]): number {
  const [first] = tasks
  return first !== undefined && tasks.every(({ timeoutMs }) => timeoutMs === first.timeoutMs) ? first.timeoutMs : -1
}

interface Planned {
  readonly agent: SimulatedAgent
  readonly task: string
  readonly slot: number
}

/** The slots of all tasks of all agents of a process, in steps of `gatherMs`: a timer for each of 100,000 tasks would be the load itself. */
export class Wheel {
  readonly #steps = new Map<number, Planned[]>()
  readonly #timer: NodeJS.Timeout
  #turned = Math.floor(Date.now() / gatherMs)

  constructor() {
    this.#timer = setInterval(() => this.#turn(), gatherMs)
  }

  add(agent: SimulatedAgent, task: string, slot: number): void {
    // Server time and ours are of one machine here.
    const step = Math.max(this.#turned + 1, Math.ceil(slot / gatherMs))
    const planned = this.#steps.get(step)
    if (planned === undefined) this.#steps.set(step, [{ agent, task, slot }])
    else planned.push({ agent, task, slot })
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    const now = Math.floor(Date.now() / gatherMs)
    while (this.#turned < now) {
      this.#turned++
      const planned = this.#steps.get(this.#turned) ?? []
      this.#steps.delete(this.#turned)
      for (const { agent, task, slot } of planned) this.#run(agent, task, slot)
    }
  }

  #run(agent: SimulatedAgent, id: string, slot: number): void {
    const task = agent.task(id)
    // Not its own any more, or planned anew with another period.
    if (task === undefined || slotFrom(id, task.periodMs, slot) !== slot) return
    this.add(agent, id, slot + task.periodMs)
    agent.ended(inventedResult(task, slot))
  }
}

/** What an HTTP check of a page finds on a calm day. */
function inventedResult({ id }: AssignedTask, slot: number): RunResult {
  const ms = (about: number) => Math.round(about * (0.8 + 0.4 * Math.random()) * 1_000) / 1_000
  const connect = ms(4)
  const firstByte = ms(20)
  const samples = [
    { name: 'connect', labels: {}, value: connect },
    { name: 'first_byte', labels: {}, value: firstByte },
    { name: 'duration', labels: {}, value: connect + firstByte },
    { name: 'status', labels: {}, value: 200 },
  ]
  return { kind: 'run', task: id, slot, outcome: 'ran', startedAt: slot, durationMs: connect + firstByte, samples }
}
