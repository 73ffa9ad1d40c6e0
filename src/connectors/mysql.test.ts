import fc from 'fast-check'
import { expect, test } from 'vitest'
import { greetingOf } from './mysql.ts'

/** A packet of the server with the number 0. */
function packet(body: Buffer, length = body.length): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(length, 0, 3)
  return Buffer.concat([head, body])
}
const greeting = (version: string) =>
  packet(Buffer.concat([Buffer.from([10]), Buffer.from(`${version}\0`), Buffer.alloc(40, 1)]))
const refusal = (code: number) => packet(Buffer.from([0xff, code & 0xff, code >> 8, ...Buffer.from('no')]))

// what comes → what is said of it
const greetings: [string, Buffer, string | undefined][] = [
  ['MySQL', greeting('8.4.2'), 'MySQL 8.4.2'],
  ['MariaDB', greeting('5.5.5-10.11.6-MariaDB-0+deb12u1'), 'MariaDB 10.11.6-MariaDB-0+deb12u1'],
  ['a server that does not let this host in', refusal(1130), ''],
  ['a server that is full', refusal(1040), ''],
  ['another refusal', refusal(1), undefined],
  ['half of a greeting', greeting('8.4.2').subarray(0, 20), undefined],
  ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), undefined],
  ['ssh', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
  ['a version that is none', greeting('\u0001\u0002'), undefined],
]
test.each(greetings)('%s', (_, bytes, wanted) => {
  expect(greetingOf(bytes)).toBe(wanted)
})

test('whatever a port says, it is one or it is not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(60), (noise, cut) => {
      greetingOf(Buffer.from(noise))
      greetingOf(Buffer.concat([greeting('8.4.2').subarray(0, cut), noise]))
    }),
  )
})
