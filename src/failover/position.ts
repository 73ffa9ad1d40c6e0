/**
 * How far the data of an instance goes: the term in which its last change was made, and a count of changes that grows by one with each, over
 * takeovers too. Who becomes active makes a change of its own first, so that what was written in its term is told from what the other may have
 * written after the same count in an earlier one. A follower has the position up to which it holds the other's changes.
 */
export interface Position {
  readonly term: number
  readonly count: number
}

/** Negative where `a` has less than `b`, as for sort. */
export function comparePosition(a: Position, b: Position): number {
  return a.term - b.term || a.count - b.count
}

/** How many changes `follower` lacks of what `leader` has; undefined where the two went apart and cannot be counted against each other. */
export function lagBetween(leader: Position, follower: Position): number | undefined {
  return leader.term === follower.term ? Math.max(0, leader.count - follower.count) : undefined
}
