import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { Proposal } from '../sdk/index.ts'
import { connectors } from './index.ts'

async function listening<T extends Server>(server: T): Promise<{ port: number } & AsyncDisposable> {
  // Whoever asks may go away before all was said.
  server.on('connection', (socket: Socket) => void socket.on('error', () => undefined))
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

function identify(type: string, port: number): Promise<readonly Proposal[]> {
  const discovery = connectors.find(({ id }) => id === type)?.discovery
  if (discovery === undefined) throw new Error(`${type} cannot be discovered`)
  return discovery.identify({ host: '127.0.0.1', port }, AbortSignal.timeout(30_000))
}

test('an exporter is proposed with the monitor that reads it, named by what it exports', async () => {
  await using exporter = await listening(
    createServer((request, response) =>
      response.end(
        request.url === '/metrics' ? '# TYPE go_threads gauge\ngo_threads 7\n# TYPE node_load1 gauge\n' : '',
      ),
    ),
  )
  expect(await identify('http', exporter.port)).toEqual([
    {
      name: 'node-exporter',
      title: `Node exporter, port ${exporter.port}`,
      settings: { url: `http://127.0.0.1:${exporter.port}/` },
      seen: `port ${exporter.port} shows metrics for Prometheus under /metrics`,
      certainty: 'identified',
      monitors: [{ monitor: 'prometheus.scrape' }],
      profile: 'prometheus-default',
    },
  ])
})

test('a page that asks for a password says which credential it will want', async () => {
  await using page = await listening(
    createServer((_, response) => response.writeHead(401, { server: 'nginx' }).end('no')),
  )
  expect(await identify('http', page.port)).toMatchObject([
    { title: `Web server nginx, port ${page.port}, asks for a user name and password`, credential: 'basic' },
  ])
})

test('PostgreSQL is known by the one letter that it answers the question for TLS with', async () => {
  await using plain = await listening(createTcpServer((socket) => socket.once('data', () => socket.end('N'))))
  expect(await identify('postgresql', plain.port)).toMatchObject([
    { name: `postgresql-${plain.port}`, settings: { host: '127.0.0.1', port: plain.port }, credential: 'basic' },
  ])
})

test('what answers in other words is not PostgreSQL, and not a web server', async () => {
  await using mail = await listening(createTcpServer((socket) => socket.resume().end('220 mail.example ESMTP\r\n')))
  expect([await identify('postgresql', mail.port), await identify('http', mail.port)]).toEqual([[], []])
})

/** A server that answers the first words with these bytes. */
const answering = (bytes: Uint8Array) => createTcpServer((socket) => socket.once('data', () => socket.end(bytes)))
const greeting = (words: string) => createTcpServer((socket) => socket.resume().end(words))
const page = (status: number, body: string) =>
  createServer((_, response) => response.writeHead(status, { 'content-type': 'text/html' }).end(body))

// type → what answers, what is proposed of it
const identified: [string, () => Server, object][] = [
  ['ldap', () => answering(Buffer.from('300c02010165070a010004000400', 'hex')), { certainty: 'identified' }],
  ['mqtt', () => answering(Buffer.from([0x20, 2, 0, 0])), { settings: { tls: false } }],
  ['mqtt', () => answering(Buffer.from([0x20, 2, 0, 5])), { credential: 'basic' }],
  ['smtp', () => greeting('220 mail.example ESMTP Postfix\r\n'), { title: /mail\.example ESMTP Postfix$/ }],
  [
    'imap',
    () => greeting('* OK [CAPABILITY IMAP4rev1] ready\r\n'),
    { settings: { tls: 'starttls' }, credential: 'basic' },
  ],
  ['rabbitmq', () => page(200, '<title>RabbitMQ Management</title>'), { credential: 'basic' }],
  ['jolokia', () => page(200, '{"value":{"agent":"1.7.1","protocol":"7.2"}}'), { certainty: 'identified' }],
  ['jolokia', () => page(401, ''), { certainty: 'guessed', credential: 'basic' }],
  ['kafka', () => answering(Buffer.from('0000000a00000007000000000000', 'hex')), { settings: { tls: false } }],
]
test.each(identified)('%s is known by how it answers', async (type, server, wanted) => {
  await using there = await listening(server())
  const [proposal] = await identify(type, there.port)
  const expected = Object.entries(wanted).map(([key, value]) => [
    key,
    value instanceof RegExp ? expect.stringMatching(value) : value,
  ])
  expect(proposal).toMatchObject(Object.fromEntries(expected))
})

test.each(['ldap', 'mqtt', 'smtp', 'imap', 'rabbitmq', 'jolokia', 'kafka', 'grpc'])(
  '%s is not seen in a web server',
  async (type) => {
    await using web = await listening(page(200, '<h1>It works</h1>'))
    expect(await identify(type, web.port)).toEqual([])
  },
)
