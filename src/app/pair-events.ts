import { readFile } from 'node:fs/promises'
import { messageOf, systemCodeOf, type Clock } from '../base/index.ts'
import type { PairAudit, PairProblem } from '../failover/index.ts'
import { writeFileAtomically, type DataDirectory, type Log } from '../platform/index.ts'
import type { Machine } from './machine.ts'
import type { ServerEngines } from './server-engines.ts'

const format = 1
/** Of events that wait to be written into the audit log; a pair that has so many in one night has been told of enough. */
const mostWaiting = 1_000
/** Keys of problems of a pair begin with this. */
const prefix = 'failover: '

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
  audit({ action, term, why, seen }: PairAudit): Promise<void> {
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
  }

  /** Ends alarms of before whose problem this side does not have. */
  async #settle(): Promise<void> {
    const engines = this.#engines()
    if (engines?.acts !== true) return
    for (const { task, rule } of engines.alarms.open())
      if (task === '' && rule.startsWith(prefix) && !this.#problems.has(rule))
        await engines.alarms.clearInternal(rule, 'it is over')
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
