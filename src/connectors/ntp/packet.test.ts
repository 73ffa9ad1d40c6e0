import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TargetError } from '../../sdk/index.ts'
import { question, readAnswer } from './packet.ts'

const nonce = Buffer.from('0102030405060708', 'hex')
const times = { sentAt: 1_000_000, receivedAt: 1_000_010 }

/** An answer as a server makes it: its clock shows 1,000.505 s when it answers at once, half a second after ours. */
function answer(change: (packet: Buffer) => void = () => undefined): Buffer {
  const packet = Buffer.alloc(48)
  packet[0] = (4 << 3) | 4
  packet[1] = 2
  packet.writeUInt32BE(0x8000, 4)
  packet.writeUInt32BE(0x4000, 8)
  packet.set([10, 0, 0, 1], 12)
  packet.set(nonce, 24)
  for (const at of [32, 40]) {
    packet.writeUInt32BE(2_208_988_800 + 1_000, at)
    packet.writeUInt32BE(Math.round(0.505 * 2 ** 32), at + 4)
  }
  change(packet)
  return packet
}

const read = (packet: Buffer) => {
  try {
    return readAnswer(packet, nonce, times, 'ntp1:123')
  } catch (thrown) {
    if (!(thrown instanceof TargetError)) throw thrown
    return `${thrown.reason}: ${thrown.message}`
  }
}

test('an answer is read: half a second ahead, ten milliseconds away', () => {
  const seen = read(answer())
  expect([
    question(nonce).length,
    typeof seen === 'object' && { ...seen, offset: Math.round(seen.offset * 1e6) / 1e6 },
  ]).toEqual([
    48,
    {
      offset: 0.5,
      roundTrip: 10,
      stratum: 2,
      leap: 'none',
      rootDelay: 0.5,
      rootDispersion: 0.25,
      reference: '10.0.0.1',
    },
  ])
})

// what is changed → what is said
const odd: [string, (packet: Buffer) => void, unknown][] = [
  ['the answer to another question', (packet) => packet.fill(9, 24, 32), undefined],
  ['a question', (packet) => (packet[0] = (4 << 3) | 3), 'protocol: ntp1:123 answers with what is not NTP'],
  [
    'a kiss of death',
    (packet) => {
      packet[1] = 0
      packet.write('RATE', 12)
    },
    'refused: ntp1:123 asks to be asked less often',
  ],
  [
    'a refusal',
    (packet) => {
      packet[1] = 0
      packet.write('DENY', 12)
    },
    'protocol: ntp1:123 refuses to tell the time (DENY)',
  ],
  ['no time', (packet) => packet.fill(0, 32, 48), 'protocol: ntp1:123 answers without a time'],
]
test.each(odd)('%s', (_, change, wanted) => {
  expect(read(answer(change))).toEqual(wanted)
})

test('the year 2036, when seconds begin anew, is read as the future it is', () => {
  const seen = read(
    answer((packet) => {
      for (const at of [32, 40]) packet.writeUInt32BE(5, at)
    }),
  )
  expect(typeof seen === 'object' && Math.round((seen.offset * 1_000 + 1_000_005) / 1_000)).toBe(2_085_978_502)
})

test('whatever comes is an answer or words', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isNearly) => {
      const packet = isNearly ? Buffer.concat([answer().subarray(0, 32), Buffer.from(bytes)]) : Buffer.from(bytes)
      const seen = read(packet)
      if (typeof seen === 'object')
        expect(Object.values(seen).every((one) => typeof one !== 'number' || Number.isFinite(one))).toBe(true)
      else expect(['string', 'undefined']).toContain(typeof seen)
    }),
  )
})
