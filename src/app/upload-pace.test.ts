import { expect, test } from 'vitest'
import { uploadPaceMs } from './upload-pace.ts'

test('many agents gather their results, few send each at once, and who catches up is not held back', () => {
  const seen = [
    [2, 1],
    [100, 1],
    [200, 1],
    [1_000, 3],
    [10_000, 100],
    [1_000, 500],
  ].map(([agents, entries]) => uploadPaceMs(agents!, entries!))
  expect(seen).toEqual([0, 0, 500, 2_000, 2_000, 0])
})
