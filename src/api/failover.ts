import type { DrillReport, ForcePrice, PairSettings, PairStatus, SetUpStep } from '../failover/index.ts'
import type { PartLag, PartState } from '../replication/index.ts'

/** What the API asks of a server about the pair that it is half of, or may become half of. */
export interface FailoverQuestions {
  status(): Promise<FailoverFacts>
  /**
   * Changes the settings that are given and leaves the others, in every state. Durable when it resolves. `by`: the user, for the audit log.
   * @throws FarwatchError `invalid-value` with every problem (their paths are names of settings), `conflict`, `storage-unwritable`
   */
  set(given: Partial<PairSettings>, by: string): Promise<void>
  /**
   * Has the active side hand over; asked on a side that follows, that asks the active one. Resolves when the other of the two acts.
   * @throws FarwatchError `conflict` with the right way, also where it was not taken
   */
  handOver(by: string): Promise<HandOverReport>
  /** What `force` would cost now. It changes nothing. */
  forcePrice(): ForcePrice
  /** This side acts from now on, whatever is lost by it. @throws FarwatchError `conflict`, `storage-unwritable` */
  force(by: string): Promise<void>
  /** Resolves when it has ended, which takes seconds. @throws FarwatchError `conflict` where it cannot begin, with what is missing */
  drill(by: string): Promise<DrillReport>
  /** Drills that ended, newest first. */
  drills(): Promise<readonly DrillReport[]>
}

/** How this side of a pair is, as of now. */
export interface FailoverFacts {
  readonly pair: PairStatus
  /** This server acts: as the active one of the pair, or because it is not in a pair or the mechanism is off. */
  readonly acts: boolean
  /** Replication by part: on the side that acts how far the other is (`ReplicationSource.lag`), on the other how far it is itself. */
  readonly parts: Readonly<Record<string, PartLag | PartState>>
  /** `checkSetUp` */
  readonly setUp: readonly SetUpStep[]
  readonly ownUuid: string
  /** Of the key with which the SECONDARY signs, once it is pinned; known on the PRIMARY only. */
  readonly peerFingerprint: string | undefined
  /** Where people find the server that acts: the portal of this one where it acts, else of the other; undefined where that is not known. */
  readonly activeUrl: string | undefined
}

export interface HandOverReport {
  /** Who acts now. */
  readonly active: 'PRIMARY' | 'SECONDARY'
  readonly term: number
  /** From when it was asked for until the other acted, in milliseconds. */
  readonly ms: number
}

/** Why a server does not act, and who does. */
export interface NotActive {
  /** In words: `this server is standing by: the PRIMARY is active, with term 3`. */
  readonly message: string
  /** Of the active one, for people; undefined where it is not known. */
  readonly activeUrl: string | undefined
}
