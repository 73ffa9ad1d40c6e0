import { defineConfig } from 'vitest/config'

// Three projects: `unit` is pure or in-process, `simulation` is whole systems under virtual time, `stories` starts real servers and whole instances.
export default defineConfig({
  test: {
    reporters: ['default'],
    // One less than there are cores would be one at a time on the two that a small machine has; most tests wait for something.
    maxWorkers: 2,
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
