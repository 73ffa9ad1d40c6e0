import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksum, readAnswer, writeEcho, type Mark } from './packet.ts'

const mark: Mark = { identifier: 0x1234, sequence: 0x0102, token: [0xdeadbeef, 0x00c0ffee], number: 0x00010102 }
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

// RFC 1071 §3 sums the first words to ddf2. The others, and that of the request below, were added up by hand.
const sums: [string, number][] = [
  ['0001 f203 f4f5 f6f7', 0x220d],
  ['', 0xffff],
  ['ffff', 0],
  ['0001 f2', 0x0dfe],
]
test.each(sums)('the checksum of %s', (text, wanted) => {
  expect(checksum(bytes(text))).toBe(wanted)
})

test('an echo request of each family', () => {
  const packets = ([4, 6] as const).map((family) => {
    const packet = bytes('00000000 00000000 00000000 00000000 00000000 14151617')
    writeEcho(packet, family, mark)
    return hex(packet)
  })
  expect(packets).toEqual([
    '08001b4e1234' + '0102deadbeef00c0ffee0001010214151617',
    // The kernel writes the checksum, which covers addresses that it chooses.
    '800000001234' + '0102deadbeef00c0ffee0001010214151617',
  ])
})

const reply4 = '0000 0000 1234 0102 deadbeef 00c0ffee 00010102'
const reply6 = '8100 0000 1234 0102 deadbeef 00c0ffee 00010102'
const header = '4500 0054 0000 0000 4001 0000 7f000001 7f000001'
const headerWithOptions = '4600 0058 0000 0000 4001 0000 7f000001 7f000001 94040000'

// what arrived, family, whether the IPv4 header is in it → what it answers
const arrivals: [string, string, 4 | 6, boolean, Mark | undefined][] = [
  ['an answer', reply4, 4, false, mark],
  ['an answer behind its header', `${header} ${reply4}`, 4, true, mark],
  ['an answer behind a header with options', `${headerWithOptions} ${reply4}`, 4, true, mark],
  ['an answer of IPv6', reply6, 6, false, mark],
  ['a request, which loopback shows to a raw socket as well', reply4.replace('0000', '0800'), 4, false, undefined],
  ['an answer of the other family', reply6, 4, false, undefined],
  ['a code that answers do not have', reply4.replace('0000', '0001'), 4, false, undefined],
  ['an answer without all of the mark', reply4.slice(0, -3), 4, false, undefined],
  ['UDP', `${header.replace('4001', '4011')} ${reply4}`, 4, true, undefined],
  ['a header that says it is shorter than one', `41${header.slice(2)} ${reply4}`, 4, true, undefined],
  ['a header that says it is longer than all', `4f${header.slice(2)} ${reply4}`, 4, true, undefined],
  ['nothing', '', 4, true, undefined],
]
test.each(arrivals)('%s', (_, text, family, within, wanted) => {
  expect(readAnswer(bytes(text), family, within)).toEqual(wanted)
})

test('a request that comes back as an answer bears its mark, whatever it is and wherever it lies', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff })
  const half = fc.integer({ min: 0, max: 0xffff })
  const marks = fc.record({ identifier: half, sequence: half, token: fc.tuple(word, word), number: word })
  fc.assert(
    fc.property(marks, fc.constantFrom(4 as const, 6 as const), fc.nat(100), (given, family, before) => {
      const packet = new Uint8Array(before + 64).subarray(before)
      writeEcho(packet, family, given)
      const isSound = family === 6 || checksum(packet) === 0
      packet[0] = family === 4 ? 0 : 129
      expect([isSound, readAnswer(packet, family, false)]).toEqual([true, given])
    }),
  )
})

test('whatever arrives, reading it ends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 96 }), fc.boolean(), (packet, within) => {
      readAnswer(packet, 4, within)
      readAnswer(packet, 6, false)
    }),
  )
})
