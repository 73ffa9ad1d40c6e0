import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { expect, test } from 'vitest'
import type { Proposal } from '../sdk/index.ts'
import { connectors } from './index.ts'

async function listening<T extends Server>(server: T): Promise<{ port: number } & AsyncDisposable> {
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
  return discovery.identify({ host: '127.0.0.1', port }, AbortSignal.timeout(5_000))
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
