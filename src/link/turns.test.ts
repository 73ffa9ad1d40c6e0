import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('each begins in a turn of its own, in the order of asking, and others have theirs in between', async () => {
  const turns = new Turns()
  const seen: (number | string)[] = []
  const others = (left: number) =>
    void setImmediate(() => {
      seen.push('another')
      if (left > 1) others(left - 1)
    })
  others(3)
  await Promise.all(
    [1, 2, 3].map(async (one) => {
      await turns.take()
      seen.push(one)
    }),
  )
  expect(seen).toEqual(['another', 1, 'another', 2, 'another', 3])
})
