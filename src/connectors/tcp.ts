import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { systemClock, lookup } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type TcpClient,
  type TcpConnected,
  type TcpTalk,
  type TlsSeen,
} from '../sdk/index.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, trustedSetting } from './network/settings.ts'
import { hostPort } from './network/target.ts'
import {
  certificateFacts,
  chainOf,
  chainProblem,
  nameProblem,
  secureContext,
  trustedProblems,
} from './network/trust.ts'

/** What usually listens where, for ports about which no other connector could say anything. `tls`: TLS from the first byte on. */
const services: ReadonlyMap<number, { readonly name: string; readonly title: string; readonly tls?: true }> = new Map([
  [21, { name: 'ftp', title: 'FTP' }],
  [22, { name: 'ssh', title: 'SSH' }],
  [25, { name: 'smtp', title: 'SMTP' }],
  [110, { name: 'pop3', title: 'POP3' }],
  [143, { name: 'imap', title: 'IMAP' }],
  [389, { name: 'ldap', title: 'LDAP' }],
  [443, { name: 'https', title: 'HTTPS', tls: true }],
  [445, { name: 'smb', title: 'SMB' }],
  [465, { name: 'smtps', title: 'SMTP over TLS', tls: true }],
  [587, { name: 'submission', title: 'Mail submission' }],
  [636, { name: 'ldaps', title: 'LDAP over TLS', tls: true }],
  [993, { name: 'imaps', title: 'IMAP over TLS', tls: true }],
  [995, { name: 'pop3s', title: 'POP3 over TLS', tls: true }],
  [1433, { name: 'mssql', title: 'SQL Server' }],
  [1521, { name: 'oracle', title: 'Oracle listener' }],
  [1883, { name: 'mqtt', title: 'MQTT' }],
  [2049, { name: 'nfs', title: 'NFS' }],
  [3306, { name: 'mysql', title: 'MySQL or MariaDB' }],
  [3389, { name: 'rdp', title: 'Remote Desktop' }],
  [5432, { name: 'postgresql', title: 'PostgreSQL' }],
  [5671, { name: 'amqps', title: 'AMQP over TLS', tls: true }],
  [5672, { name: 'amqp', title: 'AMQP' }],
  [5986, { name: 'winrm', title: 'WinRM', tls: true }],
  [6379, { name: 'redis', title: 'Redis' }],
  [6443, { name: 'kubernetes', title: 'Kubernetes API', tls: true }],
  [8443, { name: 'https-8443', title: 'HTTPS', tls: true }],
  [8883, { name: 'mqtts', title: 'MQTT over TLS', tls: true }],
  [9092, { name: 'kafka', title: 'Kafka' }],
  [27017, { name: 'mongodb', title: 'MongoDB' }],
])

/** A TCP port, whatever listens there. */
export default defineConnector({
  id: 'tcp',
  title: 'TCP',
  summary: 'A TCP port, with or without TLS.',
  settings: {
    host: hostSetting,
    port: { kind: 'number', label: 'Port', min: 1, max: 65535, integer: true },
    trustedCertificates: {
      ...trustedSetting,
      help: 'Trusted for this connector besides those of the agent’s machine, where TLS is spoken.',
    },
  },
  credentials: [],
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: ({ host, port }) => hostPort(host, port),
  reach: reachPort,
  discovery: {
    at: { tcp: [...services.keys()] },
    isFallback: true,
    async identify({ host, port }, signal) {
      const service = services.get(port)
      const name = service?.name ?? `tcp-${port}`
      const settings = { host, port }
      const secured =
        service?.tls === true
          ? await new TcpTarget(host, port, undefined).tls({}, signal).catch((thrown: unknown) => {
              if (!(thrown instanceof TargetError)) throw thrown
              return undefined
            })
          : undefined
      const certificate = secured === undefined ? '' : ` with the certificate of ${secured.certificate.subject}`
      return [
        {
          name,
          title: `${service?.title ?? 'Something'}, port ${port}${certificate}`.slice(0, 200),
          settings,
          seen: `port ${port} accepts connections`,
          certainty: 'guessed',
          ...(secured === undefined ? {} : { monitors: [{ monitor: 'tls.certificate' }], profile: 'tls-default' }),
        },
      ]
    },
  },
  open: ({ host, port, trustedCertificates }) => new TcpTarget(host, port, trustedCertificates),
})

class TcpTarget implements TcpClient {
  readonly target: string
  readonly #host: string
  readonly #port: number
  readonly #trusted: string | undefined

  constructor(host: string, port: number, trusted: string | undefined) {
    this.#host = host
    this.#port = port
    this.#trusted = trusted
    this.target = hostPort(host, port)
  }

  connect(signal: AbortSignal): Promise<TcpConnected> {
    return this.#open(signal, (_, seen, done) => done(seen))
  }

  talk(
    { send, maxBytes, until }: { send?: string; maxBytes: number; until: (received: string) => boolean },
    signal: AbortSignal,
  ): Promise<TcpTalk> {
    return this.#open(signal, (socket, seen, done) => {
      const connectedAt = systemClock.elapsed()
      let firstByte: number | undefined
      let received = Buffer.alloc(0)
      const finish = () =>
        done({ ...seen, received: received.toString('utf8'), ...(firstByte === undefined ? {} : { firstByte }) })
      socket.on('data', (chunk: Buffer) => {
        firstByte ??= systemClock.elapsed() - connectedAt
        received = Buffer.concat([received, chunk.subarray(0, maxBytes - received.length)])
        if (received.length >= maxBytes || until(received.toString('utf8'))) finish()
      })
      socket.on('end', finish)
      if (send !== undefined) socket.write(send)
    })
  }

  tls({ serverName }: { serverName?: string }, signal: AbortSignal): Promise<TlsSeen> {
    const name = serverName ?? this.#host
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(outOfTime(this.target, 'was not asked'))
      const begun = systemClock.elapsed()
      let named: number | undefined
      let connected: number | undefined
      // Whatever it is, it is to be reported: also a certificate nobody trusts, and a protocol nobody should speak any more.
      const socket = connectTls({
        host: this.#host,
        port: this.#port,
        lookup: (host, options, done) =>
          lookup(host, options, (error, address, family) => {
            named = systemClock.elapsed()
            done(error, address, family)
          }),
        rejectUnauthorized: false,
        secureContext: secureContext(this.#trusted, undefined, 'whatever is spoken'),
        ...(isIP(name) === 0 ? { servername: name } : {}),
      })
      const stop = () =>
        settle(() =>
          reject(
            outOfTime(
              this.target,
              connected === undefined ? 'did not accept the connection' : 'did not finish the TLS handshake',
            ),
          ),
        )
      const settle = (act: () => void) => {
        signal.removeEventListener('abort', stop)
        socket.destroy()
        act()
      }
      signal.addEventListener('abort', stop, { once: true })
      socket.once('connect', () => (connected = systemClock.elapsed()))
      socket.once('error', (error) => settle(() => reject(this.#handshakeFailure(error, connected))))
      socket.once('close', () =>
        settle(() => reject(new TargetError('tls', `${this.target} closed the connection during the TLS handshake`))),
      )
      socket.once('secureConnect', () => {
        const securedAt = systemClock.elapsed()
        const certificate = certificateFacts(socket, name)
        if (certificate === undefined)
          return settle(() => reject(new TargetError('tls', `${this.target} showed no certificate`)))
        const leaf = socket.getPeerCertificate(true)
        const chain = chainProblem(socket)
        const wrongName = nameProblem(name, leaf)
        const seen: TlsSeen = {
          ...connectedFacts(addressOf(socket, this.#host), begun, named, connected ?? securedAt),
          tls: securedAt - (connected ?? securedAt),
          protocol: socket.getProtocol() ?? 'unknown',
          cipher: socket.getCipher().standardName,
          certificate,
          ...(chain === undefined ? {} : { chainProblem: chain }),
          ...(wrongName === undefined ? {} : { nameProblem: wrongName }),
          chain: chainOf(leaf),
        }
        settle(() => resolve(seen))
      })
    })
  }

  #handshakeFailure(error: Error, connected: number | undefined): TargetError {
    const failure = targetFailure(error, this.target)
    return connected !== undefined && failure.reason === 'protocol'
      ? new TargetError('tls', `${this.target} broke off the TLS handshake`, { cause: error })
      : failure
  }

  /** Connects, hands the socket to `use`, and closes it when `use` is done, fails, or the signal aborts. */
  #open<T>(
    signal: AbortSignal,
    use: (socket: Socket, seen: TcpConnected, done: (result: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(outOfTime(this.target, 'was not asked'))
      const begun = systemClock.elapsed()
      let named: number | undefined
      let connected: number | undefined
      const socket = connectTcp({
        host: this.#host,
        port: this.#port,
        lookup: (host, options, done) =>
          lookup(host, options, (error, address, family) => {
            named = systemClock.elapsed()
            done(error, address, family)
          }),
      })
      const stop = () =>
        settle(() =>
          reject(
            outOfTime(
              this.target,
              connected === undefined ? 'did not accept the connection' : 'did not send what was expected',
            ),
          ),
        )
      const settle = (act: () => void) => {
        signal.removeEventListener('abort', stop)
        socket.destroy()
        act()
      }
      signal.addEventListener('abort', stop, { once: true })
      socket.once('error', (error) => settle(() => reject(targetFailure(error, this.target))))
      socket.once('connect', () => {
        connected = systemClock.elapsed()
        use(socket, connectedFacts(addressOf(socket, this.#host), begun, named, connected), (result) =>
          settle(() => resolve(result)),
        )
      })
    })
  }
}

/** The kernel is asked only where it alone knows. */
function addressOf(socket: Socket, host: string): string {
  return isIP(host) === 0 ? (socket.remoteAddress ?? '') : host
}

function connectedFacts(address: string, begun: number, named: number | undefined, connected: number): TcpConnected {
  return {
    address,
    ...(named === undefined ? {} : { dns: named - begun }),
    connect: connected - (named ?? begun),
  }
}
