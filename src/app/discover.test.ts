import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { makeLibrary, type AnyConnector, type Discovery } from '../sdk/index.ts'
import { discoverHost } from './discover.ts'
import { library } from './library.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close()
    await once(server, 'close')
  }
})

async function listen(greeting: string): Promise<number> {
  const server = createServer((socket) => {
    // The other side closes as soon as it knows that somebody is there.
    socket.on('error', () => undefined)
    socket.resume().end(greeting)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A connector that is there to be found; the real `tcp` tries the ports. */
function findable(id: string, discovery: Discovery): AnyConnector {
  const tcp = library.connectors.get('tcp')!
  // Ids of connectors are a closed list; these only live here.
  return { ...tcp, id: id as AnyConnector['id'], title: id, discovery }
}

function libraryOf(...connectors: readonly AnyConnector[]) {
  const { discovery: _, ...tcp } = library.connectors.get('tcp')!
  return makeLibrary({ monitors: [], connectors: [tcp, ...connectors], plugins: [] })
}

const proposal = (name: string) => ({ name, title: name, settings: {}, seen: '', certainty: 'identified' as const })
const never = new AbortController().signal

test('each connector is asked about its own ports that are open, and a fallback only where nobody knew', async () => {
  const [known, unknown] = [await listen('SPECIAL'), await listen('?')]
  const asked: string[] = []
  const special = findable('special', {
    at: { tcp: [known, unknown, 1] },
    identify: async ({ port }) => {
      asked.push(`special ${port}`)
      return port === known ? [proposal('special')] : []
    },
  })
  const fallback = findable('fallback', {
    at: { tcp: [known, unknown] },
    isFallback: true,
    identify: async ({ port }) => [proposal(`port-${port}`)],
  })
  const { open, found, problems, tried } = await discoverHost('localhost', libraryOf(special, fallback), never)
  expect({ open, asked: asked.sort(), found: found.map(({ type, name }) => [type, name]), problems, tried }).toEqual({
    open: [known, unknown].sort((a, b) => a - b),
    asked: [`special ${known}`, `special ${unknown}`].sort(),
    found: [
      ['special', 'special'],
      ['fallback', `port-${unknown}`],
    ],
    problems: [],
    tried: 3,
  })
})

test('what breaks or falls silent while it is asked is told in words beside what the others found', async () => {
  const port = await listen('')
  const broken = findable('broken', {
    at: { tcp: [port] },
    identify: () => Promise.reject(new Error('spoke nonsense')),
  })
  const about = findable('about-the-host', { at: 'host', identify: async () => [proposal('host')] })
  const { found, problems } = await discoverHost('127.0.0.1', libraryOf(broken, about), never)
  expect([found.map(({ name }) => name), problems]).toEqual([['host'], [`broken at port ${port}: spoke nonsense`]])
})

test('a name that leads nowhere is said so', async () => {
  expect(await discoverHost('no-such-host.invalid', libraryOf(), never)).toEqual({
    tried: 0,
    open: [],
    found: [],
    problems: ['the name no-such-host.invalid was not found'],
  })
})
