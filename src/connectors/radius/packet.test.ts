import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codes, readAnswer, writeQuestion, type Question } from './packet.ts'

// RFC 2865, 7.1: "User Telnet to Specified Host".
const published: Question = {
  code: codes.request,
  id: 0,
  authenticator: Buffer.from('0f403f9473978057bd83d5cb98f4227a', 'hex'),
  secret: 'xyzzy5461',
  user: { name: 'nemo', password: 'arctangent' },
  nas: 'x',
}

/** An answer as a server makes it. */
function answerTo({ id, authenticator, secret }: Question, code: number, signed: boolean): Buffer {
  const packet = Buffer.alloc(signed ? 38 : 20)
  packet.writeUInt8(code, 0)
  packet.writeUInt8(id, 1)
  packet.writeUInt16BE(packet.length, 2)
  authenticator.copy(packet, 4)
  if (signed) {
    packet.set([80, 18], 20)
    createHmac('md5', secret).update(packet).digest().copy(packet, 22)
  }
  createHash('md5').update(packet).update(secret).digest().copy(packet, 4)
  return packet
}

test('a password is hidden as in the published example', () => {
  const packet = writeQuestion(published)
  // After the header and the Message-Authenticator: the name, then the password.
  expect(packet.subarray(38, 62).toString('hex')).toBe('01066e656d6f' + '0212' + '0dbe708d93d413ce3196e43f782a0aee')
})

test('a long password is cut, and the packet stays one', () => {
  const packet = writeQuestion({ ...published, user: { name: 'n', password: 'x'.repeat(1_000) } })
  expect([packet.readUInt16BE(2), packet.length]).toEqual([packet.length, 20 + 18 + 3 + 130 + 3])
})

test('answers are believed where the secret made them', () => {
  const forged = answerTo({ ...published, secret: 'other' }, codes.accept, true)
  const other = answerTo({ ...published, id: 9 }, codes.accept, true)
  const tampered = answerTo(published, codes.reject, true)
  tampered[0] = codes.accept
  expect(
    [answerTo(published, codes.accept, true), answerTo(published, codes.reject, false), forged, other, tampered].map(
      (packet) => readAnswer(packet, published),
    ),
  ).toEqual([
    { is: 'answer', code: codes.accept, signed: true },
    { is: 'answer', code: codes.reject, signed: false },
    { is: 'forged' },
    { is: 'noise' },
    { is: 'forged' },
  ])
})

test('no other packet is an answer', () => {
  const good = answerTo(published, codes.accept, true)
  const packets = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    // A good answer with one byte changed or its end cut off.
    fc.record({ at: fc.nat(good.length - 1), by: fc.integer({ min: 1, max: 255 }) }).map(({ at, by }) => {
      const copy = Buffer.from(good)
      copy[at]! ^= by
      return copy
    }),
    fc.nat(good.length - 1).map((length) => good.subarray(0, length)),
  )
  fc.assert(
    fc.property(packets, (packet) => {
      expect(readAnswer(Buffer.from(packet), published).is).not.toBe('answer')
    }),
    { numRuns: 1_000 },
  )
})
