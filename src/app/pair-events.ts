import { readFile } from 'node:fs/promises'
import { messageOf, systemCodeOf, type Clock } from '../base/index.ts'
import type { PairAudit, PairProblem } from '../failover/index.ts'
import { writeFileAtomically, type DataDirectory, type Log } from '../platform/index.ts'
import type { Machine } from './machine.ts'
import type { ServerEngines } from './server-engines.ts'

const format = 1
/** Of events that wait to be written into the audit log; a pair that has so many in one night has been told of enough. */
const mostWaiting = 1_000
/** Of all problems that the failover finds (failover/problems.ts). */
const problemPrefix = 'failover: '
/** Reasons to become active that nobody has to get up for. */
const undisturbed: ReadonlySet<string> = new Set(['handed over', 'hand-over not taken', 'resumed'])
const mostNamed = 10

type Waiting = Parameters<Machine['inventory']['record']>[0]

/**
 * What happens to a pair, told to people: an entry of the audit log for each transition, an alarm for each problem for as long as it is. A side that
 * does not act cannot write either, since both are the other's: entries are kept in `failover-events.json` and written once it acts;
 * problems are raised then, if they still are.
 */
export class PairEvents {
  readonly #file: string
  readonly #log: Log
  readonly #clock: Clock
  readonly #engines: () => ServerEngines | undefined
  readonly #inventory: Machine['inventory']
  readonly #problems = new Map<string, PairProblem>()
  /** How this side became active, until that is told. */
  #became: PairAudit | undefined
  #waiting: readonly Waiting[]
  #writing: Promise<void> = Promise.resolve()

  private constructor(machine: Machine, engines: () => ServerEngines | undefined, waiting: readonly Waiting[]) {
    this.#file = machine.directory.file('failover-events.json')
    this.#log = machine.log
    this.#clock = machine.clock
    this.#inventory = machine.inventory
    this.#engines = engines
    this.#waiting = waiting
  }

  static async open(machine: Machine, engines: () => ServerEngines | undefined): Promise<PairEvents> {
    return new PairEvents(machine, engines, await readWaiting(machine.directory, machine.log))
  }

  raise(problem: PairProblem): void {
    this.#problems.set(problem.key, problem)
    const engines = this.#engines()
    if (engines?.acts === true) this.#raise(engines, problem)
  }

  clear(key: string): void {
    this.#problems.delete(key)
    const engines = this.#engines()
    if (engines?.acts === true) this.#watch(engines.alarms.clearInternal(key, 'it is over'))
  }

  /** A transition. @returns when it is written, or kept */
  audit(entry: PairAudit): Promise<void> {
    const { action, term, why, seen } = entry
    const engines = this.#engines()
    if (action === 'became active') this.#became = entry
    if (engines?.acts === true) this.#watch(this.#tellTakeover(engines))
    const at = new Date(this.#clock.now()).toISOString()
    return this.record({ who: 'failover', action, what: `term ${term}: ${why}`, after: { at, seen } })
  }

  /** Whatever else is to stand in the audit log, in the order of the calls. @returns when it is written, or kept */
  record(entry: Waiting): Promise<void> {
    this.#waiting = [...this.#waiting, entry].slice(-mostWaiting)
    return this.flush()
  }

  /** This side acts now: what waited is written, what is wrong is raised, and what was so when the other side acted is over. Never rejects. */
  acts(): void {
    const engines = this.#engines()
    if (engines?.acts !== true) return
    for (const problem of this.#problems.values()) this.#raise(engines, problem)
    // By then what was found along with the decision to act has been raised: an alarm that stands is not to end and begin anew.
    this.#watch(this.flush().then(() => this.#settle()))
    this.#watch(this.#tellTakeover(engines))
  }

  /** Ends what the other server had raised about the two of them and is not so any more. */
  async #settle(): Promise<void> {
    const engines = this.#engines()
    if (engines?.acts !== true) return
    for (const { task, rule } of engines.alarms.open())
      if (task === '' && rule.startsWith(problemPrefix) && !this.#problems.has(rule))
        await engines.alarms.clearInternal(rule, 'another server acts now')
  }

  /** An alarm that is over at once: whoever is on call hears that the server is another one now, and why. */
  async #tellTakeover({ alarms, fleet }: ServerEngines): Promise<void> {
    const became = this.#became
    this.#became = undefined
    if (became === undefined || became.why === 'set up') return
    const { term, why, seen } = became
    const key = `failover term ${term}`
    const severity = undisturbed.has(why) ? 'INFO' : 'MAJOR'
    const message = `This server became active with term ${term}: ${why}. ${seenWords(seen, (agent) => fleet.nameOf(agent))}`
    await alarms.raiseInternal({ key, severity, message })
    await alarms.clearInternal(key, 'it is done; the audit log has it')
  }

  flush(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#engines()?.acts === true) await this.#record()
        await this.#keep()
      } catch (thrown) {
        this.#log.warn('failover events not written', { problem: messageOf(thrown) })
      }
    })
    return this.#writing
  }

  async #record(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      await this.#inventory.record(next)
      this.#waiting = this.#waiting.slice(1)
    }
  }

  async #keep(): Promise<void> {
    await writeFileAtomically(this.#file, `${JSON.stringify({ format, waiting: this.#waiting })}\n`)
  }

  #raise({ alarms }: ServerEngines, { key, severity, message }: PairProblem): void {
    this.#watch(alarms.raiseInternal({ key, severity, message }))
  }

  #watch(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.#log.warn('failover problem not told', { problem: messageOf(thrown) }))
  }
}

/** What an alarm about the pair says of what was seen when it was decided. */
function seenWords(
  { lastContactMsAgo, peer, witnesses, lag }: PairAudit['seen'],
  nameOf: (agent: string) => string,
): string {
  const contact =
    lastContactMsAgo === undefined
      ? 'The other server was not heard since the start'
      : `The other server was last heard ${Math.round(lastContactMsAgo / 1_000)} s ago${peer?.unsound === undefined ? '' : `, with data that is not to be relied on (${peer.unsound})`}`
  const said = witnesses.slice(0, mostNamed).map(({ agent, says }) => `${nameOf(agent)}: ${says}`)
  const more = witnesses.length > mostNamed ? `, and ${witnesses.length - mostNamed} more` : ''
  const asked = said.length === 0 ? 'no agent was there to ask' : `of agents it says ${said.join(', ')}${more}`
  return `${contact}; ${asked}; ${lag === undefined ? 'how many changes were missing is not known' : `${lag} changes were missing`}`
}

async function readWaiting(directory: DataDirectory, log: Log): Promise<readonly Waiting[]> {
  try {
    // Written by `#keep`, and nowhere else.
    const kept = JSON.parse(await readFile(directory.file('failover-events.json'), 'utf8')) as {
      readonly format: number
      readonly waiting: readonly Waiting[]
    }
    if (kept.format === format) return kept.waiting
    log.warn('failover events not read', { problem: `they have the format ${kept.format}` })
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ENOENT') log.warn('failover events not read', { problem: messageOf(thrown) })
  }
  return []
}
