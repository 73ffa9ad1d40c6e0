import { expect, test } from 'vitest'
import { readSetting, writeSetting } from './settings.ts'

test.each([
  [8, '16', { ok: true, value: 16 }],
  [8, ' 0.5 ', { ok: true, value: 0.5 }],
  [8, '', { ok: false, wants: 'number' }],
  [8, '1e999', { ok: false, wants: 'number' }],
  ['24h', '7d', { ok: true, value: '7d' }],
  [['a'], '["b"]', { ok: true, value: ['b'] }],
  [{ a: 1 }, '{', { ok: false, wants: 'json' }],
])('where %j stood, %j is read as what it is', (like, typed, expected) => {
  expect(readSetting(typed, like)).toEqual(expected)
})

test('what is shown can be read back', () => {
  expect([12, 'info', ['a', 'b'], null].map(writeSetting)).toEqual(['12', 'info', '["a","b"]', ''])
})
