import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What takes the longest. It begins first: what began last would run on alone, beside an idle core. Seeds, which compute, stand between stories, which
 * wait; the short ones of the units fill what is left at the end.
 */
const longest = [
  'stories/kill',
  'stories/failover-unsound',
  'simulation/seeds-1',
  'stories/failover',
  'simulation/seeds-2',
  'stories/failover-upgrade',
  'stories/cut-lines',
  'simulation/seeds-3',
  'stories/first-start',
  'simulation/seeds-4',
  'simulation/simulation',
].map((name) => `/test/${name}.test.ts`)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const found = longest.findIndex((path) => moduleId.endsWith(path))
      return found >= 0 ? found : project.name === 'unit' ? longest.length + 1 : longest.length
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

// What a file imports is kept for the next one: reading it anew for each was half of the work of the unit tests. What a test starts it stops.
const isolate = false

// Three projects: `unit` is pure or in-process, `simulation` is whole systems under virtual time, `stories` starts real servers and whole instances.
export default defineConfig({
  test: {
    reporters: ['default'],
    // For the two cores of a small machine. Stories wait for something most of the time, so that three of them leave a core idle now and then:
    // a run of 12 min 17 s with three took 11 min 37 s with four.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          isolate,
          include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'web/src/**/*.test.ts'],
          setupFiles: ['test/support/rules-shown.ts'],
          // Ends what hangs. A machine that has ten times as much to do as usual ends nothing by it.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'simulation',
          isolate,
          include: ['test/simulation/**/*.test.ts'],
          // All of it computes: on a machine with ten times as much to do each file takes ten times as long.
          testTimeout: 3_600_000,
        },
      },
      {
        test: {
          name: 'stories',
          isolate,
          include: ['test/**/*.test.ts'],
          exclude: ['test/simulation/**'],
          // Longer than any single wait within a story, also where several are slow: what was waited for is to be what is told.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
