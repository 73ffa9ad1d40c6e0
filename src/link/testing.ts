import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom, type Clock } from '../base/index.ts'
import type { Assignment } from '../model/index.ts'
import {
  fingerprintOf,
  hashToken,
  newToken,
  openDatabase,
  openKeystore,
  prepareDataDirectory,
  silentLog,
  systemClock,
  type Keystore,
} from '../platform/index.ts'
import { LinkClient, type LinkClientOptions, type LinkKeys } from './client.ts'
import { ServerClock } from './clock-offset.ts'
import { openRegistry, type Registry } from './registry.ts'
import { linkSchema } from './registry-store.ts'
import { makeLinkServer, packedLimit, type LinkServer, type LinkServerOptions, type WitnessSaid } from './server.ts'

/** The keys of an instance, in memory only. */
export function makeKeys(uuid: string = randomUUID()): LinkKeys {
  const identity = generateKeyPairSync('ed25519')
  const sealing = generateKeyPairSync('x25519')
  const pem = (key: typeof identity.publicKey) => key.export({ type: 'spki', format: 'pem' }).toString()
  const fingerprint = fingerprintOf(identity.publicKey.export({ type: 'spki', format: 'der' }))
  return {
    signer: { uuid, privateKey: identity.privateKey, fingerprint },
    publicKey: pem(identity.publicKey),
    sealing: { publicKey: pem(sealing.publicKey), privateKey: sealing.privateKey },
  }
}

/** A clock whose wall is wrong by so much. */
export function wrongClock(byMs: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + byMs }
}

export const emptyAssignment: Assignment = {
  version: 'v1',
  connectors: [],
  tasks: [],
  settings: {
    parallelTasks: 10,
    parallelPerTarget: 4,
    processTimeoutMs: 60_000,
    logLevel: 'info',
    logDurationMs: 0,
    leaseMs: null,
  },
}

/** Hands the requests of a server of `node:http` or `node:https` to the link. */
function listenerOf(
  link: () => Pick<LinkServer, 'handle'>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const chunks: Buffer[] = []
    let bytes = 0
    const path = request.url ?? '/'
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= packedLimit(path) + 1) chunks.push(chunk)
    })
    request.on('end', () => {
      void link()
        .handle({
          method: request.method ?? '',
          path,
          headers: request.headers,
          body: Buffer.concat(chunks),
          address: request.socket.remoteAddress ?? '',
          signal: gone.signal,
        })
        .then(({ status, headers, body }) => response.writeHead(status, { ...headers }).end(body))
    })
  }
}

/** The server half, whole, with a registry in a real database, behind real TLS on the loopback. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly link: LinkServer
  readonly registry: Registry
  readonly keystore: Keystore
  readonly https: Server
  /** As a server that was started anew on the same data: who waits is cut off, and what was held in memory is gone. */
  restart(): void
  stop(): Promise<void>
}

export async function startTestServer(options: Partial<LinkServerOptions> = {}): Promise<TestServer> {
  const path = mkdtempSync(join(tmpdir(), 'farwatch-link-'))
  const directory = await prepareDataDirectory(path, systemClock.now())
  const keystore = await openKeystore(directory, { now: () => systemClock.now(), onProblem: () => undefined })
  const database = await openDatabase({ file: join(path, 'farwatch.db'), schema: [linkSchema] })
  const clock = options.clock ?? systemClock
  const registry = await openRegistry({
    database,
    clock,
    secrets: { newToken, hashToken },
    audit: () => [],
    log: silentLog,
    reservedNames: ['local'],
  })
  const make = () =>
    makeLinkServer({
      registry,
      clock,
      log: silentLog,
      version: '1.0.0',
      term: () => 1,
      notActive: () => undefined,
      higherTerm: () => undefined,
      servers: () => [],
      holdMs: () => 10_000,
      assignmentFor: () => emptyAssignment,
      ownedTask: () => true,
      upload: async (_, { from, entries }) => ({
        acknowledged: from + entries.length,
        safe: from + entries.length,
        pauseMs: 0,
      }),
      polled: () => undefined,
      ...options,
    })
  let link = make()
  const { key, cert } = keystore.tlsMaterial()
  const https = createServer(
    { key, cert },
    listenerOf(() => link),
  ).listen(0, '127.0.0.1')
  await once(https, 'listening')
  const { port } = https.address() as AddressInfo
  return {
    url: `https://localhost:${port}`,
    port,
    get link() {
      return link
    },
    registry,
    keystore,
    https,
    restart() {
      link.stop()
      https.closeAllConnections()
      link = make()
    },
    async stop() {
      link.stop()
      https.closeAllConnections()
      https.close()
      await once(https, 'close')
      keystore.close()
      await database.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Puts something between a server and whoever calls it from now on: what changes, counts or answers in its place. */
export function putBefore({ https }: TestServer, handle: LinkServer['handle']): void {
  https.removeAllListeners('request')
  https.on(
    'request',
    listenerOf(() => ({ handle })),
  )
}

/** A server of a pair, whose part is what the test says. */
export interface TestSide extends TestServer {
  now: { readonly acts: boolean; readonly term: number }
  /** What agents said that it did not serve, and what it was told of higher terms. */
  readonly heard: (WitnessSaid | { readonly higher: number })[]
  /** Called with each of these. */
  onHeard: () => void
  /** It acts, or does not, from now on. */
  become(now: { readonly acts: boolean; readonly term: number }): void
}

export async function startTestSide(acts: boolean, options: Partial<LinkServerOptions> = {}): Promise<TestSide> {
  const heard: TestSide['heard'] = []
  const tell = (said: TestSide['heard'][number]) => {
    heard.push(said)
    side.onHeard()
  }
  const server = await startTestServer({
    uuid: randomUUID(),
    term: () => side.now.term,
    notActive: () => (side.now.acts ? undefined : 'this server stands by'),
    witness: (_, said) => tell(said),
    higherTerm: (_, higher) => tell({ higher }),
    ...options,
  })
  const side: TestSide = Object.assign(server, {
    now: { acts, term: 1 },
    heard,
    onHeard: () => undefined,
    become(now: TestSide['now']) {
      side.now = now
      server.link.activityChanged()
    },
  })
  return side
}

/** As a copy of the registry of the other server has it. */
export async function acceptTestAgent({ registry }: TestServer, keys: LinkKeys): Promise<void> {
  const { token } = await registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  await registry.announce({
    uuid: keys.signer.uuid,
    name: 'north-1',
    publicKey: keys.publicKey,
    fingerprint: keys.signer.fingerprint,
    sealingKey: keys.sealing.publicKey,
    version: '1.0.0',
    enrolmentToken: token,
    address: '127.0.0.1',
  })
}

/** Who trusts the certificates of all these servers. */
export function trustOf(servers: readonly TestServer[]): LinkClientOptions['trust'] {
  const trusted = servers.map(({ keystore }) => keystore.own())
  return {
    authorities: () => trusted.map(({ pem }) => pem),
    trusts: (fingerprint) => trusted.some((one) => one.fingerprint === fingerprint),
  }
}

export type TestClientOptions = Partial<LinkClientOptions> & { readonly url: string; readonly token?: string }

/** An agent's half that trusts a server's certificate, unless it is told otherwise. */
export function makeTestClient(trusted: Keystore | undefined, options: TestClientOptions): LinkClient {
  const clock = options.clock ?? systemClock
  let highest = 0
  let told: readonly string[] = []
  return new LinkClient({
    servers: () => [options.url],
    proxy: () => undefined,
    trust: {
      authorities: () => (trusted === undefined ? [] : [trusted.own().pem]),
      trusts: (fingerprint) => trusted?.own().fingerprint === fingerprint,
    },
    keys: makeKeys(),
    term: {
      read: () => highest,
      raise: async (term) => {
        highest = term
      },
    },
    told: {
      read: () => told,
      note: (urls) => {
        told = urls
      },
    },
    serverClock: new ServerClock(clock),
    clock,
    random: seededRandom(1),
    log: silentLog,
    boot: randomUUID(),
    describe: () => ({
      name: 'north-1',
      version: '1.0.0',
      monitors: { 'tcp.port': 'a1' },
      machine: { hostname: 'north', platform: 'linux', cores: 2, memoryBytes: 2 ** 32 },
    }),
    status: () => ({
      cpu: 0.1,
      cores: 2,
      memory: { usedBytes: 1, totalBytes: 2 },
      disk: { freeBytes: 1, totalBytes: 2 },
      spool: { entries: 0, bytes: 0 },
      tasks: 0,
      running: 0,
      waiting: 0,
      isolated: false,
    }),
    command: async () => undefined,
    ...(options.token === undefined ? {} : { enrolmentToken: options.token }),
    ...options,
  })
}
