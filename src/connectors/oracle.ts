import type { Connection } from 'oracledb'
import { messageOf, systemCodeOf } from '../base/index.ts'
import { selfSignedCertificate, systemClock } from '../platform/index.ts'
import {
  defineConnector,
  StatementRefused,
  TargetError,
  type OpenCredential,
  type SqlClient,
  type SqlRow,
  type SqlSession,
  type SqlValue,
} from '../sdk/index.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { firstWords } from './network/first-words.ts'
import { openSocket } from './network/open-socket.ts'
import { proposalOf } from './network/proposal.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting, statementTimeoutSetting, trustedSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { authorities, trustedProblems } from './network/trust.ts'
import { untilAborted } from './network/until-aborted.ts'
import { listenerIn, versionQuestion } from './oracle/listener.ts'

/** An Oracle database, by the library's thin mode: no client of Oracle's is needed. From version 12.1. */
export default defineConnector({
  id: 'oracle',
  title: 'Oracle Database',
  summary: 'An Oracle database, from version 12.1. No Oracle client is needed.',
  settings: {
    host: hostSetting,
    port: portSetting(1521),
    service: {
      kind: 'text',
      label: 'Service',
      help: 'The service name of the database, or its SID. `lsnrctl status` lists those that the listener knows.',
      maxLength: 255,
      pattern: '[A-Za-z0-9_.$#\\-]+',
      default: 'ORCL',
    },
    serviceIs: {
      kind: 'choice',
      label: 'The service is given as',
      of: ['service name', 'SID'],
      default: 'service name',
    },
    tls: {
      kind: 'choice',
      label: 'TLS',
      help: 'off: the port does not speak it; the password itself is never sent. verify: it does (TCPS), with a trusted certificate for this name.',
      of: ['off', 'verify'],
      default: 'off',
    },
    trustedCertificates: trustedSetting,
    statementTimeout: statementTimeoutSetting,
  },
  credentials: ['basic'],
  credentialRequired: true,
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: ({ host, port }) => hostPort(host, port),
  reach: reachPort,
  discovery: {
    at: { tcp: [1521, 1522, 1526] },
    async identify(place, signal) {
      const until = (received: Buffer) => listenerIn(received) !== undefined
      const version = listenerIn(await firstWords(place, { send: versionQuestion, until }, signal))
      if (version === undefined) return []
      return [
        proposalOf(place, {
          id: 'oracle',
          port: 1521,
          title: version === '' ? 'Oracle listener' : `Oracle listener ${version}`,
          seen: 'answered in the words of Oracle’s listener; which services it has, it tells nobody from outside',
          credential: 'basic',
        }),
      ]
    },
  },
  open: (settings, credential) => new Oracle(settings, credential),
})

interface Place {
  readonly host: string
  readonly port: number
  readonly service: string
  readonly serviceIs: 'service name' | 'SID'
  readonly tls: 'off' | 'verify'
  readonly trustedCertificates: string | undefined
  readonly statementTimeout: number
}

/** How long the library may go on opening a session that nobody waits for any more, in seconds. */
const abandonedSeconds = 15

class Oracle implements SqlClient {
  readonly dialect = 'oracle'
  readonly target: string
  readonly database: string
  readonly #place: Place
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()
  #wallet: Promise<string> | undefined

  constructor(place: Place, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
    this.database = place.service
  }

  async session<T>(signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T> {
    const begun = systemClock.elapsed()
    const { connection, asObjects } = await this.#signIn.try(() => this.#open(signal), signal)
    const ask = async (sql: string, maxRows: number): Promise<readonly SqlRow[]> => {
      try {
        const fetchArraySize = Math.max(1, Math.min(maxRows, 100))
        const asked = connection.execute(sql, [], { maxRows, outFormat: asObjects, fetchArraySize })
        return ((await untilAborted(asked, signal)).rows ?? []).map(rowOf)
      } catch (thrown) {
        throw this.#failure(thrown, signal, 'did not answer the queries')
      }
    }
    try {
      connection.callTimeout = this.#place.statementTimeout
      connection.module = 'farwatch'
      await ask('SET TRANSACTION READ ONLY', 0)
      return await use({
        version: connection.oracleServerVersionString,
        connect: systemClock.elapsed() - begun,
        query: async (sql, maxRows) => {
          // Whatever else there is ends the transaction that keeps the session from writing.
          if (!/^[(\s]*(?:select|with)\b/i.test(sql))
            throw new StatementRefused('read-only', 'not sent: it is not a query')
          return ask(sql, maxRows)
        },
      })
    } finally {
      // A session that was broken off answers no farewell.
      const farewell = connection.close({ drop: true }).catch(noop)
      if (!signal.aborted) await untilAborted(farewell, signal).catch(noop)
    }
  }

  async #open(signal: AbortSignal): Promise<{ connection: Connection; asObjects: number }> {
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    const { tls, trustedCertificates } = this.#place
    // With the first session: most monitoring processes never open one.
    const { default: oracledb } = await import('oracledb')
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    const wallet = tls === 'off' ? undefined : await (this.#wallet ??= walletOf(trustedCertificates))
    const opening = oracledb.getConnection({
      user: basic?.username ?? '',
      password: basic?.secret ?? '',
      connectString: this.#descriptor(),
      ...(wallet === undefined ? {} : { walletContent: wallet }),
    })
    try {
      return { connection: await untilAborted(opening, signal), asObjects: oracledb.OUT_FORMAT_OBJECT }
    } catch (thrown) {
      // One that opens after all is closed at once.
      opening.then((late) => late.close({ drop: true })).catch(noop)
      const failure = this.#failure(thrown, signal, 'did not open a session')
      if (failure instanceof NoWay) await this.#tryTheWay(signal)
      throw failure
    }
  }

  /** The library tells apart neither what is wrong with a way nor with a certificate; a bare connection does. @throws TargetError */
  async #tryTheWay(signal: AbortSignal): Promise<void> {
    const { host, port, tls, trustedCertificates } = this.#place
    const socket = await openSocket({ host, port, tls, trustedCertificates }, signal)
    socket.destroy()
  }

  /** Everything in it was checked by its setting's pattern, so that nothing can be slipped in. */
  #descriptor(): string {
    const { host, port, service, serviceIs, tls } = this.#place
    const patience = `(CONNECT_TIMEOUT=${abandonedSeconds})(TRANSPORT_CONNECT_TIMEOUT=${abandonedSeconds})(RETRY_COUNT=0)`
    const address = `(ADDRESS=(PROTOCOL=${tls === 'off' ? 'tcp' : 'tcps'})(HOST=${host})(PORT=${port}))`
    const named = serviceIs === 'SID' ? `(SID=${service})` : `(SERVICE_NAME=${service})`
    const security = tls === 'off' ? '' : '(SECURITY=(SSL_SERVER_DN_MATCH=yes))'
    return `(DESCRIPTION=${patience}${address}(CONNECT_DATA=${named})${security})`
  }

  #failure(thrown: unknown, signal: AbortSignal, what: string): Error {
    const { target } = this
    if (signal.aborted) return outOfTime(target, what)
    if (thrown instanceof StatementRefused || thrown instanceof TargetError) return thrown
    const said = messageOf(thrown)
    const code = /\b(?:ORA|NJS|DPY)-\d{3,5}\b/.exec(said)?.[0] ?? systemCodeOf(thrown) ?? ''
    const words = said
      .replace(/\s*Help: https?:\S+/g, '')
      .replace(/^(?:ORA|NJS)-\d+: /, '')
      .replace(/\s*\(CONNECTION_ID=[^)]*\)/g, '')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 300)
    return failureOf(target, code, words, thrown)
  }
}

function noop(): void {}

/** The library did not get as far as the database. */
class NoWay extends TargetError {}

function failureOf(target: string, code: string, words: string, cause: unknown): Error {
  switch (code) {
    // Wrong, locked, ended, without the right to a session, no longer let in.
    case 'ORA-01017':
    case 'ORA-01005':
    case 'ORA-01045':
    case 'ORA-28000':
    case 'ORA-28001':
    case 'ORA-28002':
    case 'NJS-101':
      return new TargetError('credentials', `${target} refused the sign-in: ${words}`, { cause })
    case 'ORA-12154':
    case 'ORA-12505':
    case 'ORA-12514':
    case 'ORA-12521':
    case 'ORA-12660':
    case 'ORA-28040':
    case 'NJS-116':
    case 'NJS-138':
    case 'NJS-518':
    case 'NJS-519':
    case 'NJS-533':
      return new TargetError('configuration', `${target}: ${words}`, { cause })
    case 'NJS-505':
    case 'NJS-506':
    case 'NJS-507':
    case 'NJS-508':
      return new NoWay('tls', `the TLS handshake with ${target} failed: ${words}`, { cause })
    case 'NJS-503':
    case 'NJS-530':
      return new NoWay('unreachable', `${target} cannot be reached: ${words}`, { cause })
    // Full, starting, stopping, restricted, or the listener has nobody to hand over to.
    case 'ORA-00018':
    case 'ORA-00020':
    case 'ORA-01033':
    case 'ORA-01034':
    case 'ORA-01035':
    case 'ORA-01089':
    case 'ORA-01090':
    case 'ORA-12516':
    case 'ORA-12518':
    case 'ORA-12519':
    case 'ORA-12520':
    case 'ORA-12526':
    case 'ORA-12527':
    case 'ORA-12528':
    case 'ORA-12537':
    case 'ORA-27101':
    case 'NJS-511':
      return new TargetError('refused', `${target} takes no session: ${words}`, { cause })
    case 'NJS-123':
      return new StatementRefused(code, 'it took longer than the statement timeout', { cause })
    case 'NJS-500':
    case 'NJS-501':
    case 'NJS-509':
    case 'NJS-510':
    case 'NJS-521':
    case 'ORA-00028':
    case 'ORA-01012':
    case 'ORA-02396':
    case 'ORA-03113':
    case 'ORA-03114':
    case 'ORA-03135':
      return new TargetError('protocol', `${target} broke off the exchange: ${words}`, { cause })
    default:
      return code.startsWith('ORA-') || code.startsWith('NJS-')
        ? new StatementRefused(code, words, { cause })
        : targetFailure(cause, target)
  }
}

/** Names in lower case where the database wrote them in capitals, as for every database here. */
function rowOf(row: Readonly<Record<string, unknown>>): SqlRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [/[a-z]/.test(name) ? name : name.toLowerCase(), valueOf(value)]),
  )
}

function valueOf(value: unknown): SqlValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value
    case 'bigint':
      return Number(value)
    default:
      if (value instanceof Date) return value.toISOString()
      // Large objects stay with the server.
      return Buffer.isBuffer(value) ? value.toString('hex') : null
  }
}

/**
 * Whom to trust, in the one form that the library takes: PEM with a key of one's own in it. The key and its certificate are thrown away with
 * the process; a server that asks for a certificate is shown it and will not know it.
 */
async function walletOf(trusted: string | undefined): Promise<string> {
  const { key, certificate } = await selfSignedCertificate(['farwatch'], systemClock.now())
  const pem = (kind: string, der: Uint8Array) =>
    `-----BEGIN ${kind}-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${kind}-----\n`
  return [pem('PRIVATE KEY', key), pem('CERTIFICATE', certificate), ...authorities(), trusted ?? ''].join('\n')
}
