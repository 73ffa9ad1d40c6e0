import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { Intake } from './intake.ts'

test('messages enter a few at a time, in their order, the next ones when others were read', async () => {
  const clock = new ManualClock(0)
  const intake = new Intake(clock)
  const inside: number[] = []
  const leaves: (() => void)[] = []
  const all = Array.from({ length: 100 }, async (_, i) => {
    const leave = await intake.enter()
    inside.push(i)
    leaves.push(leave)
  })
  await turn()
  clock.advance(7_000)
  const seen: unknown[] = [[inside.length, intake.backlogMs]]
  for (const leave of leaves.splice(0, 10)) {
    leave()
    leave()
  }
  await turn()
  seen.push(inside.length)
  while (inside.length < 100) {
    for (const leave of leaves.splice(0)) leave()
    await turn()
  }
  await Promise.all(all)
  expect([...seen, inside, intake.backlogMs]).toEqual([[32, 7_000], 42, Array.from({ length: 100 }, (_, i) => i), 0])
})

test('more than can ever be served are told to come again', async () => {
  const intake = new Intake(new ManualClock(0))
  const refused: unknown[] = []
  for (let i = 0; i < 10_001; i++) void intake.enter().catch((thrown: unknown) => refused.push(thrown))
  await turn()
  expect(refused).toMatchObject([{ code: 'overloaded', retryAfterMs: 5_000 }])
})
