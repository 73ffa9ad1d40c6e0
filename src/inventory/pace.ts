import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../base/index.ts'

/** Called after each piece of a long piece of work: a promise where the event loop is to have its turn, undefined where not yet. */
export type Breathe = () => Promise<void> | undefined

/** The event loop gets its turn after so long: what else the instance does hardly notices a document of any size. */
const longestSliceMs = 10

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
