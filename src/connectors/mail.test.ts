import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TargetError, type OpenCredential } from '../sdk/index.ts'
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
    '* X {3}\r\nabc\r\n',
    '* X {999999999}\r\n',
    '\r\n',
    'x'.repeat(20_000),
  ),
)

// Real connections, one a story: fewer stories than of a parser alone.
test.each([
  ['smtp', smtp],
  ['imap', imap],
])('whatever a server says to %s, the outcome is clear and soon', (id, connector) =>
  fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (answers) => {
      await using server = await saying(answers)
      const client = connector.open(
        { host: '127.0.0.1', port: server.port, tls: 'off', verifyCertificate: true, trustedCertificates: undefined },
        credential,
      )
      const signal = AbortSignal.timeout(60)
      // As `connector.open` gives it for this id.
      const session = (client as { session(...args: unknown[]): Promise<{ duration: number }> }).session
      const outcome = await session.call(client, ...(id === 'imap' ? [['INBOX'], signal] : [signal])).then(
        (seen) => Number.isFinite(seen.duration),
        (thrown: unknown) => thrown instanceof TargetError && !thrown.message.includes('geheim'),
      )
      expect(outcome).toBe(true)
    }),
    { numRuns: 40 },
  ),
)
