import { expect, test } from 'vitest'
import { uploadPaceMs } from './upload-pace.ts'

test('many agents gather their results, few send each at once, and who catches up is not held back', () => {
  const seen = [
    [2, 1],
    [10, 1],
    [60, 1],
    [1_000, 3],
    [10_000, 100],
    [1_000, 500],
  ].map(([agents, entries]) => uploadPaceMs(agents!, entries!, 50))
  expect(seen).toEqual([0, 0, 500, 4_000, 4_000, 0])
})

test('a server that is slow to store asks small batches to come more rarely, and never longer than ten seconds', () => {
  const seen = [
    [2, 1, 999],
    [2, 1, 1_500],
    [1_000, 3, 1_000],
    [1_000, 3, 60_000],
    [1_000, 500, 60_000],
  ].map(([agents, entries, tookMs]) => uploadPaceMs(agents!, entries!, tookMs!))
  expect(seen).toEqual([0, 4_500, 4_000, 10_000, 0])
})
