import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../base/index.ts'

/** Called after each piece of a long piece of work: a promise where the event loop is to have its turn, undefined where not yet. */
export type Breathe = () => Promise<void> | undefined

/** The event loop gets its turn after so long: what else the instance does hardly notices a piece of work of any size. */
const longestSliceMs = 5

/** @param onBreath told how many pieces are done, each time the event loop gets its turn */
export function breathing(clock: Clock, onBreath: (done: number) => void = () => undefined): Breathe {
  let done = 0
  let since = clock.elapsed()
  return () => {
    done++
    if (clock.elapsed() - since < longestSliceMs) return undefined
    onBreath(done)
    return nextTurn().then(() => {
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
