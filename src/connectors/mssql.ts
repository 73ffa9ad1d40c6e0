import type { Connection, ConnectionConfiguration, Request } from 'tedious'
import { messageOf, systemCodeOf } from '../base/index.ts'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  StatementRefused,
  TargetError,
  type DiscoveryPlace,
  type OpenCredential,
  type Proposal,
  type SqlClient,
  type SqlRow,
  type SqlSession,
  type SqlValue,
} from '../sdk/index.ts'
import { browserPort, instanceName, instancesAt, portOf } from './mssql/browser.ts'
import { prelogin, versionIn } from './mssql/prelogin.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { firstWords } from './network/first-words.ts'
import { openSocket } from './network/open-socket.ts'
import { proposalOf } from './network/proposal.ts'
import { reachPort, withinReach } from './network/reach.ts'
import { hostSetting, portSetting, statementTimeoutSetting, trustedSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { authorities, trustedProblems } from './network/trust.ts'
import { onlyReading } from './sql/reading.ts'

/** A Microsoft SQL Server, or Azure SQL. */
export default defineConnector({
  id: 'mssql',
  title: 'SQL Server',
  summary: 'An instance of Microsoft SQL Server, or Azure SQL.',
  settings: {
    host: hostSetting,
    port: {
      ...portSetting(1433),
      help: 'A named instance listens on a port of its own, which the SQL Server Configuration Manager shows. Without meaning where an instance is named.',
    },
    instance: {
      kind: 'text',
      label: 'Named instance',
      help: 'The port is asked for at the SQL Server Browser of the host (UDP 1434) with every session. A port is better where it is fixed, and where UDP does not get through.',
      pattern: instanceName,
      optional: true,
      example: 'SHOP',
    },
    database: { kind: 'text', label: 'Database', maxLength: 128, default: 'master' },
    domain: {
      kind: 'text',
      label: 'Windows domain',
      help: 'Where the user is one of Windows (NTLM); left out for a login of SQL Server’s own.',
      maxLength: 100,
      optional: true,
      example: 'CORP',
    },
    readOnlyIntent: {
      kind: 'flag',
      label: 'Intent to read only',
      help: 'Announced to the server, which readable secondaries want. By a listener it leads to a secondary where the database is in an availability group.',
      default: true,
    },
    tls: {
      kind: 'choice',
      label: 'TLS',
      help: 'verify: with a trusted certificate for this name. require: whatever the certificate, such as the one a fresh server makes for itself. strict: verified, from the first byte (SQL Server 2022). off: the password crosses the network hardly hidden.',
      of: ['verify', 'require', 'strict', 'off'],
      default: 'verify',
    },
    trustedCertificates: trustedSetting,
    statementTimeout: statementTimeoutSetting,
  },
  credentials: ['basic'],
  credentialRequired: true,
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: (settings) => targetOf(settings),
  reach: async (settings, signal) => {
    const { host } = settings
    await reachPort({ host, port: await listenedAt(settings, withinReach(signal)) }, signal)
  },
  discovery: {
    at: { tcp: [1433], udp: [browserPort] },
    async identify(place, signal) {
      if (place.port === browserPort) return namedInstances(place, signal)
      const until = (received: Buffer) => versionIn(received) !== undefined
      const version = versionIn(await firstWords(place, { send: prelogin, until }, signal))
      if (version === undefined) return []
      return [
        proposalOf(place, {
          id: 'mssql',
          port: 1433,
          title: `SQL Server ${version}`,
          seen: 'answered in the words of SQL Server',
          credential: 'basic',
        }),
      ]
    },
  },
  open: (settings, credential) => new SqlServer(settings, credential),
})

function targetOf({ host, port, instance }: Pick<Place, 'host' | 'port' | 'instance'>): string {
  return instance === undefined ? hostPort(host, port) : `${host}\\${instance}`
}

/** The port of the instance: the one that was given, or what the browser of the host says now. @throws TargetError */
async function listenedAt(
  { host, port, instance }: Pick<Place, 'host' | 'port' | 'instance'>,
  signal: AbortSignal,
): Promise<number> {
  return instance === undefined ? port : portOf({ host, port: browserPort }, instance, signal)
}

/** What listens at the usual port is found there. */
async function namedInstances(place: DiscoveryPlace, signal: AbortSignal): Promise<readonly Proposal[]> {
  const instances = await instancesAt(place, signal)
  return instances.flatMap(({ name, port, version }): Proposal[] =>
    port === undefined || port === 1433
      ? []
      : [
          {
            name: `mssql-${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}`,
            title: `SQL Server ${version ?? ''} instance ${name}, port ${port}`.replace('  ', ' '),
            settings: { host: place.host, instance: name },
            seen: `the SQL Server Browser at port ${place.port} named it`,
            certainty: 'identified',
            credential: 'basic',
          },
        ],
  )
}

/** One value of a row, as the library gives it. */
interface ColumnValue {
  readonly value: unknown
  readonly metadata: { readonly colName: string; readonly type: { readonly name: string } }
}

interface Place {
  readonly host: string
  readonly port: number
  readonly instance: string | undefined
  readonly database: string
  readonly domain: string | undefined
  readonly readOnlyIntent: boolean
  readonly tls: 'verify' | 'require' | 'strict' | 'off'
  readonly trustedCertificates: string | undefined
  readonly statementTimeout: number
}

/** Never waits for somebody's lock, and gives way where it is in one's way. */
const sessionSql = `
  SET LOCK_TIMEOUT 3000; SET DEADLOCK_PRIORITY LOW; SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SET IMPLICIT_TRANSACTIONS OFF;
  SET NOCOUNT ON; SET TEXTSIZE 65536`

class SqlServer implements SqlClient {
  readonly dialect = 'mssql'
  readonly target: string
  readonly database: string
  readonly #place: Place
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: Place, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = targetOf(place)
    this.database = place.database
  }

  async session<T>(signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T> {
    const begun = systemClock.elapsed()
    const { connection, request, end } = await this.#signIn.try(() => this.#open(signal), signal)
    const ask = (sql: string, maxRows: number) => this.#ask(connection, new request(sql, noop), signal, maxRows)
    try {
      await ask(sessionSql, 0)
      const [server] = await ask(`SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(60)) AS version`, 1)
      return await use({
        version: String(server?.['version'] ?? ''),
        connect: systemClock.elapsed() - begun,
        query: async (sql, maxRows) => {
          onlyReading(sql, 'mssql')
          await ask('BEGIN TRANSACTION', 0)
          try {
            return await ask(sql, maxRows)
          } finally {
            await ask('IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION', 0).catch(noop)
          }
        },
      })
    } finally {
      end()
    }
  }

  async #open(signal: AbortSignal) {
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    // With the first session: most monitoring processes never open one.
    const { default: tedious } = await import('tedious')
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    const port = await listenedAt(this.#place, signal)
    const connection = new tedious.Connection(this.#config(port, signal))
    // What a server says before it refuses is told apart by its number, which the error itself does not bear.
    let said: { readonly number: number; readonly message: string } | undefined
    connection.on('errorMessage', (info) => (said = info))
    // Without a listener a connection that breaks between two statements would end the process; the next statement reports it.
    connection.on('error', noop)
    const stop = () => connection.close()
    signal.addEventListener('abort', stop, { once: true })
    const end = () => {
      signal.removeEventListener('abort', stop)
      connection.close()
    }
    try {
      await new Promise<void>((resolve, reject) =>
        connection.connect((error) => (error === undefined || error === null ? resolve() : reject(error))),
      )
      return { connection, request: tedious.Request, end }
    } catch (thrown) {
      end()
      throw this.#failure(thrown, said, signal)
    }
  }

  #config(port: number, signal: AbortSignal): ConnectionConfiguration {
    const { host, database, domain, readOnlyIntent, tls, trustedCertificates, statementTimeout } = this.#place
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    const user = { userName: basic?.username ?? '', password: basic?.secret ?? '' }
    return {
      server: host,
      authentication:
        domain === undefined || domain === ''
          ? { type: 'default', options: user }
          : { type: 'ntlm', options: { ...user, domain } },
      options: {
        port,
        database,
        appName: 'farwatch',
        connector: () => openSocket({ host, port, tls: 'off', trustedCertificates: undefined }, signal),
        encrypt: tls === 'off' ? false : tls === 'strict' ? 'strict' : true,
        trustServerCertificate: tls === 'require',
        cryptoCredentialsDetails: {
          ca: trustedCertificates === undefined ? authorities() : [...authorities(), trustedCertificates],
        },
        readOnlyIntent,
        requestTimeout: statementTimeout,
        // The signal ends what takes too long, and says so.
        connectTimeout: 600_000,
        // A run that fails is a result; the next one comes soon enough.
        maxRetriesOnTransientErrors: 0,
        useUTC: true,
      },
    }
  }

  #ask(connection: Connection, request: Request, signal: AbortSignal, maxRows: number): Promise<readonly SqlRow[]> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(outOfTime(this.target, 'did not answer the queries'))
      const rows: SqlRow[] = []
      request.callback = (error) => {
        if (error === undefined || error === null || (rows.length >= maxRows && systemCodeOf(error) === 'ECANCEL'))
          resolve(rows)
        else reject(this.#refusal(error, signal))
      }
      request.on('row', (columns: ColumnValue[]) => {
        if (rows.length < maxRows)
          rows.push(Object.fromEntries(columns.map((one) => [one.metadata.colName, valueOf(one)])))
        // What is beyond stays with the server.
        else if (rows.length === maxRows && maxRows > 0) connection.cancel()
      })
      connection.execSqlBatch(request)
    })
  }

  #refusal(thrown: Error, signal: AbortSignal): Error {
    if (signal.aborted) return outOfTime(this.target, 'did not answer the queries')
    const code = systemCodeOf(thrown)
    const words = spoken(messageOf(thrown))
    if (code === 'ETIMEOUT')
      return new StatementRefused('timeout', 'it took longer than the statement timeout', { cause: thrown })
    if ('number' in thrown && typeof thrown.number === 'number')
      return new StatementRefused(String(thrown.number), words, { cause: thrown })
    return new TargetError('protocol', `${this.target} ended the session: ${words}`, { cause: thrown })
  }

  #failure(thrown: unknown, said: { number: number; message: string } | undefined, signal: AbortSignal): Error {
    const { target } = this
    if (signal.aborted) return outOfTime(target, 'did not open a session')
    if (said !== undefined) return refusedSignIn(target, said.number, spoken(said.message), thrown)
    for (let one = thrown, deep = 0; one instanceof Error && deep < 5; one = one.cause, deep++) {
      if (one instanceof TargetError) return one
      const code = systemCodeOf(one)
      if (code === 'EENCRYPT')
        return new TargetError(
          'tls',
          /requires/.test(one.message) ? `${target} wants TLS` : `${target} offers no TLS`,
          { cause: thrown },
        )
      // The library's own codes say less than the cause.
      if (code !== undefined && !['ESOCKET', 'ELOGIN', 'ETIMEOUT', 'ECLOSE'].includes(code))
        return hinted(targetFailure(one, target))
    }
    return targetFailure(/hang up|closed/i.test(messageOf(thrown)) ? { code: 'ECONNRESET' } : thrown, target)
  }
}

function noop(): void {}

/** A fresh server shows a certificate that it made for itself, which is where most people end first. */
function hinted(failure: TargetError): TargetError {
  return failure.reason === 'tls' && /self-signed/.test(failure.message)
    ? new TargetError('tls', `${failure.message}; trust it under trustedCertificates, or set tls to require`, {
        cause: failure,
      })
    : failure
}

function refusedSignIn(target: string, number: number, words: string, cause: unknown): TargetError {
  switch (number) {
    // Wrong, locked, ended, to be changed, not let in from here.
    case 18452:
    case 18456:
    case 18463:
    case 18464:
    case 18465:
    case 18466:
    case 18467:
    case 18468:
    case 18470:
    case 18486:
    case 18487:
    case 18488:
      return new TargetError('credentials', `${target} refused the sign-in: ${words}`, { cause })
    case 4060:
    case 4064:
    case 911:
    case 916:
      return new TargetError('configuration', `${target}: ${words}`, { cause })
    default:
      return new TargetError('refused', `${target} takes no session: ${words} (${number})`, { cause })
  }
}

function spoken(words: string): string {
  return words.replace(/\p{Cc}/gu, ' ').slice(0, 300)
}

const numbers =
  /^(?:Int|IntN|BigInt|SmallInt|TinyInt|Float|FloatN|Real|Numeric|NumericN|Decimal|DecimalN|Money|MoneyN|SmallMoney)$/

function valueOf({ value, metadata }: ColumnValue): SqlValue {
  const given: unknown = value
  switch (typeof given) {
    case 'number':
    case 'boolean':
      return given
    case 'bigint':
      return Number(given)
    case 'string':
      return numbers.test(metadata.type.name) ? Number(given) : given
    default:
      if (given === null || given === undefined) return null
      if (given instanceof Date) return given.toISOString()
      return Buffer.isBuffer(given) ? `0x${given.toString('hex')}` : String(given)
  }
}
