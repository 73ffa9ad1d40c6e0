import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { breathing, breathingLast, inPieces, type Pieces } from './pace.ts'

/** Each reading takes five milliseconds, so that each piece is a slice. */
class SlowClock extends ManualClock {
  #readings = 0
  override elapsed(): number {
    return 5 * this.#readings++
  }
}

test('of two long pieces of work that which nobody waits for has one slice of four, and all of them once it is alone', async () => {
  const done = { first: 0, last: 0 }
  function* work(of: 'first' | 'last', pieces: number): Pieces<void> {
    for (let i = 0; i < pieces; i++) {
      done[of]++
      yield
    }
  }
  const last = inPieces(work('last', 30), breathingLast(new SlowClock()))
  await inPieces(work('first', 80), breathing(new SlowClock()))
  const whenFirst = { ...done }
  await last
  expect({ whenFirst: { first: whenFirst.first, last: Math.abs(whenFirst.last - 20) <= 1 }, after: done }).toEqual({
    whenFirst: { first: 80, last: true },
    after: { first: 80, last: 30 },
  })
})
