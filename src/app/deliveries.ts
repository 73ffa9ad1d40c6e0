/** With fewer tasks than this an agent's silent tasks are told one by one: each may well be the fault of its own target. */
const manyConnectors = 10
/** More than half of so many, or so many in all: it is rather this server, or its network, that does not take results. */
const severalAgents = 3
const manyAgents = 10

export interface QuietAgents {
  /** Agents that call, and of which no result comes. */
  readonly agents: ReadonlySet<string>
  /** They are too many to be each the fault of its own. */
  readonly areMany: boolean
}

/**
 * Which agents call and deliver nothing. All their tasks are silent then for one reason, which is told once; an alarm for each of a thousand
 * tasks would bury everything else, and be more work for a server that may have too much of it already.
 */
export class Deliveries {
  readonly #lastAt = new Map<string, number>()
  readonly #quiet = new Set<string>()
  readonly #elapsed: () => number
  readonly #changed: () => void

  /** @param elapsed monotonic milliseconds @param changed called where `quiet` may have another answer than before */
  constructor(elapsed: () => number, changed: () => void) {
    this.#elapsed = elapsed
    this.#changed = changed
  }

  /** Results of an agent were stored. */
  delivered(agent: string): void {
    this.#lastAt.set(agent, this.#elapsed())
    if (this.#quiet.delete(agent)) this.#changed()
  }

  /** It said hello: from now on it may deliver. */
  met(agent: string): void {
    if (!this.#lastAt.has(agent)) this.#lastAt.set(agent, this.#elapsed())
  }

  /**
   * A task was silent for so long. @returns whether that is so because its agent delivers nothing at all
   * @param connectors how many the agent runs
   */
  explains(agent: string, connectors: number, silentMs: number): boolean {
    const lastAt = this.#lastAt.get(agent)
    if (connectors < manyConnectors || lastAt === undefined || this.#elapsed() - lastAt < silentMs) return false
    // Also where it is quiet already: it may be lost by now.
    this.#quiet.add(agent)
    this.#changed()
    return true
  }

  /** @param isThere whether an agent calls: one that does not is lost, and has an alarm for that @param there how many do */
  quiet(isThere: (agent: string) => boolean, there: number): QuietAgents {
    for (const agent of this.#quiet) if (!isThere(agent)) this.#quiet.delete(agent)
    const { size } = this.#quiet
    return { agents: new Set(this.#quiet), areMany: size >= manyAgents || (size >= severalAgents && size > there / 2) }
  }

  forget(agent: string): void {
    this.#lastAt.delete(agent)
    if (this.#quiet.delete(agent)) this.#changed()
  }
}
