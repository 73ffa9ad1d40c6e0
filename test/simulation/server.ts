import type { DatabaseSync } from 'node:sqlite'
import type { History, HistoryWriter } from '../../src/app/history.ts'
import { historySchema } from '../../src/app/history-store.ts'
import { historyMethods } from '../../src/app/history-worker.ts'
import { defaultHistorySettings } from '../../src/app/history.ts'
import { FarwatchError } from '../../src/base/index.ts'
import {
  distributionSchema,
  openDistribution,
  type AgentFacts,
  type Distribution,
  type Work,
} from '../../src/distribution/index.ts'
import type { Assignment, UploadAnswer, UploadBatch } from '../../src/model/index.ts'
import {
  Moved,
  openMemoryDatabase,
  openSqlite,
  type ChangePoint,
  type Database,
  type Log,
  type ReplicatedDatabase,
} from '../../src/platform/index.ts'
import type { Evidence } from './evidence.ts'
import { OpenCalls, type Answerer } from './exchange.ts'
import type { Program } from './machine.ts'
import type { Scenario } from './scenario.ts'

/** What of the server is on its disk: commits, and nothing else, outlive a crash. */
export interface ServerStore {
  readonly distribution: ReplicatedDatabase
  readonly history: DatabaseSync
}

export function makeServerStore(): ServerStore {
  return {
    distribution: openMemoryDatabase({ schema: [distributionSchema] }),
    history: openSqlite(':memory:', { schema: historySchema }),
  }
}

export interface Poll {
  readonly known: string | undefined
  readonly facts: AgentFacts
  readonly left: number
}

export interface PollAnswer {
  readonly assignment?: Assignment
  /** Connectors whose targets the agent is to try. */
  readonly probes: readonly string[]
}

interface Session {
  polls: number
  wake: () => void
  /** Probes that were given out, and when. */
  readonly told: Map<string, number>
}

const retellMs = 10_000

export interface ServerOptions {
  readonly program: Program
  readonly database: Database
  readonly history: () => Promise<History>
  readonly scenario: Scenario
  readonly work: Work
  readonly evidence: Evidence
  readonly log: Log
  readonly life: number
}

/** What a server does with the calls of agents, as the program joins the engines: one life of it, until it is stopped or killed. */
export class Server implements Answerer {
  readonly program: Program
  readonly distribution: Distribution
  readonly history: History
  readonly #scenario: Scenario
  readonly #evidence: Evidence
  readonly #sessions = new Map<string, Session>()
  /** Scopes are counted anew by each life, so their versions say which. */
  readonly #life: number

  static async start(options: ServerOptions): Promise<Server> {
    const { program, scenario, log } = options
    const distribution = await openDistribution({
      database: options.database,
      clock: program,
      log,
      settings: () => ({ lease: scenario.lease, placement: scenario.placement }),
    })
    const history = await options.history()
    await history.applyTasks(
      scenario.connectors.flatMap(({ tasks }) =>
        tasks.map(({ id, connector, periodMs }) => ({ id, connector, periodMs })),
      ),
    )
    return new Server(options, distribution, history)
  }

  private constructor(options: ServerOptions, distribution: Distribution, history: History) {
    const { program, scenario, work, evidence, life } = options
    this.program = program
    this.distribution = distribution
    this.history = history
    this.#scenario = scenario
    this.#evidence = evidence
    this.#life = life
    distribution.onChange(({ agents, probes, raised, cleared }) => {
      for (const id of [...agents, ...probes]) this.#sessions.get(id)?.wake()
      for (const { key } of raised) evidence.tell('server', `raised ${key}`)
      if (raised.some(({ key }) => key === 'agents lost')) evidence.wasMassLoss = true
      for (const key of cleared) evidence.tell('server', `cleared ${key}`)
    })
    history.onStored((batch) => {
      distribution.counted(batch.entries)
      evidence.counted(batch)
    })
    distribution.setWork(work)
    distribution.setAgents(
      scenario.agents.map((id) => ({ id, name: id, local: false, registration: 'ACCEPTED', admin: 'ON' })),
    )
    distribution.start()
  }

  /** Held until there is something to say, a newer poll comes, or a third of the offline timeout is over. */
  async poll(agent: string, { known, facts, left }: Poll): Promise<PollAnswer> {
    const confirms = this.#scopeOf(known)
    this.distribution.heard(agent, { facts, left, ...(confirms === undefined ? {} : { confirms }) })
    const session = this.#session(agent)
    const turn = ++session.polls
    session.wake()
    const until = this.program.elapsed() + this.#scenario.lease.offlineTimeoutMs / 3
    for (;;) {
      const assignment = this.#assignmentFor(agent)
      const probes = this.#newProbes(agent, session)
      const leftMs = until - this.program.elapsed()
      if (assignment.version !== known) {
        this.#evidence.assigned(agent, assignment)
        return { assignment, probes }
      }
      if (probes.length > 0 || leftMs <= 0 || session.polls !== turn) return { probes }
      await new Promise<void>((resolve) => {
        const cancel = this.program.after(leftMs, resolve)
        session.wake = () => {
          cancel()
          resolve()
        }
      })
    }
  }

  proved(agent: string, connector: string, ok: boolean): void {
    this.#sessions.get(agent)?.told.delete(connector)
    this.distribution.proved(agent, connector, ok ? { ok } : { ok, reason: 'connection refused' })
  }

  upload: (this: Server, batch: UploadBatch) => Promise<UploadAnswer> = (batch) => this.history.upload(batch)

  readonly #calls = new OpenCalls()

  onEnd(hangUp: () => void, isOver: () => boolean): void {
    this.#calls.onEnd(hangUp, isOver)
  }

  hangUp(): void {
    this.#calls.hangUp()
  }

  async stop(): Promise<void> {
    await this.distribution.stop()
    await this.history.close()
  }

  #session(agent: string): Session {
    let session = this.#sessions.get(agent)
    if (session === undefined)
      this.#sessions.set(agent, (session = { polls: 0, wake: () => undefined, told: new Map() }))
    return session
  }

  #newProbes(agent: string, { told }: Session): readonly string[] {
    const at = this.program.elapsed()
    const asked = this.distribution.probesOf(agent).filter((id) => at - (told.get(id) ?? -Infinity) > retellMs)
    for (const id of asked) told.set(id, at)
    return asked
  }

  #scopeOf(version: string | undefined): number | undefined {
    const [life, scope] = version?.split('.').map(Number) ?? []
    return life === this.#life ? scope : undefined
  }

  #assignmentFor(agent: string): Assignment {
    const { version, connectors } = this.distribution.assignmentScope(agent)
    const own = this.#scenario.connectors.filter(({ assigned }) => connectors.has(assigned.id))
    return {
      version: `${this.#life}.${version}`,
      connectors: own.map(({ assigned }) => assigned),
      tasks: own.flatMap(({ tasks }) => tasks),
      settings: {
        parallelTasks: 64,
        parallelPerTarget: 4,
        processTimeoutMs: 60_000,
        logLevel: 'info',
        logDurationMs: 0,
        leaseMs: this.#scenario.lease.offlineTimeoutMs,
      },
    }
  }
}

/** Calls are answered one after another, each after the time a disk takes. */
function inOrder(program: Program): <T>(act: () => T | Promise<T>) => Promise<T> {
  let before: Promise<unknown> = Promise.resolve()
  return (act) => {
    const done = before.then(() => program.call(act) as Promise<Awaited<ReturnType<typeof act>>>)
    before = done.catch(() => undefined)
    return done
  }
}

/** @param options.wrote called before anybody else learns of what may have been written */
export function onThread(
  program: Program,
  database: ReplicatedDatabase,
  { wrote = () => Promise.resolve() }: { readonly wrote?: () => Promise<void> } = {},
): ReplicatedDatabase {
  const turn = inOrder(program)
  const { changes } = database
  const writing = <T>(act: () => Promise<T>): Promise<T> =>
    turn(async () => {
      refuseFull(program)
      const result = await act()
      await wrote()
      return result
    })
  return {
    read: (sql, params) => turn(() => database.read(sql, params)),
    write: (batch) => writing(() => database.write(batch)),
    backup: (file) => turn(() => database.backup(file)),
    check: () => turn(() => database.check()),
    changes: {
      version: changes.version,
      facts: () => turn(() => changes.facts()),
      startLogging: (line) => writing(() => changes.startLogging(line)),
      startFollowing: () => writing(() => changes.startFollowing()),
      stop: () => writing(() => changes.stop()),
      read: (after, bytes) => turn(() => changes.read(after, bytes)),
      confirm: (upTo) => writing(() => changes.confirm(upTo)),
      apply: (list) => writing(() => changes.apply(list)),
      copy: (to) => turn(() => changes.copy(to)),
      install: (from) => writing(() => changes.install(from)),
    },
    // The file outlives the program.
    close: () => Promise.resolve(),
  }
}

function refuseFull({ machine }: Program): void {
  if (machine.isDiskFull)
    throw new FarwatchError('storage-unwritable', `the disk of ${machine.name} is full`, { hint: 'Free some space.' })
}

/** Of the history's thread: they change something, and need room on the disk. */
const writingMethods = new Set([
  ...['upload', 'applyTasks', 'upkeep', 'startLogging', 'startFollowing', 'stopLogging', 'applyChanges'],
  ...['confirmChanges', 'beginCopy'],
])

export function writerOn(
  program: Program,
  db: DatabaseSync,
  { wrote = () => undefined }: { readonly wrote?: (point: ChangePoint) => void } = {},
): HistoryWriter {
  const turn = inOrder(program)
  return writerWith(db, (act) => turn(act), { refuseFull: () => refuseFull(program), wrote })
}

/** What the thread of the history does, done by whoever calls; `turn` says when. */
export function writerWith(
  db: DatabaseSync,
  turn: (act: () => unknown) => Promise<unknown> = (act) => new Promise((resolve) => resolve(act())),
  on: { readonly refuseFull?: () => void; readonly wrote?: (point: ChangePoint) => void } = {},
): HistoryWriter {
  const { close: _, ...methods } = historyMethods(db, ':memory:', defaultHistorySettings)
  const call = (method: string, input: unknown) =>
    turn(() => {
      if (method === 'close') return true
      const writes = writingMethods.has(method)
      if (writes) on.refuseFull?.()
      // The near end names a method and gives its input by the types of these very methods.
      const answer = (methods as unknown as Record<string, (given: unknown) => unknown>)[method]
      if (answer === undefined) throw new FarwatchError('internal', `the history has no method ${method}`)
      const value = answer(input)
      if (writes) on.wrote?.(methods.logFacts(undefined).point)
      return value instanceof Moved ? value.value : value
    })
  return {
    // As above: what comes back is what the named method returns.
    call: call as HistoryWriter['call'],
    end: () => Promise.resolve(),
  }
}
