import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { realContext } from '../../src/delivery/testing.ts'
import { certificateFor } from '../servers/certificate.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listening(server: Server): Promise<string> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const serve = (answer: RequestListener) => listening(createServer(answer))

test('an answer without end is read to its bound, and one that stalls until the timeout; the status counts', async () => {
  const endless = await serve((_, response) => {
    const more = () => {
      while (response.writable && response.write('x'.repeat(16_384)));
    }
    response.on('drain', more)
    more()
  })
  const stalled = await serve((_, response) => void response.writeHead(202).write('taken'))
  const { http } = realContext()
  const long = await http({ url: `http://${endless}/`, method: 'POST', body: '{}' })
  // Long enough for what comes at all.
  const slow = await http({ url: `http://${stalled}/`, method: 'POST', body: '{}', timeoutMs: 1_000 })
  expect([long.status, long.body.length, slow.status, slow.body]).toEqual([200, 65_536, 202, 'taken'])
})

test('Retry-After is heard as seconds and as a date', async () => {
  const inAMinute = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 60_000).toUTCString()
  const answers = ['120', inAMinute, 'soon', undefined]
  const heard: (number | undefined)[] = []
  for (const header of answers) {
    const host = await serve((_, response) =>
      response.writeHead(429, header === undefined ? {} : { 'retry-after': header }).end(),
    )
    heard.push((await realContext().http({ url: `http://${host}/`, method: 'POST' })).retryAfterMs)
  }
  expect(heard).toEqual([120_000, expect.closeTo(60_000, -4), undefined, undefined])
})

test('over TLS only who is trusted is spoken to, unless somebody said otherwise', async () => {
  const certificate = await certificateFor('127.0.0.1')
  const host = await listening(createTlsServer(certificate, (_, response) => response.end('hello')))
  const request = { url: `https://${host}/`, method: 'POST' }
  const words = (sent: Promise<{ body: string }>) =>
    sent.then(
      ({ body }) => body,
      (thrown: Error) => thrown.message,
    )
  expect([
    await words(realContext().http(request)),
    await words(realContext({ trusted: [certificate.cert] }).http(request)),
    await words(realContext().http({ ...request, verifyCertificate: false })),
  ]).toEqual([
    `${host}: its certificate is self-signed and not trusted here (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    'hello',
    'hello',
  ])
})

test('an attempt that is ended ends its request', async () => {
  let gone = () => {}
  const closed = new Promise<void>((resolve) => (gone = resolve))
  const ended = new AbortController()
  const host = await serve((request) => {
    request.socket.on('close', () => gone())
    ended.abort()
  })
  const sent = realContext({ signal: ended.signal }).http({ url: `http://${host}/`, method: 'POST', body: '{}' })
  await expect(sent).rejects.toThrow(`${host}: the attempt was ended`)
  await closed
})
