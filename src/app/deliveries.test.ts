import { beforeEach, expect, test } from 'vitest'
import { Deliveries } from './deliveries.ts'

let at: number
let deliveries: Deliveries
let changes: number

beforeEach(() => {
  at = changes = 0
  deliveries = new Deliveries(
    () => at,
    () => changes++,
  )
  for (const agent of ['a', 'b', 'c', 'd', 'few']) deliveries.met(agent)
})

const quietOf = (there: number, lost = '') => {
  const { agents, areMany } = deliveries.quiet((agent) => agent !== lost, there)
  return [[...agents].sort().join(' '), areMany]
}

test('tasks are silent for their agent where it has many and delivers nothing, and each for itself otherwise', () => {
  at = 100_000
  deliveries.delivered('b')
  at = 160_000
  const explained = [
    deliveries.explains('a', 50, 75_000),
    deliveries.explains('b', 50, 75_000),
    deliveries.explains('few', 3, 75_000),
    deliveries.explains('unknown', 50, 75_000),
    // Its period is so long that nothing is missing yet.
    deliveries.explains('a', 50, 3_600_000),
  ]
  expect([explained, quietOf(5)]).toEqual([
    [true, false, false, false, false],
    ['a', false],
  ])
})

test('most of several are one problem; whoever delivers, is lost or removed is none', () => {
  at = 100_000
  for (const agent of ['a', 'b', 'c', 'd']) deliveries.explains(agent, 50, 75_000)
  const seen = [quietOf(5)]
  deliveries.delivered('a')
  deliveries.forget('b')
  seen.push(quietOf(5), quietOf(5, 'd'), quietOf(5))
  for (let i = 0; i < 10; i++) deliveries.met(`agent ${i}`)
  at = 200_000
  for (let i = 0; i < 10; i++) deliveries.explains(`agent ${i}`, 50, 75_000)
  expect([...seen, quietOf(1_000)[1], changes]).toEqual([
    ['a b c d', true],
    ['c d', false],
    ['c', false],
    ['c', false],
    true,
    4 + 2 + 10,
  ])
})
