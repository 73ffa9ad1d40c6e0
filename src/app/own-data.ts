import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf } from '../base/index.ts'
import { comparePosition, judgeData, type OwnFacts, type PairFile, type Position } from '../failover/index.ts'
import { diskSpace, type ChangeFacts } from '../platform/index.ts'
import type { History } from './history.ts'
import type { Machine } from './machine.ts'
import { ownPosition, type OwnPosition } from './own-position.ts'
import { probe, readMark } from './pair-store.ts'
import type { ServerEngines } from './server-engines.ts'

/** Below this much free space SQLite's journals have no room: what is taken could be lost. */
const neededBytes = 16 * 2 ** 20
const probeEveryMs = 2_000
/** Reads the whole file, which is small; damage that a query meets is found at once. */
const checkEveryMs = 60_000
/** No more than this share of the database's time goes into checks, where the file is not small. */
const checkShare = 0.01
const followsWithinMs = 60_000
/** What lies longer between two looks at the time is a standstill. */
const longestLookMs = 1_000

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
  #own: OwnPosition = { position: { term: 0, count: 0 }, isWhole: true, isMixed: false }
  #feeds: { readonly database: ChangeFacts; readonly history: ChangeFacts } | undefined
  #writeProblem: string | undefined
  #integrityProblem: string | undefined
  /** What is less than was known of it was looked through for damage since it is. */
  #isLessChecked = false
  #freeBytes = Number.MAX_SAFE_INTEGER
  #directoryNow: string | undefined
  #probedAt = -Infinity
  #checkAt = -Infinity
  /** When each question to the database was asked that it has not answered yet. */
  readonly #asked = new Set<{ readonly at: number }>()
  #awakeMs = 0
  /** Pieces of long work of the database that are under way, in which it answers nothing else. */
  #longWork = 0
  #lookedAt: number
  #refreshing: Promise<void> | undefined

  constructor(parts: OwnDataParts) {
    this.#parts = parts
    this.#directoryNow = parts.machine.identity.uuid
    this.#lookedAt = parts.machine.clock.elapsed()
  }

  /** How far the lines of changes of both stores are; undefined before the first look. */
  get feeds() {
    return this.#feeds
  }

  facts(): OwnFacts {
    const { machine, file, history, engines, isQuiet } = this.#parts
    const { settings } = file.kept
    const { position, isWhole } = this.#own
    const isLess = this.#isLessThanKnown(this.#own)
    if (isLess && !this.#isLessChecked) void this.refresh()
    return {
      position,
      isWhole,
      isQuiet: isQuiet(),
      unsound: judgeData(
        {
          database: {
            writeProblem: this.#writeProblem,
            integrityProblem: this.#integrityProblem,
            waitingMs: this.#waitingMs,
          },
          disk: { freeBytes: this.#freeBytes, neededBytes },
          directory: { startedWith: machine.identity.uuid, now: this.#directoryNow },
          ingest: history().waiting(),
          own: { term: position.term, position },
          // Damaged data may say anything of how far it goes, and which of the two it is has to be said.
          known: isLess && !this.#isLessChecked ? undefined : this.#known(this.#own),
        },
        settings.timeoutMs,
      ),
      followers: followersOf(engines(), machine.clock.now()),
      configuration: machine.inventory.stamp(),
    }
  }

  /** What was known of data that is its own: a copy that is under way has less than what it replaces. */
  #known({ isWhole, isMixed }: OwnPosition): { term: number; position: Position } | undefined {
    const { peer } = this.#parts.file.kept
    return peer === undefined || !isWhole || isMixed ? undefined : { term: peer.position.term, position: peer.position }
  }

  #isLessThanKnown(own: OwnPosition): boolean {
    const known = this.#known(own)
    return known !== undefined && comparePosition(own.position, known.position) < 0
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
        this.#waitFor(database.changes.facts()),
        history().changes.facts(),
        readMark(database),
      ])
      this.#feeds = { database: ofDatabase, history: ofHistory }
      const own = ownPosition([ofDatabase, ofHistory], term, this.#parts.isFollowing())
      const isLess = this.#isLessThanKnown(own)
      // What goes back while it is in use is rather damaged than replaced by an older state, and what is damaged has to be said.
      const wentBack = !own.isMixed && comparePosition(own.position, this.#own.position) < 0
      if (wentBack || (isLess && !this.#isLessChecked)) await this.#check()
      this.#isLessChecked = isLess
      this.#own = own
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  /** Once a second or so. Never rejects. */
  async look(): Promise<void> {
    const { machine, file } = this.#parts
    // Nobody asks, and an instance alone is not to pay for it every second. What is switched on looks when it begins.
    if (file.kept.settings.mode === 'OFF') return
    const { clock, directory, database } = machine
    const at = clock.elapsed()
    if (at - this.#probedAt >= probeEveryMs) {
      this.#probedAt = at
      await this.#waitFor(probe(database, clock.now())).then(
        () => (this.#writeProblem = undefined),
        (thrown: unknown) => this.#failed(thrown),
      )
    }
    await this.refresh()
    this.#freeBytes = await diskSpace(directory.path).then(
      ({ freeBytes }) => freeBytes,
      () => this.#freeBytes,
    )
    this.#directoryNow = await uuidIn(directory.file('farwatch.json'))
    if (at >= this.#checkAt) {
      await this.#check()
      const now = clock.elapsed()
      this.#checkAt = now + Math.max(checkEveryMs, (now - at) / checkShare)
    }
  }

  get #waitingMs(): number {
    const now = this.#awake()
    return Math.max(0, ...[...this.#asked].map(({ at }) => now - at))
  }

  /** Has the database do what takes long, a copy of all of it say: that nothing is answered meanwhile is no sign of anything. */
  async allow<T>(work: () => Promise<T>): Promise<T> {
    this.#awake()
    this.#longWork++
    try {
      return await work()
    } finally {
      this.#awake()
      this.#longWork--
    }
  }

  /** Time in which this process ran, as `facts` is asked for a few times a second: no answer is late because nobody was there to take it. */
  #awake(): number {
    const at = this.#parts.machine.clock.elapsed()
    if (this.#longWork === 0) this.#awakeMs += Math.min(at - this.#lookedAt, longestLookMs)
    this.#lookedAt = at
    return this.#awakeMs
  }

  /** Of an answer of the database: for how long it is waited for. */
  async #waitFor<T>(answer: Promise<T>): Promise<T> {
    const asked = { at: this.#awake() }
    this.#asked.add(asked)
    try {
      return await answer
    } finally {
      this.#asked.delete(asked)
    }
  }

  /** Never rejects. */
  #check(): Promise<unknown> {
    return this.allow(() => this.#parts.machine.database.check()).then(
      (problem) => (this.#integrityProblem = problem),
      (thrown: unknown) => this.#failed(thrown),
    )
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
