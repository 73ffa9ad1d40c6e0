import { expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { CostBook, capacityOf, follow, type CostTask } from './cost.ts'

const task = (id: string, more: Partial<CostTask> = {}): CostTask => ({
  id,
  connector: 'c',
  periodMs: 10_000,
  timeoutMs: 20_000,
  ...more,
})

function bookOf(tasks: readonly CostTask[], before: readonly (readonly [string, number])[] = []): CostBook {
  const book = new CostBook(before)
  book.setTasks(tasks)
  return book
}

test('a connector costs what its tasks run for in a second; a guess from the timeout until they ran', () => {
  const book = bookOf([task('a'), task('b', { periodMs: 60_000 })])
  const guessed = book.costOf('c')
  book.ran('a', 200)
  const half = book.costOf('c')
  book.ran('b', 1_200)
  expect({ guessed, half, measured: book.costOf('c'), nothing: book.costOf('x') }).toEqual({
    guessed: 100 + 1_000 / 60,
    half: 20 + 1_000 / 60,
    measured: 40,
    nothing: 0.01,
  })
})

test('a restart goes on with what connectors cost before, until their tasks ran again', () => {
  const book = bookOf([task('a'), task('b')], [['c', 50]])
  const before = book.costOf('c')
  book.ran('a', 100)
  expect([before, book.costOf('c')]).toEqual([50, 35])
})

test('the average settles near the mean of what wavers, and follows what changed for good within half an hour', () => {
  const random = seededRandom(7)
  const book = bookOf([task('a')])
  for (let i = 0; i < 500; i++) book.ran('a', 1_000 * (0.5 + random()))
  const wavering = book.costOf('c')
  for (let i = 0; i < 180; i++) book.ran('a', 3_000)
  const followed = book.costOf('c')
  expect({ wavering: Math.abs(wavering - 100) < 8, followed: followed > 250 && followed <= 300 }).toEqual({
    wavering: true,
    followed: true,
  })
})

test('durations that cannot be change nothing, or not much', () => {
  const book = bookOf([task('a')])
  book.ran('a', 100)
  for (const wrong of [NaN, -1, Infinity]) book.ran('a', wrong)
  book.ran('nobody', 100)
  const kept = book.costOf('c')
  book.ran('a', 1e15)
  expect([kept, book.costOf('c')]).toEqual([10, (100 + 40_000) / 2 / 10])
})

test('a task keeps its average when others come and go', () => {
  const book = bookOf([task('a')])
  book.ran('a', 100)
  book.setTasks([task('a', { periodMs: 20_000 }), task('b', { connector: 'd' })])
  expect(book.costOf('c')).toBe(5)
})

test('an agent can do what its cores, its bound and the other programs of its machine leave', () => {
  expect([
    capacityOf({ cores: 2, parallelTasks: 1_000 }),
    capacityOf({ cores: 4, parallelTasks: 100 }),
    capacityOf({ cores: 2, parallelTasks: 1_000 }, 1),
    capacityOf({ cores: 2, parallelTasks: 1_000 }, 5),
  ]).toEqual([89_600, 70_000, 44_800, 8_960])
})

test('a figure is followed only where it differs by more than the step', () => {
  expect([follow(undefined, 5, 0.2), follow(100, 119, 0.2), follow(100, 121, 0.2), follow(100, 79, 0.2)]).toEqual([
    5, 100, 121, 79,
  ])
})
