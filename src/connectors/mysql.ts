import { isIP, type Socket } from 'node:net'
import type { Connection, ConnectionOptions, QueryError, RowDataPacket, TypeCastField } from 'mysql2'
import { systemCodeOf } from '../base/index.ts'
import { systemClock } from '../platform/index.ts'
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
import {
  hostSetting,
  portSetting,
  statementTimeoutSetting,
  tlsAskedSetting,
  trustedSetting,
} from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { authorities, trustedProblems } from './network/trust.ts'
import { untilAborted } from './network/until-aborted.ts'
import { onlyReading } from './sql/reading.ts'

/** A MySQL or MariaDB server. */
export default defineConnector({
  id: 'mysql',
  title: 'MySQL or MariaDB',
  summary: 'A server of MySQL, MariaDB, Percona or Aurora.',
  settings: {
    host: hostSetting,
    port: portSetting(3306),
    database: {
      kind: 'text',
      label: 'Database',
      help: 'Where names in queries of one’s own are looked up; the server’s health needs none.',
      maxLength: 64,
      default: 'information_schema',
    },
    tls: tlsAskedSetting,
    trustedCertificates: trustedSetting,
    statementTimeout: statementTimeoutSetting,
  },
  credentials: ['basic'],
  credentialRequired: true,
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: ({ host, port }) => hostPort(host, port),
  reach: reachPort,
  discovery: {
    at: { tcp: [3306, 3307] },
    async identify(place, signal) {
      const said = await firstWords(place, { until: (received) => greetingOf(received) !== undefined }, signal)
      const greeting = greetingOf(said)
      if (greeting === undefined) return []
      return [
        proposalOf(place, {
          id: 'mysql',
          port: 3306,
          title: greeting === '' ? 'MySQL or MariaDB, which does not let this host in' : greeting,
          seen: 'greeted in the words of MySQL',
          credential: 'basic',
        }),
      ]
    },
  },
  open: (settings, credential) => new Server(settings, credential),
})

/**
 * What a server greets with, for people; empty where it only says that this host may not come in; undefined where it is no such server, or
 * not all there yet.
 */
export function greetingOf(bytes: Buffer): string | undefined {
  if (bytes.length < 5 || bytes[3] !== 0) return undefined
  const length = bytes.readUIntLE(0, 3)
  if (length < 3 || length > 1_000 || bytes.length < 4 + length) return undefined
  if (bytes[4] === 0xff) return [1129, 1130, 1040].includes(bytes.readUInt16LE(5)) ? '' : undefined
  if (bytes[4] !== 10) return undefined
  const end = bytes.indexOf(0, 5)
  if (end < 0 || end > 4 + length) return undefined
  const version = bytes.toString('latin1', 5, end)
  if (!/^[\x20-\x7e]{1,100}$/.test(version)) return undefined
  return `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${cleanVersion(version)}`
}

/** MariaDB hides behind `5.5.5-` from old replicas. */
function cleanVersion(version: string): string {
  return version.replace(/^5\.5\.5-(?=\d)/, '')
}

interface Place {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly tls: 'prefer' | 'require' | 'verify' | 'off'
  readonly trustedCertificates: string | undefined
  readonly statementTimeout: number
}

/** An answer of a monitor's query is some hundred rows. */
const mostBytes = 16 * 1024 * 1024

const numbers = new Set([
  'TINY',
  'SHORT',
  'LONG',
  'LONGLONG',
  'INT24',
  'FLOAT',
  'DOUBLE',
  'DECIMAL',
  'NEWDECIMAL',
  'YEAR',
])

function readField(field: TypeCastField): SqlValue {
  if (field.type === ('BIT' as string)) {
    const bits = field.buffer()
    return bits === null ? null : Number(`0x${bits.toString('hex') || '0'}`)
  }
  const text = field.string('utf8')
  return text !== null && numbers.has(field.type) ? Number(text) : text
}

/** The library writes its own code over that of TLS; what was wrong with a certificate is still known to the socket. */
function handshakeFailure(error: QueryError, connection: Connection): QueryError {
  if (error.code !== 'HANDSHAKE_SSL_ERROR') return error
  // Declared by neither side; Node gives the code's text, or nothing where the certificate is not what was wrong.
  const { stream } = connection as unknown as { stream?: { authorizationError?: unknown } }
  const code = typeof stream?.authorizationError === 'string' ? stream.authorizationError : 'EPROTO'
  return Object.assign(new Error(error.message, { cause: error }), { code, fatal: true })
}

class NoTlsOffered extends TargetError {}

class Server implements SqlClient {
  readonly dialect = 'mysql'
  readonly target: string
  readonly database: string
  readonly #place: Place
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()
  /** Learned with `tls: prefer`, so that a server without TLS is not asked for it at every run. */
  #offersTls = true
  /** One object for all sessions: the library keeps what it makes of it. */
  #ssl: ConnectionOptions['ssl']

  constructor(place: Place, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
    this.database = place.database
  }

  async session<T>(signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T> {
    const begun = systemClock.elapsed()
    const opened = await this.#signIn.try(() => this.#open(signal), signal)
    const { connection, version, end } = opened
    try {
      return await use({
        version,
        connect: systemClock.elapsed() - begun,
        query: async (sql, maxRows) => {
          onlyReading(sql, 'mysql')
          return this.#ask(connection, sql, signal, maxRows)
        },
      })
    } finally {
      end()
    }
  }

  async #open(signal: AbortSignal) {
    const { tls } = this.#place
    if (tls !== 'prefer') return this.#attempt(tls, signal)
    if (!this.#offersTls) return this.#attempt('off', signal)
    try {
      return await this.#attempt('require', signal)
    } catch (thrown) {
      if (!(thrown instanceof NoTlsOffered)) throw thrown
      this.#offersTls = false
      return this.#attempt('off', signal)
    }
  }

  async #attempt(tls: 'require' | 'verify' | 'off', signal: AbortSignal) {
    const { host, port, statementTimeout } = this.#place
    // With the first session: most monitoring processes never open one. Before there is a socket, which might close unheard meanwhile.
    const { createConnection } = await import('mysql2')
    const socket = await openSocket({ host, port, tls: 'off', trustedCertificates: undefined }, signal)
    const stop = () => socket.destroy()
    signal.addEventListener('abort', stop, { once: true })
    let connection: Connection | undefined
    const end = () => {
      signal.removeEventListener('abort', stop)
      connection?.destroy()
      socket.destroy()
    }
    try {
      const opening = createConnection(this.#config(tls, socket))
      connection = opening
      // Without a listener a connection that breaks between two statements would end the process; the next statement reports it.
      opening.on('error', stop)
      const opened = new Promise<void>((resolve, reject) =>
        opening.connect((error) =>
          error === null ? resolve() : reject(this.#failure(handshakeFailure(error, opening), signal, tls)),
        ),
      )
      await untilAborted(opened, signal)
      const ask = (sql: string, maxRows = 1) => this.#ask(opening, sql, signal, maxRows, tls)
      const version = cleanVersion(String((await ask('SELECT VERSION() AS version'))[0]?.['version'] ?? ''))
      await ask('SET SESSION TRANSACTION READ ONLY')
      const limit = /mariadb/i.test(version)
        ? `SET SESSION max_statement_time = ${statementTimeout / 1_000}`
        : `SET SESSION max_execution_time = ${statementTimeout}`
      await ask(limit).catch((thrown: unknown) => {
        // Versions before MySQL 5.7 and MariaDB 10.1 know no limit; the run's own time is one.
        if (!(thrown instanceof StatementRefused)) throw thrown
      })
      return { connection: opening, version, end }
    } catch (thrown) {
      end()
      throw signal.aborted ? outOfTime(this.target, 'did not open a session') : thrown
    }
  }

  #config(tls: 'require' | 'verify' | 'off', socket: Socket): ConnectionOptions {
    const { host, database, trustedCertificates } = this.#place
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    // Where TLS begins on a socket that is there already, Node compares the certificate's names with this.
    if (isIP(host) !== 0) Object.assign(socket, { _host: host })
    if (tls !== 'off')
      this.#ssl ??= {
        ca: trustedCertificates === undefined ? authorities() : [...authorities(), trustedCertificates],
        rejectUnauthorized: tls === 'verify',
        verifyIdentity: tls === 'verify',
      }
    return {
      host,
      stream: () => socket,
      ...(tls === 'off' ? {} : { ssl: this.#ssl! }),
      user: basic?.username ?? '',
      password: basic?.secret ?? '',
      database,
      // The signal ends what takes too long, and says so.
      connectTimeout: 0,
      // A server must not be able to ask for this machine's files, and nothing it says is made into code.
      flags: ['-LOCAL_FILES'],
      disableEval: true,
      multipleStatements: false,
      typeCast: readField,
      connectAttributes: { program_name: 'farwatch' },
    }
  }

  async #ask(
    connection: Connection,
    sql: string,
    signal: AbortSignal,
    maxRows: number,
    tls?: 'require' | 'verify' | 'off',
  ): Promise<readonly SqlRow[]> {
    let fail = (_: QueryError): void => undefined
    const answered = new Promise<readonly SqlRow[]>((resolve, reject) => {
      fail = (error) => reject(this.#failure(error, signal, tls))
      const rows: SqlRow[] = []
      let bytes = 0
      // A connection that is closed already says so itself, and not by way of the statement.
      connection.on('error', fail)
      const asked = connection.query<RowDataPacket[]>(sql)
      asked.on('error', fail)
      asked.on('result', (row: RowDataPacket) => {
        // What is no row is the server's note that it did what was asked.
        if (bytes > mostBytes || ('fieldCount' in row && 'serverStatus' in row)) return
        for (const value of Object.values(row)) bytes += typeof value === 'string' ? value.length : 8
        if (bytes > mostBytes) {
          reject(new TargetError('too large', `${this.target} answers with more than ${mostBytes} bytes`))
          connection.destroy()
        } else if (rows.length < maxRows) rows.push({ ...row })
      })
      asked.on('end', () => resolve(rows))
    })
    try {
      return await untilAborted(answered, signal)
    } catch (thrown) {
      throw signal.aborted ? outOfTime(this.target, 'did not answer the queries') : thrown
    } finally {
      connection.off('error', fail)
    }
  }

  #failure(thrown: QueryError, signal: AbortSignal, tls?: string): Error {
    const { target } = this
    if (signal.aborted)
      return outOfTime(target, tls === undefined ? 'did not answer the queries' : 'did not open a session')
    const code = systemCodeOf(thrown)
    if (code === 'HANDSHAKE_NO_SSL_SUPPORT')
      return new NoTlsOffered('tls', `${target} offers no TLS`, { cause: thrown })
    if (code === 'PROTOCOL_CONNECTION_LOST')
      return new TargetError('protocol', `${target} closed the connection`, { cause: thrown })
    if (code?.startsWith('AUTH_SWITCH') === true)
      return new TargetError('configuration', `${target} wants a way of signing in that is not known here`, {
        cause: thrown,
      })
    if (thrown.errno === undefined || thrown.sqlState === undefined) return targetFailure(thrown, target)
    return this.#refusal(thrown.errno, code ?? '', thrown.message.replace(/\p{Cc}/gu, ' ').slice(0, 300), thrown)
  }

  #refusal(number: number, code: string, words: string, cause: Error): Error {
    switch (number) {
      // The host is not let in, whoever asks; the password is wrong, has ended, or the account is locked.
      case 1045:
      case 1130:
      case 1698:
      case 1820:
      case 1862:
      case 3118:
      case 4151:
        return new TargetError('credentials', `${this.target} refused the sign-in: ${words}`, { cause })
      case 1040:
      case 1129:
      case 1203:
      case 1226:
        return new TargetError('refused', `${this.target} takes no session: ${words}`, { cause })
      case 1049:
      case 1044:
        return new TargetError('configuration', `${this.target}: ${words}`, { cause })
      case 3159:
        return new TargetError('tls', `${this.target}: ${words}`, { cause })
      case 1053:
      case 1927:
        return new TargetError('protocol', `${this.target} ended the session: ${words}`, { cause })
      default:
        return new StatementRefused(code, words, { cause })
    }
  }
}
