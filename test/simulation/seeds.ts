import { simulatePair } from './pair-simulate.ts'
import { simulate, storyOf } from './simulate.ts'

/** What of a range of seeds went wrong, as stories. Awaited by the tests, which share the seeds between files so that two cores work. */
export async function brokenSeeds(from: number, count: number): Promise<readonly string[]> {
  const stories: string[] = []
  for (let seed = from; seed < from + count; seed++) {
    const simulated = await simulate(seed)
    if (simulated.violations.length > 0) stories.push(storyOf(simulated))
  }
  return stories
}

/** The same of a pair of servers. */
export async function brokenPairSeeds(from: number, count: number): Promise<readonly string[]> {
  const stories: string[] = []
  for (let seed = from; seed < from + count; seed++) {
    const simulated = await simulatePair(seed)
    if (simulated.violations.length > 0) stories.push(storyOf(simulated, '--pair --seed'))
  }
  return stories
}
