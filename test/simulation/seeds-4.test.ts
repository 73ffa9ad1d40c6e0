import { expect, test } from 'vitest'
import { brokenPairSeeds, brokenSeeds } from './seeds.ts'

const from = 376
const count = 125

test(`whatever is thrown at server and agents by the seeds ${from} to ${from + count - 1}, every law holds`, async () => {
  expect(await brokenSeeds(from, count)).toEqual([])
})

const pairFrom = 751
const pairCount = 250

test(`whatever is thrown at a pair of servers by the seeds ${pairFrom} to ${pairFrom + pairCount - 1}, every law holds`, async () => {
  expect(await brokenPairSeeds(pairFrom, pairCount)).toEqual([])
})
