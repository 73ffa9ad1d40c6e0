import { expect, test } from 'vitest'
import { fingerprintLines } from './fingerprints.ts'

test('a fingerprint is shown in lines of eight pairs, however it came', () => {
  const digits = '0123456789abcdef'.repeat(4)
  const pairs = digits.match(/../g)!.join(':')
  const lines = Array.from({ length: 4 }, () => '01:23:45:67:89:AB:CD:EF')
  expect([fingerprintLines(digits), fingerprintLines(pairs.toUpperCase()), fingerprintLines('none yet')]).toEqual([
    lines,
    lines,
    ['none yet'],
  ])
})
