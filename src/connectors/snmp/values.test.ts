import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readValue } from './values.ts'

// type, value as the library gives it → as monitors see it
const values: [string, number, unknown, unknown][] = [
  ['a number', 2, -5, ['integer', -5]],
  ['a counter', 65, 4_294_967_295, ['counter32', 4_294_967_295]],
  ['64 bits', 70, Buffer.from('0000000200000001', 'hex'), ['counter64', 8_589_934_593]],
  ['64 bits, shortened', 70, Buffer.from('05', 'hex'), ['counter64', 5]],
  ['64 bits, with a byte that says not negative', 70, Buffer.from('00ffffffffffffffff', 'hex'), ['counter64', 2 ** 64]],
  ['a float of net-snmp', 68, Buffer.from('9f780441bc0000', 'hex'), ['gauge', 23.5]],
  ['words', 4, Buffer.from('Cisco IOS\r\nVersion 15'), ['text', 'Cisco IOS\r\nVersion 15']],
  ['words in UTF-8, ended by zeros', 4, Buffer.from('Büro\0\0'), ['text', 'Büro']],
  ['a hardware address', 4, Buffer.from('001b2cff0102', 'hex'), ['text', '00:1b:2c:ff:01:02']],
  ['nothing', 4, Buffer.alloc(0), ['text', '']],
  ['an OID', 6, '1.3.6.1', ['oid', '1.3.6.1']],
  ['an address', 64, '10.0.0.1', ['address', '10.0.0.1']],
  ['no such object', 128, null, undefined],
  ['no such instance', 129, null, undefined],
  ['null', 5, null, undefined],
  ['an unknown type', 200, 5, undefined],
  ['a text that is to be a number', 2, 'five', undefined],
]
test.each(values)('%s', (_, type, value, wanted) => {
  const seen = readValue('1.3.6.1.2.1', type, value)
  expect(seen === undefined ? undefined : [seen.type, seen.value]).toEqual(wanted)
})

test('whatever comes is a finite number, a text or nothing', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), anything, (type, value) => {
      const seen = readValue('1.3', type, value)
      expect(seen === undefined || typeof seen.value === 'string' || Number.isFinite(seen.value)).toBe(true)
    }),
  )
})
