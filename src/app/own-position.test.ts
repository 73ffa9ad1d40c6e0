import { expect, test } from 'vitest'
import type { ChangeFacts } from '../platform/index.ts'
import { ownPosition } from './own-position.ts'

type Store = Pick<ChangeFacts, 'mode' | 'point'>
const store = (mode: Store['mode'], position: number, line = 'a line'): Store => ({
  mode,
  point: { line, position, checksum: '' },
})

test('a server that logs is as far as both its stores together, in the term of its database', () => {
  expect(ownPosition([store('logging', 40), store('logging', 300)], 3, false)).toEqual({
    position: { term: 3, count: 340 },
    isWhole: true,
    isMixed: false,
  })
})

test('so is one that follows with both', () => {
  expect(ownPosition([store('following', 40), store('following', 300)], 3, true)).toEqual({
    position: { term: 3, count: 340 },
    isWhole: true,
    isMixed: false,
  })
})

test('while one store is copied no position is told: its count could pass for more than the active server ever had, which would step down for it', () => {
  // The database has arrived, with the term of the active server, which is at 40 + 300; the history is still that of before, when more was logged.
  expect(ownPosition([store('following', 40), store('following', 380)], 3, false)).toEqual({
    position: { term: 0, count: 0 },
    isWhole: true,
    isMixed: true,
  })
})

test('a store without a line is nothing to act with', () => {
  expect(ownPosition([store('following', 40), store('following', 0, '')], 3, false).isWhole).toBe(false)
})
