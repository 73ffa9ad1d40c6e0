import type { Alarms, InternalProblem } from '../alarms/index.ts'
import { messageOf, type CancelTimer, type Clock } from '../base/index.ts'
import type { DistributionChange, DistributionProblem } from '../distribution/index.ts'
import type { Log } from '../platform/index.ts'
import type { QuietAgents } from './deliveries.ts'

/** Two machines with one identity speak by turns; when nothing was seen of it for so long, one of them was stopped. */
const doubleOverMs = 600_000

/** Keys of the alarms that are raised here begin with these. */
const prefixes = [
  'agents lost',
  'agent lost: ',
  'uncovered: ',
  'no spare agent: ',
  'agent isolated: ',
  'agent double: ',
  'agent quiet: ',
  'agents quiet',
]

/**
 * Alarms about agents: what distribution found, an agent that is cut off from what it watches, an identity that two machines use. One change
 * is carried out after another, in the order in which they came.
 */
export class FleetAlarms {
  readonly #alarms: Pick<Alarms, 'raiseInternal' | 'clearInternal' | 'open'>
  readonly #clock: Clock
  readonly #log: Log
  readonly #isAlone: () => boolean
  readonly #standing = new Set<string>()
  /** What is wrong with agents and groups as seen by a server that is alone. */
  readonly #heldBack = new Map<string, DistributionProblem>()
  readonly #doubles = new Map<string, CancelTimer>()
  #working: Promise<void> = Promise.resolve()

  /**
   * @param options.isAlone this server took over and nobody reaches it, neither the other server nor any agent: what it would say of agents it says
   * of itself, and one alarm of the pair does that
   */
  constructor(options: {
    readonly alarms: Pick<Alarms, 'raiseInternal' | 'clearInternal' | 'open'>
    readonly clock: Clock
    readonly log: Log
    readonly isAlone: () => boolean
  }) {
    this.#alarms = options.alarms
    this.#clock = options.clock
    this.#log = options.log
    this.#isAlone = options.isAlone
  }

  follow({ raised, cleared }: Pick<DistributionChange, 'raised' | 'cleared'>): void {
    for (const problem of raised) this.#heldBack.set(problem.key, problem)
    for (const key of cleared) {
      this.#heldBack.delete(key)
      this.#clear(key)
    }
    this.#tellHeldBack()
  }

  #tellHeldBack(): void {
    if (this.#isAlone()) return
    for (const { key, severity, message, group } of this.#heldBack.values())
      this.#raise({ key, severity, message, group })
    this.#heldBack.clear()
  }

  /** What an agent says of itself with every call. */
  isolated(
    agent: { readonly id: string; readonly name: string },
    isIsolated: boolean,
    groups: readonly string[],
  ): void {
    const key = `agent isolated: ${agent.id}`
    if (isIsolated === this.#standing.has(key)) return
    if (!isIsolated) return this.#clear(key)
    this.#raise({
      key,
      severity: 'MAJOR',
      message: `The agent ${agent.name} is cut off from what it watches: its targets went out of reach together with its own uplink. What it reports as unreachable meanwhile raises no alarms of its own. Groups concerned: ${groups.join(', ') || 'none'}`,
      group: groups.length === 1 ? groups[0]! : '',
    })
  }

  /**
   * Agents that call and deliver nothing; all of them, each time. Where many are like that it is one problem.
   * @param groupsOf the groups whose work an agent may run
   */
  quiet(
    { agents, areMany }: QuietAgents,
    nameOf: (id: string) => string,
    groupsOf: (id: string) => readonly string[],
  ): void {
    const wanted = new Map<string, InternalProblem>()
    if (areMany)
      wanted.set('agents quiet', {
        key: 'agents quiet',
        severity: 'CRITICAL',
        message: `${agents.size} agents call, and no results of theirs arrive: rather this server or its network has too much to do than all of them. Results wait with the agents; their tasks raise no alarms of their own for that`,
      })
    else
      for (const id of agents) {
        const key = `agent quiet: ${id}`
        const groups = groupsOf(id)
        wanted.set(key, {
          key,
          severity: 'MAJOR',
          message: `The agent ${nameOf(id)} calls, and no results of its tasks arrive; they raise no alarms of their own for that. Groups concerned: ${groups.join(', ') || 'none'}`,
          group: groups.length === 1 ? groups[0]! : '',
        })
      }
    for (const key of this.#standing)
      if ((key === 'agents quiet' || key.startsWith('agent quiet: ')) && !wanted.has(key)) this.#clear(key)
    for (const [key, problem] of wanted) if (!this.#standing.has(key)) this.#raise(problem)
  }

  double(agent: { readonly id: string; readonly name: string }): void {
    const key = `agent double: ${agent.id}`
    this.#doubles.get(key)?.()
    this.#doubles.set(
      key,
      this.#clock.after(doubleOverMs, () => {
        this.#doubles.delete(key)
        this.#clear(key)
      }),
    )
    this.#raise({
      key,
      severity: 'CRITICAL',
      message: `Two machines speak with the identity of the agent ${agent.name} (${agent.id}): its data directory was copied. The second one is refused; stop it, or start it with a data directory of its own`,
      group: '',
    })
  }

  /** The agent is no more. */
  removed(id: string): void {
    for (const what of ['isolated', 'double'])
      if (this.#standing.has(`agent ${what}: ${id}`)) this.#clear(`agent ${what}: ${id}`)
  }

  /** Ends alarms of before this start whose problem is over. @param problems those that stand by now */
  settle(problems: readonly DistributionProblem[]): void {
    this.#tellHeldBack()
    const keys = new Set([...problems.map(({ key }) => key), ...this.#standing])
    for (const { task, rule } of this.#alarms.open()) {
      // `uncovered NAME` is what the first version called it.
      const isOurs =
        task === '' && (prefixes.some((prefix) => rule.startsWith(prefix)) || rule.startsWith('uncovered '))
      if (isOurs && !keys.has(rule)) this.#clear(rule)
    }
  }

  /** Resolves when all that was told is carried out. */
  async stop(): Promise<void> {
    for (const cancel of this.#doubles.values()) cancel()
    await this.#working
  }

  #raise(problem: InternalProblem): void {
    this.#standing.add(problem.key)
    this.#then(() => this.#alarms.raiseInternal(problem))
  }

  #clear(key: string): void {
    this.#standing.delete(key)
    this.#then(() => this.#alarms.clearInternal(key))
  }

  #then(act: () => Promise<void>): void {
    // `stop` awaits it.
    this.#working = this.#working.then(act).catch((thrown: unknown) => {
      this.#log.error('alarm about agents not stored', { problem: messageOf(thrown) })
    })
  }
}
