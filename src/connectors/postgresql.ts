import { Socket, isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { Client, ClientConfig } from 'pg'
import { messageOf, systemCodeOf } from '../base/index.ts'
import { systemClock, findAddresses } from '../platform/index.ts'
import {
  defineConnector,
  StatementRefused,
  TargetError,
  type OpenCredential,
  type SqlClient,
  type SqlRow,
  type SqlSession,
} from '../sdk/index.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { firstWords } from './network/first-words.ts'
import { proposalOf } from './network/proposal.ts'
import { reachPort } from './network/reach.ts'
import {
  hostSetting,
  portSetting,
  statementTimeoutSetting,
  tlsAskedSetting,
  trustedSetting,
} from './network/settings.ts'
import { hostPort } from './network/target.ts'
import { secureContext, trustedProblems } from './network/trust.ts'

/** A PostgreSQL server, or one that speaks its protocol. */
export default defineConnector({
  id: 'postgresql',
  title: 'PostgreSQL',
  summary: 'A database of a PostgreSQL server.',
  settings: {
    host: hostSetting,
    port: portSetting(5432),
    database: { kind: 'text', label: 'Database', maxLength: 63, default: 'postgres' },
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
    at: { tcp: [5432, 5433, 6432] },
    async identify(place, signal) {
      const said = await firstWords(place, { send: sslRequest, until: (received) => received.length > 0 }, signal)
      const answer = said.toString('latin1')
      if (answer !== 'S' && answer !== 'N') return []
      return [
        proposalOf(place, {
          id: 'postgresql',
          port: 5432,
          title: answer === 'S' ? 'PostgreSQL with TLS' : 'PostgreSQL',
          seen: 'answered in the words of PostgreSQL',
          credential: 'basic',
        }),
      ]
    },
  },
  open: (settings, credential) => new Database(settings, credential),
})

/** The question for TLS with which a client may begin; only a PostgreSQL server answers it with one letter (protocol 3, SSLRequest). */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

interface Place {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly tls: string
  readonly trustedCertificates: string | undefined
  readonly statementTimeout: number
}

/** int8, int2, int4, float4, float8, numeric and oid come as numbers, bool as a truth value, everything else as its text. */
const numbers = new Set([20, 21, 23, 26, 700, 701, 1700])
const boolean = 16
const types: ClientConfig['types'] = {
  getTypeParser: (oid: number) => (text: string) =>
    numbers.has(oid) ? Number(text) : oid === boolean ? text === 't' : text,
}

class Database implements SqlClient {
  readonly dialect = 'postgresql'
  readonly target: string
  readonly database: string
  readonly #place: Place
  readonly #credential: OpenCredential | undefined
  /** Learned with `tls: prefer`, so that a server without TLS is not asked for it at every run. */
  #offersTls = true

  constructor(place: Place, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
    this.database = place.database
  }

  async session<T>(signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T> {
    const { tls } = this.#place
    const wanted = tls === 'off' || (tls === 'prefer' && !this.#offersTls) ? 'off' : tls
    try {
      return await this.#attempt(wanted, signal, use)
    } catch (thrown) {
      if (tls !== 'prefer' || wanted === 'off' || !(thrown instanceof NoTlsOffered)) throw thrown
      this.#offersTls = false
      return this.#attempt('off', signal, use)
    }
  }

  async #attempt<T>(tls: string, signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T> {
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    const begun = systemClock.elapsed()
    const socket = new Socket()
    let stage = 'did not open a session'
    const stop = () => socket.destroy()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const address = await this.#address()
      signal.throwIfAborted()
      // With the first session: most monitoring processes never open one.
      const pg = await import('pg')
      const client = new pg.Client(this.#config(address, tls, socket))
      // Without a listener a connection that breaks between two statements would end the process; the next statement reports it.
      client.on('error', stop)
      try {
        await client.connect()
        await client.query(
          `SET statement_timeout = ${this.#place.statementTimeout}; SET default_transaction_read_only = on`,
        )
        const version = await client.query<{ server_version_num: string }>('SHOW server_version_num')
        stage = 'did not answer the queries'
        return await use({
          version: versionText(Number(version.rows[0]?.server_version_num ?? 0)),
          connect: systemClock.elapsed() - begun,
          query: (sql, maxRows) => query(client, sql, maxRows),
        })
      } finally {
        // A session that was broken off answers no farewell.
        if (signal.aborted || socket.destroyed) socket.destroy()
        else await client.end().catch(stop)
      }
    } catch (thrown) {
      if (signal.aborted) throw outOfTime(this.target, stage)
      if (thrown instanceof StatementRefused || thrown instanceof TargetError) throw thrown
      throw this.#failure(thrown)
    } finally {
      signal.removeEventListener('abort', stop)
      socket.destroy()
    }
  }

  #config(address: string, tls: string, socket: Socket): ClientConfig {
    const { host, port, database, trustedCertificates } = this.#place
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    return {
      host: address,
      port,
      database,
      user: basic?.username ?? '',
      password: basic?.secret ?? '',
      application_name: 'farwatch',
      stream: () => socket,
      types,
      ssl:
        tls === 'off'
          ? false
          : {
              secureContext: secureContext(trustedCertificates),
              rejectUnauthorized: tls === 'verify',
              ...(isIP(host) === 0 ? { servername: host } : {}),
              checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
            },
    }
  }

  #address(): Promise<string> {
    return new Promise((resolve, reject) =>
      findAddresses(this.#place.host, (error, found) =>
        error === null && found[0] !== undefined
          ? resolve(found[0].address)
          : reject(targetFailure(error ?? { code: 'ENOTFOUND' }, this.target)),
      ),
    )
  }

  #failure(thrown: unknown): Error {
    const code = systemCodeOf(thrown)
    const words = messageOf(thrown)
    if (words === 'The server does not support SSL connections')
      return new NoTlsOffered('tls', `${this.target} offers no TLS`, { cause: thrown })
    if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || code.startsWith('E')) {
      return code === undefined && /terminated|ended/i.test(words)
        ? new TargetError('protocol', `${this.target} closed the connection`, { cause: thrown })
        : targetFailure(thrown, this.target)
    }
    if (code.startsWith('28'))
      return new TargetError('credentials', `${this.target} refused the sign-in: ${words}`, { cause: thrown })
    if (code === '3D000') return new TargetError('configuration', `${this.target}: ${words}`, { cause: thrown })
    if (code.startsWith('53') || code.startsWith('57P'))
      return new TargetError('refused', `${this.target} takes no session: ${words}`, { cause: thrown })
    return new TargetError('protocol', `${this.target}: ${words} (${code})`, { cause: thrown })
  }
}

class NoTlsOffered extends TargetError {}

/** 150018 is 15.18; before version 10 there were three parts: 90624 is 9.6.24. */
function versionText(version: number): string {
  return version >= 100000
    ? `${Math.floor(version / 10000)}.${version % 10000}`
    : `${Math.floor(version / 10000)}.${Math.floor(version / 100) % 100}.${version % 100}`
}

/**
 * One statement in a read-only transaction of its own that is always rolled back, through a cursor: only a query can be declared as one, only
 * a single one, and no more rows than wanted leave the server.
 */
async function query(client: Client, sql: string, maxRows: number): Promise<readonly SqlRow[]> {
  await client.query('BEGIN READ ONLY')
  try {
    // The extended protocol takes exactly one statement; `a; DROP …` is refused by the server.
    const declare = { text: `DECLARE farwatch NO SCROLL CURSOR FOR ${sql}`, queryMode: 'extended' }
    await client.query(declare)
    return (await client.query<SqlRow>(`FETCH ${maxRows} FROM farwatch`)).rows
  } catch (thrown) {
    const code = systemCodeOf(thrown)
    // Five letters and digits are the server's own; it said no to this statement and goes on with the next.
    if (code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^(E|57P|08)/.test(code))
      throw new StatementRefused(code, messageOf(thrown), { cause: thrown })
    throw thrown
  } finally {
    await client.query('ROLLBACK').catch(() => {
      // The connection is gone; what made it go is what is reported.
    })
  }
}
