/** One switch of a drill, as the side that ran it saw it. */
export interface DrillSwitch {
  /** From when it was asked for until the other acted, in milliseconds. */
  readonly ms: number
  /** Of these, how long neither acted. */
  readonly idleMs: number
}

/** What was found afterwards of the time between two moments. */
export interface DrillCounts {
  /** Results that were acknowledged to an agent, and are not there any more. */
  readonly resultsLost: number
  /** Results that count twice. */
  readonly duplicates: number
  /** Slots that nobody ran. */
  readonly runsMissed: number
  /** Notifications that went out more often than once. */
  readonly notificationsRepeated: number
}

/** A planned switch to the other side and back, and what it cost. Moments are epoch milliseconds. */
export interface DrillReport extends DrillCounts {
  readonly startedAt: number
  readonly endedAt: number
  /** A user, or `schedule`. */
  readonly by: string
  /** Undefined where it did not come so far. */
  readonly there: DrillSwitch | undefined
  readonly back: DrillSwitch | undefined
  /** What did not go as it should, in words; none where all is well. */
  readonly problems: readonly string[]
}
