import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Stories that take the longest. They begin first: one that began last would run on alone, beside an idle core. */
const longest = ['kill', 'failover-unsound', 'failover', 'cut-lines', 'failover-upgrade', 'first-start']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/stories/${name}.test.ts`))
      return found < 0 ? longest.length : found
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

// Three projects: `unit` is pure or in-process, `simulation` is whole systems under virtual time, `stories` starts real servers and whole instances.
export default defineConfig({
  test: {
    reporters: ['default'],
    // One less than there are cores would be one at a time on the two that a small machine has; most tests wait for something.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'web/src/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'stories',
          include: ['test/**/*.test.ts'],
          exclude: ['test/simulation/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
