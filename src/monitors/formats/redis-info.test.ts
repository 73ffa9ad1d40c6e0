import fc from 'fast-check'
import { expect, test } from 'vitest'
import { numberOf, parseRedisInfo, partsOf } from './redis-info.ts'

test('fields are read, and lines that are none are passed over', () => {
  const text = '# Server\r\nredis_version:7.0.15\r\n\r\nnonsense\r\n:x\r\nconfig_file:/etc/a:b\r\nredis_version:9\r\n'
  expect([...parseRedisInfo(text)]).toEqual([
    ['redis_version', '7.0.15'],
    ['config_file', '/etc/a:b'],
  ])
})

// text → number
const numbers: [string | undefined, number | undefined][] = [
  ['7', 7],
  ['-1', -1],
  ['1.52', 1.52],
  ['12.5%', 12.5],
  ['1e3', 1000],
  ['ok', undefined],
  ['', undefined],
  ['1.2.3', undefined],
  ['nan', undefined],
  ['1e999', undefined],
  [undefined, undefined],
]
test.each(numbers)('%j as a number', (text, wanted) => {
  expect(numberOf(text)).toBe(wanted)
})

test('nothing that a server may say breaks the reading', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const value of parseRedisInfo(text).values()) {
        const parts = partsOf(value)
        expect(Object.values(parts).every((part) => typeof part === 'string')).toBe(true)
      }
    }),
  )
})
