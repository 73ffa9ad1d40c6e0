import { FarwatchError } from '../base/index.ts'
import type {
  DrillReport,
  ForcePrice,
  PairRole,
  PairSettings,
  PairStatus,
  SetUpStep,
  ShownState,
} from '../failover/index.ts'
import type { PartLag, PartState } from '../replication/index.ts'

/** What the API asks of a server about the pair that it is half of, or may become half of. */
export interface FailoverQuestions {
  /** Cheap: asked with every request. */
  now(): PairNow
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
  /** Replication by part: on the side that acts how far the other is (`ReplicationSource.lag`), on the other how far it is itself. */
  readonly parts: Readonly<Record<string, PartLag | PartState>>
  /** `checkSetUp` */
  readonly setUp: readonly SetUpStep[]
  readonly ownUuid: string
  /** Of the key with which the SECONDARY signs, once it is pinned; known on the PRIMARY only. */
  readonly peerFingerprint: string | undefined
}

export interface HandOverReport {
  /** Who acts now. */
  readonly active: 'PRIMARY' | 'SECONDARY'
  readonly term: number
  /** From when it was asked for until the other acted, in milliseconds. */
  readonly ms: number
}

/** How a server stands in its pair: what all requests are judged by, and everybody is shown. */
export interface PairNow {
  readonly role: PairRole
  readonly state: ShownState
  /** `Pair.term` */
  readonly term: number
  /** `Pair.notActive`: why it does not act, in words; undefined where it does. */
  readonly notActive: string | undefined
  /** Where people find the server that acts: this one itself, else the other; undefined where that is not known. */
  readonly activeUrl: string | undefined
}

/** A server that does not act was asked to change what is the other's to change. */
export class NotActiveError extends FarwatchError {
  readonly activeUrl: string | undefined

  constructor(message: string, activeUrl: string | undefined) {
    super('not-active', `${message}; nothing was changed`, {
      hint:
        activeUrl === undefined
          ? 'Which server is active is not known here: see GET /failover on both.'
          : `Ask the active server: ${activeUrl}`,
    })
    this.activeUrl = activeUrl
  }
}
