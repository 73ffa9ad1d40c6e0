// npm run simulate -- [--pair] [--seeds 1000] [--from 1] [--seed 42]: the deterministic simulation over many seeds. A seed that fails is told with
// its story; alone (--seed) it is always told.
import { parseArgs } from 'node:util'
import { simulatePair } from '../test/simulation/pair-simulate.ts'
import { simulate, storyOf } from '../test/simulation/simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    pair: { type: 'boolean', default: false },
  },
})
const from = Number(values.seed ?? values.from ?? 1)
const count = values.seed === undefined ? Number(values.seeds ?? 500) : 1
const began = performance.now()
let failed = 0
let runs = 0
for (let seed = from; seed < from + count; seed++) {
  const simulated = await (values.pair ? simulatePair : simulate)(seed)
  runs += simulated.runs
  if (simulated.violations.length > 0) failed++
  if (values.seed !== undefined) process.stdout.write(`${simulated.story.join('\n')}\n`)
  if (simulated.violations.length > 0 || values.seed !== undefined)
    process.stdout.write(`${storyOf(simulated, values.pair ? '--pair --seed' : '--seed')}\n`)
}
const seconds = ((performance.now() - began) / 1_000).toFixed(1)
process.stdout.write(`${count} seeds, ${runs} runs, ${failed} failed, ${seconds} s\n`)
process.exitCode = failed === 0 ? 0 : 1
