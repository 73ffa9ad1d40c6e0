/** Which half of a pair an instance is. It never changes by itself, whoever of the two acts. */
export type Side = 'PRIMARY' | 'SECONDARY'

/**
 * The term with which a side becomes active: the next after the highest it knows of that belongs to it. Odd terms are the PRIMARY's, even ones
 * the SECONDARY's, so that two sides that become active at the same moment, neither knowing of the other, cannot take the same one. Since
 * sides mostly take turns, this is the highest plus one but where a side follows itself.
 */
export function nextTerm(highest: number, side: Side): number {
  return ownerOf(highest + 1) === side ? highest + 1 : highest + 2
}

export function ownerOf(term: number): Side {
  return term % 2 === 1 ? 'PRIMARY' : 'SECONDARY'
}
