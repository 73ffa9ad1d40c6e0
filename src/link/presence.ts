/**
 * Which of the starts of an agent is the one that speaks. A copied disk gives two machines one identity, and then two starts speak by turns:
 *
 *   A ──B says hello──▶ B ──A speaks again, later──▶ A, and B is refused while A is heard
 *
 * After an ordinary restart A never speaks again. The one that was there first stays; nobody can know which is the copy.
 */
export interface Presence {
  readonly boot: string
  /** Server time of its hello. */
  readonly since: number
  /** Our `elapsed` when it was last heard. */
  readonly heardAt: number
  /** The start before this one, until it is sure that it has ended. */
  readonly former?: string
  /** Another machine with the same identity, which was found out. */
  readonly double?: string
}

export interface Heard {
  readonly boot: string
  readonly isHello: boolean
  /** Server time at which it was signed. */
  readonly issuedAt: number
  /** Our `elapsed`. */
  readonly at: number
  readonly now: number
}

export type Verdict = 'go on' | 'new start' | 'say hello' | 'wait' | 'found a double' | 'is a double'

/** What was on its way when the new start said hello may arrive after it. */
export const overtakenMs = 2_000
/**
 * For so long a start whose former one has not ended for certain takes no word about results: if that one still lives it speaks by then, as its
 * poll was let go. A copied disk has the positions of the original, and would take their places.
 */
export const aloneAfterMs = 4_000
/** The machine that was there first must have been silent for so long before the other may take its place. */
export const doubleSilentMs = 60_000

export function hear(
  presence: Presence | undefined,
  { boot, isHello, issuedAt, at, now }: Heard,
): { readonly presence: Presence | undefined; readonly verdict: Verdict } {
  if (presence?.boot === boot) return { presence: { ...presence, heardAt: at }, verdict: 'go on' }
  if (presence !== undefined && boot === presence.double && at - presence.heardAt < doubleSilentMs)
    return { presence, verdict: 'is a double' }
  if (presence !== undefined && boot === presence.former) {
    if (issuedAt <= presence.since + overtakenMs) return { presence, verdict: 'wait' }
    return { presence: { boot, since: now, heardAt: at, double: presence.boot }, verdict: 'found a double' }
  }
  if (!isHello) return { presence, verdict: 'say hello' }
  return {
    presence: { boot, since: now, heardAt: at, ...(presence === undefined ? {} : { former: presence.boot }) },
    verdict: 'new start',
  }
}
