import fc from 'fast-check'
import { expect, test } from 'vitest'
import { engineIn, engineQuestion } from './engine.ts'

// A report to the question in the shape of RFC 3414, from an engine of net-snmp’s.
const report = Buffer.from(
  '3064020103300e020101020300ffe3040100020103041f301d040d80001f888059dc486145a2632202010102020f5004000400040030' +
    '2e040d80001f888059dc486145a26322' +
    '0400a81b02010102010002010030103000',
  'hex',
)

test('the engine is read out of a report, and its first bytes are the number of its maker', () => {
  const engine = engineIn(report)
  expect([engine?.toString('hex'), (engine?.readUInt32BE(0) ?? 0) & 0x7fffffff]).toEqual([
    '80001f888059dc486145a26322',
    8072,
  ])
})

test('the question names no engine, and nonsense names none', () => {
  expect([engineIn(engineQuestion), engineIn(Buffer.from('nonsense')), engineIn(Buffer.alloc(0))]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('whatever comes is an engine or none', () => {
  const cut = fc.tuple(fc.nat(report.length), fc.nat(report.length - 1), fc.nat(255)).map(([end, at, byte]) => {
    const other = Buffer.from(report)
    other[at] = byte
    return other.subarray(0, end)
  })
  fc.assert(
    fc.property(
      fc.oneof(
        cut,
        fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      ),
      (packet) => {
        const length = engineIn(packet)?.length ?? 5
        expect(length >= 5 && length <= 32).toBe(true)
      },
    ),
  )
})
