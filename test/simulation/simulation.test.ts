import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from '../../scripts/install.mjs'
import { mistakes } from './mistakes.ts'
import { pairMistakes } from './pair-mistakes.ts'
import { simulatePair } from './pair-simulate.ts'
import { simulate } from './simulate.ts'

test.each(Object.keys(mistakes))('%s is caught', async (name) => {
  const { breaks, ...mistake } = mistakes[name]!
  const broken = new Set<string>()
  for (let seed = 1; seed <= 60 && !broken.has(breaks); seed++)
    for (const { law } of (await simulate(seed, mistake)).violations) broken.add(law)
  expect([...broken]).toContain(breaks)
})

test.each(Object.keys(pairMistakes))('%s is caught', async (name) => {
  const { breaks, ...mistake } = pairMistakes[name]!
  const broken = new Set<string>()
  for (let seed = 1; seed <= 60 && !broken.has(breaks); seed++)
    for (const { law } of (await simulatePair(seed, mistake)).violations) broken.add(law)
  expect([...broken]).toContain(breaks)
})

test.each([
  { of: 'one server', tell: simulate, options: [] },
  { of: 'a pair', tell: simulatePair, options: ['--pair'] },
])('a seed tells the same story each time, in another process too: $of', async ({ tell, options }) => {
  const seed = 7
  const first = await tell(seed)
  const second = await tell(seed)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...['--disable-warning=ExperimentalWarning', join(root, 'scripts/simulate.ts')],
      ...[...options, '--seed', String(seed)],
    ],
    { maxBuffer: 64 * 2 ** 20 },
  )
  expect({
    isSame: first.hash === second.hash,
    isSameElsewhere: stdout.includes(`seed ${seed}, story ${first.hash}`),
    isAnother: (await tell(seed + 1)).hash !== first.hash,
  }).toEqual({ isSame: true, isSameElsewhere: true, isAnother: true })
})
