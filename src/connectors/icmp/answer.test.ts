import { expect, test } from 'vitest'
import { isAnswer, roundTripMs, type Target } from './answer.ts'
import type { Mark } from './packet.ts'
import { Packet } from './schedule.ts'

const plan: Target = {
  id: 1,
  address: '10.0.0.5',
  family: 4,
  count: 1,
  intervalMs: 20,
  timeoutMs: 100,
  size: 56,
  from: Uint8Array.of(10, 0, 0, 5),
  token: [1, 2],
}
const packet = new Packet(plan, 0, 0, 0x50007)
const mark: Mark = { identifier: 9, sequence: 7, token: [1, 2], number: 0x50007 }

// what differs, the address it comes from → whether it counts
const answers: [string, Partial<Mark>, number[], boolean][] = [
  ['the answer', {}, [10, 0, 0, 5], true],
  ['one from another address', {}, [10, 0, 0, 6], false],
  ['one from an address of the other family', {}, [10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false],
  ['one of another sequence', { sequence: 8 }, [10, 0, 0, 5], false],
  ['one of another number', { number: 7 }, [10, 0, 0, 5], false],
  ['one that was made up by somebody who has not seen the packet', { token: [1, 3] }, [10, 0, 0, 5], false],
]
test.each(answers)('%s', (_, difference, from, wanted) => {
  expect(isAnswer({ ...mark, ...difference }, Uint8Array.from(from), packet)).toBe(wanted)
})

packet.sentAt = 1_000
packet.sentAtWall = 1_795_710_996_000

// arrived by the wall clock, read by the other → round trip
const trips: [string, number | undefined, number, number][] = [
  ['the kernel says when it arrived, long before it was read', 1_795_710_996_000.25, 1_009, 0.25],
  ['the kernel does not say', undefined, 1_009, 9],
  ['the wall clock was set back meanwhile', 1_795_710_990_000, 1_009, 9],
  ['the wall clock was set forward meanwhile', 1_795_710_999_000, 1_009, 9],
  ['noise is left out', undefined, 1_000.123456, 0.123],
]
test.each(trips)('%s', (_, arrivedAtWall, readAt, wanted) => {
  expect(roundTripMs(packet, arrivedAtWall, readAt)).toBe(wanted)
})
