import { expect, test } from 'vitest'
import { countSlots, maintenanceIn, slotAt, slotBeside, stripParts, type Stretch } from './slots.ts'

// outcome from-to every: 10 s periods unless said otherwise
function read(text: string): Stretch[] {
  return text.split(', ').map((one) => {
    const [outcome, times, every = '10'] = one.split(' ')
    const [from, to = from] = times!.split('-')
    return {
      outcome: outcome as Stretch['outcome'],
      from: Number(from),
      to: Number(to),
      everyMs: Number(every),
      reason: null,
      agent: null,
    }
  })
}

const day = read('ran 0-40, failed 50, ran 60-80')

test('a strip is drawn part by part, and what went wrong is not hidden by what went well', () => {
  const drawn = (text: string, places: number) =>
    stripParts(read(text), 0, 100, places).map(({ begin, end, outcome }) => `${begin}-${end} ${outcome}`)
  expect([
    drawn('ran 0-40, failed 50, ran 60-80', 10),
    drawn('ran 0-40, failed 50, ran 60-80', 2),
    drawn('lost 30 0', 10),
  ]).toEqual([['0-0.5 ran', '0.5-0.6 failed', '0.6-0.9 ran'], ['0-0.5 ran', '0.5-1 failed'], ['0.3-0.4 lost']])
})

test('pointing at a moment finds its slot, and a failed one nearby sooner than a good one', () => {
  const at = (moment: number, reach: number) => slotAt(day, moment, reach)?.at
  expect([at(34, 0), at(44, 0), at(47, 5), at(52, 0), at(200, 5)]).toEqual([30, 40, 50, 50, undefined])
})

test('stepping goes from slot to slot, over the ends of stretches', () => {
  const first = { at: 40, stretch: day[0]! }
  const failed = slotBeside(day, first, 'after')!
  expect([
    failed.at,
    slotBeside(day, failed, 'after')?.at,
    slotBeside(day, first, 'before')?.at,
    slotBeside(day, { at: 0, stretch: day[0]! }, 'before'),
  ]).toEqual([50, 60, 30, undefined])
})

test('slots are counted, and times of maintenance found', () => {
  const some = read('ran 0-40, maintenance 50-70, ran 80')
  expect([[...countSlots(some)], maintenanceIn(some)]).toEqual([
    [
      ['ran', 6],
      ['maintenance', 3],
    ],
    [{ from: 50, to: 80 }],
  ])
})
