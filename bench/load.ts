/** Loads of checks against local servers, as documents that a user would apply. */
import { makeAuthority } from '../test/servers/certificates.ts'
import { loopbackHost, startNginx } from '../test/servers/nginx.ts'

export type LoadKind = 'http-new' | 'http-reuse' | 'https-new' | 'tcp' | 'ping'

export interface Load {
  readonly kind: LoadKind
  readonly title: string
  readonly periodMs: number
  /** What of it is not the usual, for the note of a figure. */
  readonly note?: string
  /** PEM of who vouches for the server, where TLS is spoken. */
  readonly trusted?: string
}

export const loads: Record<LoadKind, Load> = {
  'http-new': { kind: 'http-new', title: 'HTTP, new connection', periodMs: 5_000 },
  'http-reuse': { kind: 'http-reuse', title: 'HTTP, kept connection', periodMs: 5_000 },
  'https-new': { kind: 'https-new', title: 'HTTPS, new connection', periodMs: 5_000, note: 'a whole handshake each' },
  tcp: { kind: 'tcp', title: 'TCP port', periodMs: 5_000 },
  // Three packets, as the peers send by default; 20 ms apart, so that a run takes 40 ms and not 800.
  ping: { kind: 'ping', title: 'ping', periodMs: 5_000, note: '3 packets, 20 ms apart' },
}

const monitors: Record<LoadKind, { connector: string; monitor: string; settings?: object }> = {
  'http-new': { connector: 'http', monitor: 'http.response' },
  'http-reuse': { connector: 'http', monitor: 'http.response', settings: { reuseConnection: true } },
  'https-new': { connector: 'http', monitor: 'http.response' },
  tcp: { connector: 'tcp', monitor: 'tcp.port' },
  ping: { connector: 'icmp', monitor: 'ping', settings: { count: 3, interval: '20ms' } },
}

const connectorsASystem = 100

/** Machines that are asked over TCP and HTTP; each answers a hundred checks of 5,000 and more. */
const hosts = 200

/** What the server's certificate is for. */
const tlsName = 'bench.example'

function settingsOf({ kind, trusted }: Load, i: number, port: number): object {
  const host = loopbackHost(Math.floor(i / connectorsASystem) % hosts)
  switch (kind) {
    case 'ping':
      return { host: `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}` }
    case 'https-new':
      return { url: `https://${tlsName}:${port}/`, connectTo: `${host}:${port}`, trustedCertificates: trusted }
    case 'tcp':
      return { host, port }
    case 'http-new':
    case 'http-reuse':
      return { url: `http://${host}:${port}/` }
  }
}

/** So many checks of one kind. */
export interface Share {
  readonly load: Load
  readonly tasks: number
  /** As a document writes it; undefined for the load's own. */
  readonly period?: string
}

/** A document of `tasks` checks of one kind; ping asks as many addresses of 127.0.0.0/8, the others a server that answers as many machines. */
export function documentOf(load: Load, tasks: number, port: number, period = `${load.periodMs}ms`): object {
  return mixedDocument([{ load, tasks, period }], port)
}

/** The same of several kinds beside each other. */
export function mixedDocument(shares: readonly Share[], port: number): object {
  return {
    profiles: shares.map(({ load: { kind, periodMs }, period = `${periodMs}ms` }) => {
      const { connector, monitor, settings = {} } = monitors[kind]
      return { name: kind, connector, monitors: [{ monitor, period, settings }] }
    }),
    groups: [
      {
        name: 'bench',
        systems: shares.flatMap(({ load, tasks }) =>
          Array.from({ length: Math.ceil(tasks / connectorsASystem) }, (_, s) => ({
            name: `${load.kind}-${s}`,
            connectors: Array.from({ length: Math.min(connectorsASystem, tasks - s * connectorsASystem) }, (__, c) =>
              connectorOf(load, s * connectorsASystem + c, port),
            ),
          })),
        ),
      },
    ],
  }
}

function connectorOf(load: Load, i: number, port: number): object {
  return {
    name: `c${i}`,
    type: monitors[load.kind].connector,
    settings: settingsOf(load, i, port),
    profiles: [load.kind],
  }
}

/** A web server for as long as `act` takes. */
export async function withServer<T>(act: (port: number) => Promise<T>): Promise<T> {
  const nginx = await startNginx({ hosts })
  try {
    return await act(nginx.port)
  } finally {
    await nginx.stop()
  }
}

/** The server that a load asks: its port, and the load with who vouches for it. */
export async function withServerOf<T>(load: Load, act: (port: number, load: Load) => Promise<T>): Promise<T> {
  if (load.kind !== 'https-new') return withServer((port) => act(port, load))
  const authority = await makeAuthority()
  try {
    const nginx = await startNginx({ hosts, certificate: await authority.issue([`DNS:${tlsName}`], 30) })
    try {
      return await act(nginx.tlsPort!, { ...load, trusted: authority.certificate })
    } finally {
      await nginx.stop()
    }
  } finally {
    await authority.remove()
  }
}
