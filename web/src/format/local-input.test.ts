import { expect, test } from 'vitest'
import { fromLocalInput, toLocalInput } from './local-input.ts'

test('what a field of date and time holds comes back as it was, and anything else is nothing', () => {
  const texts = ['2026-11-22T14:03', '2026-03-29T00:30', '2026-11-22', '', 'yesterday', '2026-13-40T99:99', undefined]
  expect(texts.map((text) => toLocalInput(fromLocalInput(text)))).toEqual([
    '2026-11-22T14:03',
    '2026-03-29T00:30',
    '2026-11-22T00:00',
    '',
    '',
    '',
    '',
  ])
})
