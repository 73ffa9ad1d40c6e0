import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../base/index.ts'

/** Called after each piece of a long piece of work: a promise where the event loop is to have its turn, undefined where not yet. */
export type Breathe = () => Promise<void> | undefined

/** The event loop gets its turn after so long: what else the instance does hardly notices a piece of work of any size. */
const longestSliceMs = 5

/** @param onBreath told how many pieces are done, each time the event loop gets its turn */
export function breathing(clock: Clock, onBreath: (done: number) => void = () => undefined): Breathe {
  return pausing(clock, onBreath, nextTurn)
}

/** So many turns of the event loop others have between two slices. */
const turnsOfOthers = 3

/**
 * The same for a long piece of work that nobody waits for: where others have long pieces as well, it has one slice of four. When 100,000 tasks were
 * applied, the answer to who asked was a second of work and took seven beside what followed from the change.
 */
export function breathingLast(clock: Clock): Breathe {
  return pausing(
    clock,
    () => undefined,
    async () => {
      for (let turn = 0; turn <= turnsOfOthers; turn++) await nextTurn()
    },
  )
}

function pausing(clock: Clock, onBreath: (done: number) => void, pause: () => Promise<void>): Breathe {
  let done = 0
  let since = clock.elapsed()
  return () => {
    done++
    if (clock.elapsed() - since < longestSliceMs) return undefined
    onBreath(done)
    return pause().then(() => {
      since = clock.elapsed()
    })
  }
}

/** A long piece of work that pauses now and then, well below a millisecond apart. Nobody may change meanwhile what it was given. */
export type Pieces<T> = Generator<undefined, T, undefined>

/** Does it with breaths in its pauses. */
export async function inPieces<T>(work: Pieces<T>, breathe: Breathe): Promise<T> {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
    const turn = breathe()
    if (turn !== undefined) await turn
  }
}

/** Does it without a pause, where it is small or nobody waits. */
export function inOnePiece<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}
