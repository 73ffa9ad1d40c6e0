import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  describeGroups,
  listGroups,
  listOffsets,
  metadata,
  offsetFetch,
  saslAuthenticate,
  saslHandshake,
} from './messages.ts'
import { beginScram } from './scram.ts'
import { Malformed, Reader, Writer } from './wire.ts'

const questions = [
  metadata,
  listGroups,
  describeGroups(['a']),
  offsetFetch('a'),
  listOffsets([{ topic: 'a', partition: 0 }]),
  saslHandshake('PLAIN'),
  saslAuthenticate(Buffer.from('x')),
]

test('whatever a broker answers, it is read or refused, without more memory than it has bytes', () => {
  // Small numbers make lengths and counts that fit, so that more than the first field is reached.
  const bytes = fc.array(fc.oneof(fc.constant(0), fc.nat(4), fc.nat(255)), { maxLength: 200 })
  fc.assert(
    fc.property(bytes, fc.constantFrom(...questions), (answer, { read }) => {
      try {
        read(new Reader(Buffer.from(answer)))
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Malformed)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('what was written is read again', () => {
  const value = fc.record({
    small: fc.integer({ min: -128, max: 127 }),
    whole: fc.maxSafeInteger(),
    text: fc.string({ minLength: 1, maxLength: 50 }),
    list: fc.array(fc.integer({ min: -32_768, max: 32_767 })),
  })
  fc.assert(
    fc.property(value, ({ small, whole, text, list }) => {
      const written = new Writer()
        .int8(small)
        .int64(whole)
        .string(text)
        .array(list, (writer, one) => writer.int16(one))
      const reader = new Reader(written.done())
      expect([reader.int8(), reader.int64(), reader.string(), reader.array(() => reader.int16())]).toEqual([
        small,
        whole,
        text.toWellFormed(),
        list,
      ])
    }),
  )
})

// what a server answers to the first words → why the exchange ends
const challenges: [string, (first: string) => string][] = [
  ['another nonce', () => 'r=x,s=c2FsdA==,i=4096'],
  ['no salt', (first) => `${first},i=4096`],
  ['too few rounds', (first) => `${first},s=c2FsdA==,i=1`],
  ['rounds for hours', (first) => `${first},s=c2FsdA==,i=2000000000`],
  ['nothing', () => ''],
]
test.each(challenges)('a challenge with %s is refused', async (_, challenge) => {
  const scram = beginScram('sha256', { username: 'anna', secret: 'geheim' })
  const nonce = /r=.*$/.exec(scram.first)![0]
  await expect(scram.last(challenge(nonce))).rejects.toThrow('the server does not follow the exchange')
})
