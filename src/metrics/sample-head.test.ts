import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SampleHead, ValueBlocks } from './sample-head.ts'

const begin = Date.UTC(2026, 0, 1)

function append(head: SampleHead, number: number, at: number, value: number): void {
  head.append(begin + at, Int32Array.of(number), Float64Array.of(value))
}

/** By their time since the beginning. */
function held(head: SampleHead, number: number): Record<number, number> {
  const { times, values } = head.points(number)
  return Object.fromEntries(Array.from(times, (time, i) => [time - begin, values[i]!]))
}

// time:value → what is held
const stories: Record<string, readonly [came: string, held: Record<number, number>]> = {
  nothing: ['', {}],
  'one sample': ['5:1', { 5: 1 }],
  'samples at equal distances': ['0:1 10:2 20:3 30:4', { 0: 1, 10: 2, 20: 3, 30: 4 }],
  'more than a block of them': [
    '0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8',
    { 0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8 },
  ],
  'a gap, and on': ['0:1 10:2 40:3 50:4', { 0: 1, 10: 2, 40: 3, 50: 4 }],
  'one that came late': ['0:1 20:3 10:2 30:4', { 0: 1, 10: 2, 20: 3, 30: 4 }],
  'a second that came before the first': ['10:2 0:1', { 0: 1, 10: 2 }],
  'one twice: the later wins': ['0:1 10:2 10:3', { 0: 1, 10: 3 }],
  'the first twice': ['0:1 0:2', { 0: 2 }],
}

test.each(Object.entries(stories))('%s', (_, [came, expected]) => {
  const head = new SampleHead(new ValueBlocks())
  const samples = came === '' ? [] : came.split(' ').map((each) => each.split(':').map(Number))
  for (const [at, value] of samples) append(head, 7, at!, value!)
  expect([held(head, 7), head.size]).toEqual([expected, samples.length])
})

test('whatever comes, each series has what came for it in the order of time, and dropping one leaves the others', () => {
  const sample = fc.record({ number: fc.nat(5), at: fc.nat(40), value: fc.integer() })
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), fc.uniqueArray(fc.nat(5)), (samples, dropped) => {
      const head = new SampleHead(new ValueBlocks())
      for (const { number, at, value } of samples) append(head, number, at, value)
      for (const number of dropped) head.drop(number)
      const left = samples.filter(({ number }) => !dropped.includes(number))
      const numbers = [0, 1, 2, 3, 4, 5]
      expect([numbers.map((number) => held(head, number)), head.size]).toEqual([
        numbers.map((number) =>
          Object.fromEntries(left.filter((each) => each.number === number).map(({ at, value }) => [at, value])),
        ),
        left.length,
      ])
    }),
  )
})

test('what is dropped makes room for what comes', () => {
  const blocks = new ValueBlocks()
  const [one, other] = [new SampleHead(blocks), new SampleHead(blocks)]
  const made: number[] = []
  for (let round = 0; round < 4; round++) {
    const head = round % 2 === 0 ? one : other
    // Series 3 has a gap, and is held apart.
    for (let number = 0; number < 4; number++)
      for (let i = 0; i < 100; i++) append(head, number, number === 3 && i > 50 ? i + 5 : i, round)
    for (let number = 0; number < 4; number++) head.drop(number)
    made.push(blocks.made)
  }
  expect([new Set(made).size, one.size, other.size, one.places]).toEqual([1, 0, 0, 0])
})
