import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../base/index.ts'
import {
  firstMissing,
  slotFrom,
  withRange,
  type AssignedConnector,
  type AssignedTask,
  type Assignment,
  type Ranges,
  type ServerLink,
  type SpoolEntry,
  type TravellingSettings,
  type UploadAnswer,
  type UploadBatch,
} from '../model/index.ts'
import { silentLog, systemClock, systemDisk, type Disk } from '../platform/index.ts'
import { startAgent, type Agent, type AgentOptions } from './agent.ts'
import type { AgentEvent } from './events.ts'

/** A server that keeps what it gets in memory. `away` it refuses, `silent` it answers nothing, as behind a line that was cut. */
export class MemoryServer implements ServerLink {
  now: 'here' | 'away' | 'silent' = 'here'
  assignmentNow: Assignment | undefined
  settings: TravellingSettings = {
    parallelTasks: 0,
    parallelPerTarget: 100,
    processTimeoutMs: 60_000,
    logLevel: 'info',
    logDurationMs: 0,
    leaseMs: null,
  }
  /** How long a question for another assignment waits. */
  holdMs = Infinity
  readonly entries: SpoolEntry[] = []
  /** What the agent said it had with each question. */
  readonly known: (string | undefined)[] = []
  /** Called with every question, before it is answered: what an exchange measures on the way. */
  onAsked: () => void = () => undefined
  /** Called with everything that it refuses, being away. */
  onAway: () => void = () => undefined
  /** Called with everything that it leaves without an answer. */
  onSilence: () => void = () => undefined
  readonly #stored = new Map<string, Ranges>()
  #changed: (() => void)[] = []
  readonly #listeners = new Set<() => void>()

  assign(tasks: readonly AssignedTask[], connectors: readonly AssignedConnector[] = [connector('front')]): void {
    this.assignmentNow = { version: String(Math.random()), connectors, tasks, settings: this.settings }
    for (const tell of this.#changed.splice(0)) tell()
  }

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    this.known.push(known)
    await this.#met(signal)
    this.onAsked()
    if (this.assignmentNow?.version === known) {
      await new Promise<void>((resolve) => {
        const cancel = this.holdMs === Infinity ? () => undefined : systemClock.after(this.holdMs, resolve)
        const end = () => {
          cancel()
          resolve()
        }
        this.#changed.push(end)
        signal.addEventListener('abort', end, { once: true })
      })
      await this.#met(signal)
    }
    return this.assignmentNow?.version === known ? undefined : this.assignmentNow
  }

  onReached(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** It can be worked with from now on, and says so. */
  come(): void {
    this.now = 'here'
    for (const listener of this.#listeners) listener()
  }

  async upload({ spool, from, oldest, entries }: UploadBatch, signal: AbortSignal): Promise<UploadAnswer> {
    await this.#met(signal)
    const stored = this.#stored.get(spool) ?? []
    entries.forEach((entry, i) => {
      if (firstMissing(stored, from + i) === from + i) this.entries.push(entry)
    })
    const now = withRange(stored, from, from + entries.length)
    this.#stored.set(spool, now)
    const acknowledged = firstMissing(now, oldest ?? from)
    return { acknowledged, safe: acknowledged, pauseMs: 0 }
  }

  async #met(signal: AbortSignal): Promise<void> {
    if (this.now === 'silent') {
      this.onSilence()
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('nobody waits any more')), { once: true })
      })
    }
    if (this.now !== 'away') return
    this.onAway()
    throw new Error('the server is away')
  }

  /** The slots of a task that were run, in order of time. */
  slotsOf(id: string): number[] {
    return this.entries
      .flatMap((entry) => (entry.task === id && entry.kind === 'run' ? [entry.slot] : []))
      .sort((a, b) => a - b)
  }

  /** How each slot of a task ended, as the ledger has it: runs count before gap records, and the first of each kind. */
  ledger(id: string): Map<number, string> {
    const slots = new Map<number, string>()
    for (const entry of this.entries) {
      // A busy machine makes runs late; that is another story.
      if (entry.task === id && entry.kind === 'run' && !slots.has(entry.slot))
        slots.set(entry.slot, entry.outcome === 'late' ? 'ran' : entry.outcome)
    }
    for (const entry of this.entries) {
      if (entry.task !== id || entry.kind === 'run') continue
      for (let slot = entry.from; slot <= entry.to; slot += entry.periodMs)
        if (!slots.has(slot)) slots.set(slot, entry.reason)
    }
    return new Map([...slots].sort((a, b) => a[0] - b[0]))
  }
}

export const periodMs = 400

/** Why slots are left out by a machine that has too much else to do; stories about something else pass over them. */
export const ofABusyMachine: ReadonlySet<string> = new Set(['overload', 'still running', 'suspended'])

export function connector(id: string, more: Partial<AssignedConnector> = {}): AssignedConnector {
  return { id, type: 'http', group: 'acme', settings: { name: id }, ...more }
}

export function task(id: string, how: string, more: Partial<AssignedTask> & { ms?: number } = {}): AssignedTask {
  const { ms = 0, ...rest } = more
  return {
    id,
    connector: 'front',
    monitor: 'test.behave',
    settings: { how, ms },
    periodMs,
    timeoutMs: 5_000,
    ...rest,
  }
}

/** The machine's disk, but for how a file that was created is synced. */
export function diskThatSyncs(sync: (act: () => Promise<void>) => Promise<void>): Disk {
  return {
    ...systemDisk,
    async create(file) {
      const opened = await systemDisk.create(file)
      return {
        write: (bytes, offset, position) => opened.write(bytes, offset, position),
        sync: () => sync(() => opened.sync()),
        truncate: (length) => opened.truncate(length),
        close: () => opened.close(),
      }
    },
  }
}

/** Waits for an event of a kind that fits. */
export function until<K extends AgentEvent['event']>(
  agent: Agent,
  kind: K,
  fits: (event: Extract<AgentEvent, { event: K }>) => boolean = () => true,
): Promise<void> {
  return new Promise((resolve) => {
    const off = agent.on((event) => {
      if (event.event !== kind || !fits(event as Extract<AgentEvent, { event: K }>)) return
      off()
      resolve()
    })
  })
}

/** Resolves when a slot of a task has gone by, so that whoever was away has missed one, however quick the machine is. */
export function slotPassed(id: string): Promise<void> {
  const now = systemClock.now()
  return new Promise((resolve) => systemClock.after(slotFrom(id, periodMs, now + 1) - now + 1, resolve))
}

export const differences = (slots: readonly number[]) => new Set(slots.slice(1).map((slot, i) => slot - slots[i]!))

/** A directory and a server for one agent after the other. */
export interface AgentKit extends AsyncDisposable {
  readonly directory: string
  readonly server: MemoryServer
  /** Everything that happened in all of them. */
  readonly events: AgentEvent[]
  start(options?: Partial<AgentOptions>): Promise<Agent>
}

export async function openAgentKit(): Promise<AgentKit> {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-agent-'))
  const server = new MemoryServer()
  const events: AgentEvent[] = []
  const agents: Agent[] = []
  return {
    directory,
    server,
    events,
    async start(options = {}) {
      const agent = await startAgent({
        uuid: '00000000-0000-4000-8000-000000000001',
        link: server,
        directory,
        clock: systemClock,
        random: seededRandom(1),
        settings: { processes: 1, processMemoryMiB: 512, spoolMaxBytes: 1_048_576, spoolMaxAgeMs: 86_400_000 },
        monitoringProcess: new URL('./misbehaving/testing.ts', import.meta.url),
        targetOf: ({ settings }) => String(settings['name']),
        log: silentLog,
        ...options,
      })
      agents.push(agent)
      agent.on((event) => void events.push(event))
      return agent
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent.stop()
      await rm(directory, { recursive: true })
    },
  }
}
