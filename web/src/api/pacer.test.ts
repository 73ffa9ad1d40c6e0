import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/base/index.ts'
import { Pacer } from './pacer.ts'

/** A loader that notes when it was asked for what, and ends a load when told to. */
function makeLoads(clock: ManualClock) {
  const asked: (readonly [at: number, ...wanted: string[]])[] = []
  let finish: () => void = () => undefined
  const load = (wanted: readonly string[]): Promise<void> => {
    asked.push([clock.elapsed(), ...wanted])
    return new Promise((resolve) => (finish = resolve))
  }
  const timing = { now: () => clock.elapsed(), after: (ms: number, act: () => void) => clock.after(ms, act) }
  const end = async (): Promise<void> => {
    finish()
    await Promise.resolve()
    await Promise.resolve()
  }
  return { asked, end, pacer: new Pacer<string>(load, timing) }
}

test('what is wanted is gathered, and loaded when the first of it is due', () => {
  const clock = new ManualClock()
  const { asked, pacer } = makeLoads(clock)
  pacer.want(200, 'alarms')
  pacer.want(1_000, 'systems')
  clock.advance(100)
  pacer.want(200, 'alarms', 'status')
  clock.advance(200)
  expect(asked).toEqual([[200, 'alarms']])
})

test('a load is not overtaken by the next, however much is wanted meanwhile, and rests as long as it took', async () => {
  const clock = new ManualClock()
  const { asked, end, pacer } = makeLoads(clock)
  pacer.want(200, 'status')
  clock.advance(200)
  for (let i = 0; i < 15; i++) {
    pacer.want(200, 'status')
    clock.advance(100)
  }
  await end()
  clock.advance(1_400)
  const resting = asked.length
  clock.advance(100)
  expect({ resting, asked }).toEqual({
    resting: 1,
    asked: [
      [200, 'status'],
      [3_200, 'status'],
    ],
  })
})

test('after a reset nothing that was wanted is loaded, and a load that hangs holds nothing up', () => {
  const clock = new ManualClock()
  const { asked, pacer } = makeLoads(clock)
  pacer.want(0, 'status')
  clock.advance(0)
  pacer.want(100, 'alarms')
  pacer.reset()
  pacer.want(300, 'systems')
  clock.advance(1_000)
  expect(asked).toEqual([
    [0, 'status'],
    [300, 'systems'],
  ])
})

test('a load that never ends holds up what is wanted meanwhile for half a minute, and then a rest, but not for ever', () => {
  const clock = new ManualClock()
  const { asked, pacer } = makeLoads(clock)
  pacer.want(0, 'status')
  clock.advance(0)
  pacer.want(200, 'alarms')
  clock.advance(39_999)
  const before = asked.length
  clock.advance(1)
  expect({ before, asked }).toEqual({
    before: 1,
    asked: [
      [0, 'status'],
      [40_000, 'alarms'],
    ],
  })
})
