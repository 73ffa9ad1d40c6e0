import { expect, test } from 'vitest'
import { Lease } from './lease.ts'

const awake = (elapsed: number) => ({ elapsed, sleptMs: 0 })

test('a lease begins with the first answer, and is counted from the moment at which was asked', () => {
  const lease = new Lease()
  lease.set(15_000)
  const before = lease.leftMs(awake(1_000))
  lease.renew(awake(1_000))
  const left = [1_000, 6_000, 15_999, 16_000, 90_000].map((at) => lease.leftMs(awake(at)))
  lease.renew(awake(90_000))
  expect([before, left, lease.leftMs(awake(90_000))]).toEqual([0, [15_000, 10_000, 1, 0, 0], 15_000])
})

test('what the machine slept counts, what is only measured badly does not', () => {
  const lease = new Lease()
  lease.set(15_000)
  lease.renew({ elapsed: 1_000, sleptMs: 500_000 })
  const sleeps = [500_900, 499_200, 505_000, 4_000_000]
  expect(sleeps.map((sleptMs) => lease.leftMs({ elapsed: 2_000, sleptMs }))).toEqual([14_000, 14_000, 9_000, 0])
})

test('without a lease runs may begin as long as the process lives, once the server has said so', () => {
  const lease = new Lease()
  lease.set(null)
  const before = lease.leftMs(awake(0))
  lease.renew(awake(0))
  expect([before, lease.leftMs(awake(1e12))]).toEqual([0, Infinity])
})
