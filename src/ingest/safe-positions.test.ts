import { expect, test } from 'vitest'
import { SafePositions } from './safe-positions.ts'

test('an agent may forget what the standby has confirmed, and nothing beyond', () => {
  const safe = new SafePositions()
  const seen = [safe.acknowledged('a', 's', 1, 10), safe.acknowledged('a', 's', 3, 20)]
  safe.confirm(2)
  seen.push(safe.acknowledged('a', 's', 4, 30))
  safe.confirm(3)
  seen.push(safe.acknowledged('a', 's', 4, 30), safe.acknowledged('b', 's', 4, 5))
  safe.confirm(4)
  seen.push(safe.acknowledged('a', 's', 4, 30), safe.acknowledged('b', 's', 4, 5))
  safe.reset()
  seen.push(safe.acknowledged('a', 's', 4, 30))
  expect(seen).toEqual([0, 0, 10, 20, 0, 30, 5, 0])
})

test('a standby that is away for long fills no memory, and what it confirms at last is safe', () => {
  const safe = new SafePositions()
  for (let i = 1; i <= 5_000; i++) safe.acknowledged('a', 's', i, i)
  safe.confirm(500)
  const early = safe.acknowledged('a', 's', 5_001, 5_001)
  safe.confirm(5_001)
  expect([early, safe.acknowledged('a', 's', 5_001, 5_001)]).toEqual([500, 5_001])
})
