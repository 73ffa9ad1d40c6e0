import { expect, test } from 'vitest'
import { doneSteps, type FirstFacts } from './first-steps.ts'

const certificate = (names: string[]): FirstFacts['certificates'][number] => ({
  use: 'tls',
  subject: 'farwatch',
  issuer: 'farwatch',
  names,
  validFrom: '2026-01-01T00:00:00.000Z',
  validTo: '2036-01-01T00:00:00.000Z',
  fingerprint: '',
})
const fresh: FirstFacts = {
  certificates: [certificate(['localhost', '127.0.0.1'])],
  systems: 2,
  ownSystems: 2,
  plugins: 0,
  agents: 0,
  pairRole: 'NONE',
}
const isLocal = (name: string): boolean => name === 'localhost' || name.startsWith('127.')

test('what is there is done, whoever did it', () => {
  expect([
    [...doneSteps(fresh, isLocal)],
    [
      ...doneSteps(
        {
          certificates: [certificate(['localhost', 'watch.example.org'])],
          systems: 3,
          ownSystems: 2,
          plugins: 1,
          agents: 1,
          pairRole: 'PRIMARY',
        },
        isLocal,
      ),
    ],
  ]).toEqual([[], ['certificate', 'target', 'plugin', 'agent', 'pair']])
})
