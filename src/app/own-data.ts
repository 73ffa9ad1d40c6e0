import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf } from '../base/index.ts'
import { judgeData, type OwnFacts, type PairFile, type Position } from '../failover/index.ts'
import { diskSpace, type ChangeFacts } from '../platform/index.ts'
import type { History } from './history.ts'
import type { Machine } from './machine.ts'
import { integrityProblem, probe, readMark } from './pair-store.ts'
import type { ServerEngines } from './server-engines.ts'

/** Below this much free space SQLite's journals have no room: what is taken could be lost. */
const neededBytes = 16 * 2 ** 20
const probeEveryMs = 2_000
/** Reads the whole file, which is small; damage that a query meets is found at once. */
const checkEveryMs = 600_000
const followsWithinMs = 60_000

export interface OwnDataParts {
  readonly machine: Machine
  readonly file: PairFile
  readonly history: () => History
  readonly engines: () => ServerEngines | undefined
  /** Every store goes on from where the other server was, and none has to be copied first. Asked where this server follows. */
  readonly isFollowing: () => boolean
  /** Nothing is being written here any more. */
  readonly isQuiet: () => boolean
}

/** What a server of a pair knows of its own data: how far it goes, and whether it can be relied on. Looked at again and again; answers at once. */
export class OwnData {
  readonly #parts: OwnDataParts
  #position: Position = { term: 0, count: 0 }
  #isWhole = true
  /** One store may be further than the other: there is no position that is true of both. */
  #isMixed = false
  #feeds: { readonly database: ChangeFacts; readonly history: ChangeFacts } | undefined
  #writeProblem: string | undefined
  #integrityProblem: string | undefined
  #freeBytes = Number.MAX_SAFE_INTEGER
  #directoryNow: string | undefined
  #probedAt = -Infinity
  #checkedAt = -Infinity
  #refreshing: Promise<void> | undefined

  constructor(parts: OwnDataParts) {
    this.#parts = parts
    this.#directoryNow = parts.machine.identity.uuid
  }

  /** How far the lines of changes of both stores are; undefined before the first look. */
  get feeds() {
    return this.#feeds
  }

  facts(): OwnFacts {
    const { machine, file, history, engines, isQuiet } = this.#parts
    const { peer, settings } = file.kept
    const position = this.#position
    return {
      position,
      isWhole: this.#isWhole,
      isQuiet: isQuiet(),
      unsound: judgeData(
        {
          database: { writeProblem: this.#writeProblem, integrityProblem: this.#integrityProblem },
          disk: { freeBytes: this.#freeBytes, neededBytes },
          directory: { startedWith: machine.identity.uuid, now: this.#directoryNow },
          ingest: history().waiting(),
          own: { term: position.term, position },
          // Only of data that is its own: a copy that is under way has less than what it replaces.
          known:
            peer === undefined || !this.#isWhole || this.#isMixed
              ? undefined
              : { term: peer.position.term, position: peer.position },
        },
        settings.timeoutMs,
      ),
      followers: followersOf(engines(), machine.clock.now()),
      configuration: machine.inventory.stamp(),
    }
  }

  /** Reads how far the stores are. To be called where that must be exact: several calls at once are one. */
  refresh(): Promise<void> {
    return (this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined)))
  }

  async #refresh(): Promise<void> {
    const { machine, history } = this.#parts
    const { database } = machine
    try {
      const [ofDatabase, ofHistory, term] = await Promise.all([
        database.changes.facts(),
        history().changes.facts(),
        readMark(database),
      ])
      this.#feeds = { database: ofDatabase, history: ofHistory }
      const parts = [ofDatabase, ofHistory]
      // While one part is copied the other may be there already: the term would be that of the one, and the count in good part another's.
      this.#isMixed = parts.some(({ mode }) => mode === 'following') && !this.#parts.isFollowing()
      this.#position = this.#isMixed
        ? { term: 0, count: 0 }
        : { term, count: ofDatabase.point.position + ofHistory.point.position }
      this.#isWhole = parts.every(({ mode, point }) => mode !== 'following' || point.line !== '')
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  /** Once a second or so. Never rejects. */
  async look(): Promise<void> {
    const { machine, file } = this.#parts
    // Nobody asks, and an instance alone is not to pay for it every second. What is switched on looks when it begins.
    if (file.kept.settings.mode === 'OFF') return
    await this.refresh()
    const { clock, directory, database } = machine
    const at = clock.elapsed()
    this.#freeBytes = await diskSpace(directory.path).then(
      ({ freeBytes }) => freeBytes,
      () => this.#freeBytes,
    )
    this.#directoryNow = await uuidIn(directory.file('farwatch.json'))
    if (at - this.#probedAt >= probeEveryMs) {
      this.#probedAt = at
      await probe(database, clock.now()).then(
        () => (this.#writeProblem = undefined),
        (thrown: unknown) => this.#failed(thrown),
      )
    }
    if (at - this.#checkedAt >= checkEveryMs) {
      this.#checkedAt = at
      await integrityProblem(database).then(
        (problem) => (this.#integrityProblem = problem),
        (thrown: unknown) => this.#failed(thrown),
      )
    }
  }

  #failed(thrown: unknown): void {
    if (!(thrown instanceof FarwatchError)) return
    if (thrown.code === 'storage-corrupt') this.#integrityProblem = messageOf(thrown)
    if (thrown.code === 'storage-unwritable') this.#writeProblem = messageOf(thrown)
  }
}

/** Agents elsewhere that were here within the last minute. */
function followersOf(engines: ServerEngines | undefined, now: number): number {
  return engines?.acts === true ? engines.fleet.distribution.remoteHeardSince(now - followsWithinMs) : 0
}

/** Undefined where it cannot be read. */
async function uuidIn(file: string): Promise<string | undefined> {
  try {
    // Written by the data directory; what else stands there is not its mark.
    const { uuid } = JSON.parse(await readFile(file, 'utf8')) as { uuid?: unknown }
    return typeof uuid === 'string' ? uuid : undefined
  } catch {
    return undefined
  }
}
