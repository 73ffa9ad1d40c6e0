import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { inTime, remembered } from './remembered.ts'

test('what is known is given until it is known anew, and found out once for all who wait', async () => {
  const clock = new ManualClock(0)
  let asked = 0
  const open: ((n: number) => void)[] = []
  const ask = remembered(clock, 1_000, () => {
    asked += 1
    return new Promise<number>((resolve) => open.push(resolve))
  })
  const both = [ask(), ask()]
  open[0]!(1)
  const first = await Promise.all(both)
  clock.advance(999)
  const young = await ask()
  clock.advance(1)
  const stale = await ask()
  open[1]!(2)
  await new Promise(setImmediate)
  const fresh = await ask()
  clock.advance(10_000)
  const late = ask()
  open[2]!(3)
  expect({ first, young, stale, fresh, late: await late, asked }).toEqual({
    first: [1, 1],
    young: 1,
    stale: 1,
    fresh: 2,
    late: 3,
    asked: 3,
  })
})

test('a failure is told to who waits, and the next one begins anew', async () => {
  let fails = true
  const ask = remembered(new ManualClock(0), 1_000, async () => {
    if (fails) throw new Error('the disk is gone')
    return 7
  })
  await expect(ask()).rejects.toThrow('the disk is gone')
  fails = false
  expect(await ask()).toBe(7)
})

test('an answer is waited for so long, a failure in time is told, and one that comes later is not', async () => {
  const clock = new ManualClock(0)
  const never = new Promise<number>(() => undefined)
  const quick = await inTime(clock, 100, Promise.resolve(1))
  const slow = inTime(clock, 100, never)
  let fail: (reason: Error) => void = () => undefined
  const failing = inTime(clock, 100, new Promise<number>((_, reject) => (fail = reject)))
  clock.advance(100)
  fail(new Error('too late to be heard'))
  const failed = inTime(clock, 100, Promise.reject(new Error('the disk is gone')))
  await expect(failed).rejects.toThrow('the disk is gone')
  expect([quick, await slow, await failing]).toEqual([1, undefined, undefined])
})
