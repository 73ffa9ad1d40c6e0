import type { AgentLife, Way } from './agent-host.ts'
import { exchange, type Call, type Door } from './exchange.ts'
import type { Network } from './network.ts'
import type { PairEvidence } from './pair-evidence.ts'
import { timeoutMs, type Envelope, type PairServer } from './pair-server.ts'
import type { Server } from './server.ts'

const termFile = '/term'
/** Three times within the timeout. */
const witnessEveryMs = timeoutMs * 0.3
const witnessPatienceMs = timeoutMs / 2

/**
 * An agent's way to a pair: it follows the higher term and refuses lower ones, keeps the highest that it has seen on its disk, and says to the
 * server that does not serve it when the other one last did.
 */
export class PairWay implements Way {
  /** Where a test builds in a mistake. */
  static keepsTerm = true
  readonly #agent: AgentLife
  readonly #network: Network
  readonly #evidence: PairEvidence
  readonly #doors: readonly Door<PairServer>[]
  readonly #servedAt = new Map<Door<PairServer>, number>()
  /** Calls under way that are for the server that is to serve this agent. */
  readonly #waiting = new Map<AbortController, Door<PairServer>>()
  readonly #read: Promise<void>
  #raising: Promise<void> = Promise.resolve()
  #term = 0
  #door: Door<PairServer>

  constructor(
    agent: AgentLife,
    options: {
      readonly network: Network
      readonly evidence: PairEvidence
      readonly doors: readonly Door<PairServer>[]
    },
  ) {
    this.#agent = agent
    this.#network = options.network
    this.#evidence = options.evidence
    this.#doors = options.doors
    // There are two.
    this.#door = options.doors[0]!
    this.#read = agent.program.disk.read(termFile).then(
      (text) => void (this.#term = Number(text)),
      () => undefined,
    )
    this.#witnessLater()
  }

  async ask<T>(call: Call, act: (server: Server) => Promise<T>): Promise<T> {
    await this.#read
    const first = this.#door
    try {
      return await this.#askAt(first, call, act)
    } catch (thrown) {
      if (call.signal.aborted) throw thrown
      const other = this.#otherOf(first)
      // At once: the other server is to know that this one is lost.
      if (this.#door === first) this.#door = other
      return await this.#askAt(this.#door, call, act)
    }
  }

  async #askAt<T>(door: Door<PairServer>, call: Call, act: (server: Server) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const abort = () => controller.abort()
    call.signal.addEventListener('abort', abort, { once: true })
    if (call.signal.aborted) abort()
    this.#waiting.set(controller, door)
    try {
      const envelope = await this.#call(door, { ...call, signal: controller.signal }, act)
      if (envelope.is === 'idle') throw new Error('this server does not act')
      // `act` was carried out.
      return envelope.value as T
    } finally {
      this.#waiting.delete(controller)
      call.signal.removeEventListener('abort', abort)
    }
  }

  async #call<T>(
    door: Door<PairServer>,
    call: Call,
    act: ((server: Server) => Promise<T>) | undefined,
  ): Promise<Envelope<T | undefined>> {
    const { program, name } = this.#agent
    const servedAt = this.#servedAt.get(this.#otherOf(door))
    const said = {
      servedMsAgo: servedAt === undefined ? undefined : program.elapsed() - servedAt,
      term: this.#term,
    }
    const { value, times } = await exchange(program, this.#network, door, call, async (server) => ({
      envelope: await server.answer(name, said, act),
      by: server.name,
    }))
    const { envelope, by } = value
    this.#evidence.answered(name, by, (said.servedMsAgo ?? Infinity) < timeoutMs / 2)
    await this.#believe(envelope.term)
    if (envelope.is === 'idle') return envelope
    this.#evidence.believed(name, by, envelope.term, call.what)
    this.#servedAt.set(door, program.elapsed())
    this.#agent.believe(times)
    this.#follow(door)
    return envelope
  }

  /** What is believed is on the disk before anything follows from it. @throws where the term has passed */
  async #believe(term: number): Promise<void> {
    if (term > this.#term) {
      const raised = this.#raising.then(async () => {
        if (term <= this.#term) return
        if (PairWay.keepsTerm) await this.#agent.program.disk.writeAtomically(termFile, String(term))
        this.#term = term
      })
      this.#raising = raised.catch(() => undefined)
      await raised
    }
    if (term < this.#term) throw new Error(`the server has the term ${term}, and another one had ${this.#term} already`)
  }

  #follow(door: Door<PairServer>): void {
    if (this.#door === door) return
    this.#door = door
    // Nothing that the other one still says is waited for.
    for (const [controller, other] of this.#waiting) if (other !== door) controller.abort()
  }

  #witnessLater(): void {
    const { program } = this.#agent
    program.after(witnessEveryMs, () => {
      const door = this.#otherOf(this.#door)
      const { signal } = new AbortController()
      const call = { patienceMs: witnessPatienceMs, signal, what: 'witness' }
      void this.#read.then(() => this.#call(door, call, undefined)).catch(() => undefined)
      this.#witnessLater()
    })
  }

  #otherOf(door: Door<PairServer>): Door<PairServer> {
    return this.#doors.find((other) => other !== door)!
  }
}
