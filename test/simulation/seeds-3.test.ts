import { expect, test } from 'vitest'
import { brokenSeeds } from './seeds.ts'

const from = 251
const count = 125

test(`whatever is thrown at server and agents by the seeds ${from} to ${from + count - 1}, every law holds`, async () => {
  expect(await brokenSeeds(from, count)).toEqual([])
})
