import { expect, test } from 'vitest'
import { isVersionAtLeast } from './version.ts'

// version, at least
const versions: [string, number[], boolean][] = [
  ['15.18', [14], true],
  ['9.6.24', [10], false],
  ['10.11.6-MariaDB', [10, 11], true],
  ['10.11.6-MariaDB', [10, 11, 7], false],
  ['2.00.059.00.1636699494', [2, 0, 59], true],
  ['14', [14, 0, 0], true],
  ['unknown', [1], false],
]
test.each(versions)('%s is at least %j: %j', (version, wanted, is) => {
  expect(isVersionAtLeast(version, ...wanted)).toBe(is)
})
