import type { Pair } from '../failover/index.ts'
import type { ChangeFacts } from '../platform/index.ts'
import type { History } from './history.ts'
import type { Machine } from './machine.ts'
import { keepOwnWork } from './own-work.ts'
import { putAside } from './put-aside.ts'

export interface OwnTailParts {
  readonly machine: Machine
  readonly history: () => History
  readonly pair: () => Pick<Pair, 'settings' | 'state'>
}

/**
 * The end of this server's changes that the other one never had. Where what is here is exchanged for a copy of the other's, it would be lost:
 * it is put aside first, to be merged there.
 */
export class OwnTail {
  readonly #parts: OwnTailParts
  /** Since when there are such changes, of when this server last acted. */
  #since: number | undefined
  #keeping: Promise<void> = Promise.resolve()

  constructor(parts: OwnTailParts) {
    this.#parts = parts
  }

  /** To be called while changes are still logged. */
  note(feeds: { readonly database: ChangeFacts; readonly history: ChangeFacts } | undefined): void {
    const moments = [feeds?.database, feeds?.history].flatMap((feed) =>
      feed?.mode === 'logging' && feed.since !== undefined ? [feed.since] : [],
    )
    this.#since = moments.length === 0 ? undefined : Math.min(...moments)
  }

  /** The other server goes on from where this one was: nothing is here that is not there. */
  forget(): void {
    this.#since = undefined
  }

  /** What is here is about to be exchanged for a copy. */
  copyNeeded(): void {
    const since = this.#since
    if (since === undefined) return
    this.#keeping = this.keep(since).catch(this.#parts.machine.notApplied('keeping of own work'))
  }

  /** Puts aside what was done since a moment. @throws FarwatchError `storage-unwritable` */
  async keep(since: number): Promise<void> {
    const { machine, history, pair } = this.#parts
    const { log, directory, database, clock } = machine
    this.#since = undefined
    const copy = await putAside(directory, database, clock.now())
    const about = { otherTerm: pair().state().term, since, who: `The ${pair().settings().role}` }
    const work = await keepOwnWork(machine, history(), about)
    log.warn('what this server had and the other had not is put aside', { copy, work })
  }

  /** Resolves when what `copyNeeded` began is done. */
  kept(): Promise<void> {
    return this.#keeping
  }
}
