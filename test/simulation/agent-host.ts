import { startAgent, type Agent, type AgentEvent, type Ended, type Order, type Runner } from '../../src/agent/index.ts'
import { ServerClock } from '../../src/link/index.ts'
import type { AgentFacts } from '../../src/distribution/index.ts'
import type { Assignment, ServerLink, UploadAnswer } from '../../src/model/index.ts'
import type { Log } from '../../src/platform/index.ts'
import type { Evidence } from './evidence.ts'
import type { Call, ExchangeTimes } from './exchange.ts'
import { quickDisk, type Machine, type Program } from './machine.ts'
import type { Scenario } from './scenario.ts'
import type { PollAnswer, Server } from './server.ts'
import { outcomeOf, type CountingTarget } from './target.ts'

const spoolDirectory = '/spool'
const assignmentFile = '/assignment.json'

export const facts: AgentFacts = {
  monitors: ['counter'],
  machine: { cores: 2, parallelTasks: 64 },
  provesReach: true,
}

/** One life of an agent's program, as its way to the server sees it. */
export interface AgentLife {
  readonly name: string
  readonly program: Program
  /** An answer that was believed says what time it is. */
  believe(times: ExchangeTimes): void
}

/** As `LinkClient` waits for a poll: a third of a lease of 15 s, and 15 s of grace. */
const pollPatienceMs = 20_000

/** How calls of an agent come to the server that acts. */
export interface Way {
  ask<T>(call: Call, act: (server: Server) => Promise<T>): Promise<T>
}

export interface Surroundings {
  readonly target: CountingTarget
  readonly evidence: Evidence
  readonly scenario: Scenario
  readonly serverTime: () => number
  readonly way: (agent: AgentLife) => Way
  /** How long an upload waits for its answer, and a poll, but that no longer than `pollPatienceMs`. */
  readonly patienceMs: number
  readonly logOf: (who: string) => Log
  readonly wrapLink: (link: ServerLink, agent: string) => ServerLink
}

/** An agent on its machine: started, killed and started again. */
export class AgentHost {
  readonly machine: Machine
  readonly #around: Surroundings
  /** Server time minus wall clock, as the program keeps it for the next start. */
  #wallOffsetMs = 0
  /** Server time, as it knew it. */
  #diedAt = 0
  #lives = 0
  /** Of this life: when the first assignment came into force, and whether the server has given one. */
  #beganAt: number | undefined
  #hasAccounted = false
  #agent: Agent | undefined
  #clock: ServerClock | undefined
  /** Neither the server nor any target is in reach. */
  isAlone = false

  constructor(machine: Machine, around: Surroundings) {
    this.machine = machine
    this.#around = around
  }

  get name(): string {
    return this.machine.name
  }

  get clock(): ServerClock | undefined {
    return this.#clock
  }

  /** Of its idea of server time. */
  get #errorMs(): number {
    return this.#clock === undefined ? Infinity : Math.abs(this.#clock.now() - this.#around.serverTime())
  }

  /** Its clock was set while it was away, and no server has said yet what time it is. */
  get #knowsTime(): boolean {
    return this.#errorMs < 1_000
  }

  get isRunning(): boolean {
    return this.machine.program !== undefined
  }

  start(): void {
    if (this.isRunning) return
    const { scenario, logOf, wrapLink } = this.#around
    const { name, machine } = this
    const { world } = machine
    const life = ++this.#lives
    const program = machine.begin()
    const clock = new ServerClock(program, this.#wallOffsetMs)
    this.#clock = clock
    this.#agent = undefined
    this.#beganAt = undefined
    this.#hasAccounted = false
    world.tell(name, `started, life ${life}`)
    if (!this.#knowsTime) this.#around.evidence.lostTime(name, this.#diedAt)
    const way = this.#around.way({
      name,
      program,
      believe: (times) => {
        clock.observe(times)
        const status = clock.status()
        if (status !== undefined) this.#wallOffsetMs = status.wallOffsetMs
      },
    })
    const runner = (): Runner => ({
      ready: Promise.resolve(),
      run: (order, done) => this.#run(program, clock, life, order, done),
      forget: () => undefined,
      status: () => ({ processes: [], waiting: 0 }),
      stop: () => Promise.resolve(),
    })
    void startAgent({
      uuid: name,
      link: wrapLink(this.#link(program, way), name),
      directory: spoolDirectory,
      clock,
      random: world.random,
      settings: {
        processes: 1,
        processMemoryMiB: 512,
        spoolMaxBytes: scenario.spoolMaxBytes,
        spoolMaxAgeMs: 86_400_000,
      },
      monitoringProcess: new URL('file:///none'),
      targetOf: ({ id }) => id,
      assignments: {
        read: () =>
          // Written by the next function.
          program.disk.read(assignmentFile).then(
            (text) => JSON.parse(String(text)) as Assignment,
            () => undefined,
          ),
        write: (assignment) => program.disk.writeAtomically(assignmentFile, JSON.stringify(assignment)),
      },
      log: logOf(name),
      machine: {
        disk: program.disk,
        newId: () => `spool-${world.between(0, 2 ** 47)}`,
        hasAddress: () => !this.isAlone,
        startRunner: runner,
      },
    }).then(
      (agent) => {
        this.#agent = agent
        agent.on((event) => this.#heard(event, clock, life))
      },
      (thrown: unknown) => {
        world.tell(name, `could not start: ${String(thrown)}`)
        if (program.isAlive) {
          machine.kill()
          world.after(5_000, () => {
            if (!this.isRunning) this.start()
          })
        }
      },
    )
  }

  kill(): void {
    if (!this.isRunning) return
    this.machine.kill()
    this.#died()
  }

  losePower(): void {
    if (!this.isRunning) return
    this.machine.losePower()
    this.#died()
  }

  /** Stopped in order, as by an administrator, and gone when that is done. */
  stop(): void {
    const agent = this.#agent
    const { program } = this.machine
    if (agent === undefined || program === undefined) return
    this.machine.world.tell(this.name, 'asked to stop')
    void agent.stop().then(() => {
      if (this.machine.program !== program) return
      this.machine.kill()
      this.#died()
    })
  }

  #died(): void {
    this.#diedAt = this.#clock?.now() ?? 0
    const spool = this.#agent?.status().spool
    const { disk, pace, stood } = this.machine
    const isDiskWell = spool?.unwritable === undefined && disk.capacityBytes === Infinity && pace === quickDisk
    this.#around.evidence.died(this.name, this.#lives, disk, { isDiskWell, stood })
    this.#agent = undefined
  }

  #heard(event: AgentEvent, clock: ServerClock, life: number): void {
    const { evidence } = this.#around
    switch (event.event) {
      case 'assignment applied':
        this.#beganAt ??= this.#around.serverTime()
        if (event.source === 'server' && !this.#hasAccounted) {
          // Only now it says for how long it was away.
          this.#hasAccounted = true
          evidence.seams.push({ agent: this.name, at: this.#beganAt, errorMs: this.#errorMs })
        }
        return evidence.applied(this.name, event.version, clock.now(), this.#knowsTime)
      case 'clock jumped':
        evidence.corrections.push({
          agent: this.name,
          at: this.#around.serverTime(),
          errorMs: Math.abs(event.byMs),
        })
        return
      case 'run ended':
        return evidence.ranAt(this.name, life, event.result)
      case 'slots left out':
        return evidence.leftOut(this.name, event.gap)
      default:
    }
  }

  #run(program: Program, clock: ServerClock, life: number, order: Order, done: (ended: Ended) => void): void {
    const { world } = this.machine
    const { task, connector, slot, timeoutMs } = order
    const startedAt = clock.now()
    const served = this.#around.target.serve({
      agent: this.name,
      life,
      task: task.id,
      connector: connector.id,
      slot,
    })
    world.tell(this.name, `runs ${task.id} slot ${slot}`)
    const { tookMs, reason } = this.isAlone
      ? { tookMs: Math.min(timeoutMs, 100), reason: 'unreachable' as const }
      : outcomeOf(world, timeoutMs)
    program.after(Math.max(1, tookMs), () =>
      done({
        kind: 'report',
        report: {
          run: served.hits,
          startedAt,
          durationMs: tookMs,
          samples: [{ name: 'hits', labels: {}, value: served.hits, unit: '' }],
          ...(reason === undefined ? {} : { reason, message: `it was ${reason}` }),
        },
      }),
    )
  }

  // --- The way to the server

  #link(program: Program, way: Way): ServerLink {
    const { evidence, patienceMs } = this.#around
    return {
      assignment: async (known, signal) => {
        const status = this.#agent?.status()
        const left = status === undefined ? 1 : status.running + status.waiting + status.unsafe
        const call = { patienceMs: Math.min(patienceMs, pollPatienceMs), signal, what: 'poll' }
        const answer = await way.ask<PollAnswer>(call, (server) => server.poll(this.name, { known, facts, left }))
        for (const connector of answer.probes) this.#probe(program, way, connector)
        return answer.assignment as Assignment | undefined
      },
      upload: async (batch, signal) => {
        evidence.sent(batch)
        const answer = await way.ask<UploadAnswer>({ patienceMs, signal, what: 'upload' }, (server) =>
          server.upload(batch),
        )
        evidence.acknowledged(batch, answer)
        return answer
      },
    }
  }

  #probe(program: Program, way: Way, connector: string): void {
    const ok = !this.isAlone
    const { signal } = new AbortController()
    program.after(this.machine.world.between(1, 50), () => {
      void way
        .ask({ patienceMs: 15_000, signal, what: 'reply' }, (server) => {
          server.proved(this.name, connector, ok)
          return Promise.resolve({})
        })
        .catch(() => undefined)
    })
  }

  /** Entries that the server does not have, and runs under way. */
  get unsafe(): number {
    const status = this.#agent?.status()
    return status === undefined ? Infinity : status.unsafe + status.running + status.waiting
  }

  get life(): number {
    return this.#lives
  }
}
