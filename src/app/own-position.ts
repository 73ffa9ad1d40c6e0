import type { Position } from '../failover/index.ts'
import type { ChangeFacts } from '../platform/index.ts'

/** How far the data of a server of a pair goes, of both its stores together. */
export interface OwnPosition {
  readonly position: Position
  /** Both stores hold a line of changes to act with. */
  readonly isWhole: boolean
  /** One store may be further than the other: there is no position that is true of both, and none is told. */
  readonly isMixed: boolean
}

/**
 * @param stores as they are
 * @param term of the last change, as the database has it
 * @param isFollowing every store goes on from where the other server was, and none has to be copied first
 */
export function ownPosition(
  stores: readonly Pick<ChangeFacts, 'mode' | 'point'>[],
  term: number,
  isFollowing: boolean,
): OwnPosition {
  // While one store is copied the other may be there already: the term would be that of the one, and the count in good part another's.
  const isMixed = stores.some(({ mode }) => mode === 'following') && !isFollowing
  return {
    position: isMixed
      ? { term: 0, count: 0 }
      : { term, count: stores.reduce((sum, { point }) => sum + point.position, 0) },
    isWhole: stores.every(({ mode, point }) => mode !== 'following' || point.line !== ''),
    isMixed,
  }
}
