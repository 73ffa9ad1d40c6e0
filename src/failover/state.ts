import type { Position } from './position.ts'
import type { Side } from './terms.ts'
import type { Statements } from './witnesses.ts'

/** Why the data of an instance is not to be relied on (judge.ts finds it). */
export interface Unsound {
  readonly why: UnsoundReason
  /** For people: what was seen. */
  readonly message: string
}
export const unsoundReasons = [
  'database unwritable',
  'database corrupt',
  'disk full',
  'data directory replaced',
  'rolled back',
  'ingest stalled',
] as const
export type UnsoundReason = (typeof unsoundReasons)[number]

/** What the failover is told of its own instance with each step. */
export interface OwnFacts {
  readonly position: Position
  /**
   * It holds all that there is to act with: of a PRIMARY its own data, of either side a copy of the other that was complete once. What a
   * SECONDARY had before it joined the pair does not count; `copy anew` says from when on.
   */
  readonly isWhole: boolean
  /** Nothing more is being written here: what was begun before the server stopped acting is done. */
  readonly isQuiet: boolean
  readonly unsound: Unsound | undefined
  /** Agents elsewhere that were served within the last minute. */
  readonly followers: number
  /** Hash of the configuration. */
  readonly configuration: string
}

/** How the mechanism is set (setting.ts has the whole of it). */
export interface Rules {
  readonly role: 'NONE' | Side
  /** Mode `OFF` is false. */
  readonly isOn: boolean
  readonly timeoutMs: number
}

export interface World {
  readonly rules: Rules
  readonly own: OwnFacts
}

/** What a side says of itself to the other, in polls and answers alike. */
export interface Report {
  readonly state: ShownState
  readonly isOn: boolean
  /** It acts, be it as the active one of the pair or because the mechanism is off. */
  readonly acts: boolean
  /** The highest it knows of. */
  readonly term: number
  readonly position: Position
  readonly isWhole: boolean
  /** Why its data is not to be relied on; a reason of `unsoundReasons`, or one that a newer version has. */
  readonly unsound: string | undefined
  readonly followers: number
  readonly configuration: string
  /** A hand-over is under way here; it is the other's as soon as that one holds everything up to `position`, which is final then. */
  readonly handOver: 'none' | 'catching up' | 'yours'
  /** An administrator wants the one who acts to hand over. */
  readonly asksForHandOver: boolean
}

export interface HeardReport extends Report {
  readonly at: number
}

export type ShownState = 'off' | 'held' | 'standby' | 'active'

/** Why a side acts. */
export type ActiveReason =
  /** The other was silent, and agents have lost it too. */
  | 'peer lost'
  /** The other was silent, and there was no agent to ask. */
  | 'peer silent'
  | 'peer unsound'
  | 'handed over'
  /** It had stopped to hand over, and the other did not take it in time. */
  | 'hand-over not taken'
  | 'forced'
  /** It was the active one before, and nobody became so meanwhile. */
  | 'resumed'
  /** Both were there for a while, and none acted. */
  | 'nobody acted'
  /** It acted already when the pair was set up. */
  | 'set up'

/** Why a side does not act. */
export type IdleReason =
  /** New to the pair as its SECONDARY: what it holds is its own, and nothing to take over with. */
  'joins' | 'booted' | 'paused' | 'follows' | 'unsound' | 'rolled back'

export type Standing =
  /** The mechanism is off. Who acted when it was switched off goes on, who did not goes on not to. */
  | { readonly is: 'off'; readonly acts: boolean }
  | {
      readonly is: 'active'
      readonly since: number
      readonly because: ActiveReason
      /** It was in contact with the other since it became active. */
      readonly hasMet: boolean
      readonly handOver: { readonly since: number } | undefined
    }
  /** It has stopped acting so that the other can have the last of the changes and then act. */
  | { readonly is: 'giving'; readonly since: number }
  /** `held` is the PRIMARY, `standby` the SECONDARY; both follow whoever acts, and take over by the same rules. */
  | { readonly is: 'held' | 'standby'; readonly since: number; readonly why: IdleReason }

/** All that one side knows. Moments are milliseconds of a clock that only moves forward. Immutable. */
export interface PairState {
  readonly standing: Standing
  /** The highest term that is known for sure: its own, the other's, or one that many agents have seen. Durable. */
  readonly term: number
  /** The last term in which this instance acted; 0: in none of this pair. Durable. */
  readonly ownTerm: number
  readonly peer: HeardReport | undefined
  /** The other was there, be it that it only turned this side away. */
  readonly contactAt: number | undefined
  /** Why the other does not take the polls of this side, though it is there. */
  readonly turnedAway: string | undefined
  readonly asksForHandOver: boolean
  readonly statements: Statements
  readonly tickedAt: number
  readonly problems: readonly PairProblem[]
}

/** A problem that stands until it is gone. */
export interface PairProblem {
  readonly key: string
  readonly severity: 'WARNING' | 'MINOR' | 'MAJOR' | 'CRITICAL'
  readonly message: string
}

/** What was seen when something was decided. */
export interface Seen {
  readonly lastContactMsAgo: number | undefined
  readonly peer: Pick<Report, 'state' | 'term' | 'unsound'> | undefined
  readonly witnesses: readonly { readonly agent: string; readonly says: string }[]
  /** In changes, between the two; undefined where the other was never heard. */
  readonly lag: number | undefined
}

export function actsIn({ standing }: PairState): boolean {
  return standing.is === 'active' || (standing.is === 'off' && standing.acts)
}

export function shownState({ standing }: PairState, { role }: Rules): ShownState {
  if (standing.is === 'giving') return role === 'PRIMARY' ? 'held' : 'standby'
  return standing.is
}

/** What this side says of itself. */
export function reportOf(state: PairState, { rules, own }: World): Report {
  const { standing } = state
  const idle = standing.is === 'held' || standing.is === 'standby' ? standing.why : undefined
  return {
    state: shownState(state, rules),
    isOn: rules.isOn,
    acts: actsIn(state),
    term: state.term,
    position: own.position,
    isWhole: own.isWhole && idle !== 'joins',
    // What was found in the data comes before what the other's word says of them: damaged data may seem older than they are.
    unsound: own.unsound?.why ?? (idle === 'rolled back' ? 'rolled back' : undefined),
    followers: own.followers,
    configuration: own.configuration,
    handOver: handOverOf(standing, own),
    asksForHandOver: state.asksForHandOver,
  }
}

function handOverOf(standing: Standing, own: OwnFacts): Report['handOver'] {
  if (standing.is === 'giving') return own.isQuiet ? 'yours' : 'catching up'
  return standing.is === 'active' && standing.handOver !== undefined ? 'catching up' : 'none'
}
