import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TargetError, type ImapClient, type MailTrip, type OpenCredential, type SmtpClient } from '../sdk/index.ts'
import imap from './imap.ts'
import smtp from './smtp.ts'

const credential: OpenCredential = { type: 'basic', fields: { username: 'anna', secret: 'geheim' } }

/** A server that answers each thing it is told with the next of these, whatever it is, and then falls silent. */
async function saying(answers: readonly string[]) {
  const server = createServer((socket) => {
    const left = [...answers]
    const say = () => socket.write(left.shift() ?? '')
    socket.on('error', () => undefined)
    socket.on('data', say)
    say()
    if (answers.length === 0) socket.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '220 mail ESMTP\r\n',
    '250-mail\r\n250 AUTH PLAIN LOGIN\r\n',
    '250-',
    '334 \r\n',
    '235 ok\r\n',
    '* OK here\r\n',
    '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK\r\n',
    '+ \r\n',
    'a2 OK\r\n',
    '* 3 EXISTS\r\na3 OK\r\n',
    '* SEARCH 1 2\r\na4 OK\r\n',
    '* SEARCH 7\r\na5 OK\r\n',
    'a3 OK [READ-ONLY]\r\n',
    '354 go on\r\n',
    '250 ok\r\n',
    '550 no\r\n',
    '* X {3}\r\nabc\r\n',
    '* X {999999999}\r\n',
    '\r\n',
    'x'.repeat(20_000),
  ),
)

const place = (port: number) => ({
  host: '127.0.0.1',
  port,
  tls: 'off',
  verifyCertificate: true,
  trustedCertificates: undefined,
})
// As `open` gives them for these ids.
const sender = (port: number) => smtp.open(place(port), credential) as SmtpClient
const reader = (port: number) => imap.open(place(port), credential) as ImapClient

/** Both servers of a round trip are the same, which answers neither of the two as it should. */
const trip = (port: number): MailTrip => ({
  from: 'anna@example',
  to: 'anna@example',
  mailbox: 'INBOX',
  submission: { host: undefined, port, tls: 'off' },
})

// what is done → with numbers, or words
const talks: [string, (port: number, signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>>][] = [
  ['a sender', async (port, signal) => ({ ...(await sender(port).session(signal)) })],
  ['a reader', async (port, signal) => ({ ...(await reader(port).session(['INBOX'], signal)) })],
  ['a mail on its way', async (port, signal) => ({ ...(await reader(port).mailTrip(trip(port), signal)) })],
]
// Real connections, one a story: fewer stories than of a parser alone.
test.each(talks)('whatever a server says to %s, the outcome is clear and soon', (_, talk) =>
  fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (answers) => {
      await using server = await saying(answers)
      const outcome = await talk(server.port, AbortSignal.timeout(60)).then(
        (seen) => Object.values(seen).every((value) => typeof value !== 'number' || Number.isFinite(value)),
        (thrown: unknown) => thrown instanceof TargetError && !thrown.message.includes('geheim'),
      )
      expect(outcome).toBe(true)
    }),
    { numRuns: 40 },
  ),
)
