import type { Socket } from 'node:net'
import type { Client, Column, ResultSet } from 'hdb'
import { messageOf } from '../../base/index.ts'
import { systemClock } from '../../platform/index.ts'
import { StatementRefused, TargetError, type SqlRow, type SqlValue } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from '../network/failures.ts'
import { openSocket } from '../network/open-socket.ts'
import { hostPort } from '../network/target.ts'

export interface HanaPlace {
  readonly host: string
  readonly port: number
  /** The tenant to be led to by the SYSTEMDB; undefined for whatever listens at the port. */
  readonly tenant: string | undefined
  readonly tls: 'verify' | 'require' | 'off'
  readonly trustedCertificates: string | undefined
  /** Milliseconds. */
  readonly statementTimeout: number
  readonly username: string
  readonly password: string
}

/** One session of a HANA database. What it throws is a StatementRefused or a TargetError. */
export interface HanaConnection {
  readonly version: string
  readonly database: string
  /** Milliseconds from the first packet to the session. */
  readonly connect: number
  readonly isOpen: boolean
  /** One statement at a time. Aborting ends the connection: HANA has no other way to stop a statement from the session itself. */
  query(sql: string, maxRows: number, signal: AbortSignal): Promise<readonly SqlRow[]>
  end(): void
}

export type OpenHana = (place: HanaPlace, signal: AbortSignal) => Promise<HanaConnection>

/** hdb's own 5 s are too short for a HANA under load; the signal ends it earlier all the same. */
const initializationTimeoutMs = 30_000
/** So that firewalls do not forget a session that is used once a minute or more rarely. */
const keepAliveMs = 60_000
/** How much later than the server's own timeout the connection is given up. */
const graceMs = 2_000

/** Opens a session that only reads, with the server's statement timeout set. Throws TargetError. */
export async function openHana(place: HanaPlace, signal: AbortSignal): Promise<HanaConnection> {
  const target = hostPort(place.host, place.port)
  if (signal.aborted) throw outOfTime(target, 'was not asked')
  // With the first session: most monitoring processes never open one.
  const { Client: HdbClient } = await import('hdb')
  const line = new Line(place, target)
  const client = new HdbClient({
    host: place.host,
    port: place.port,
    user: place.username,
    password: place.password,
    ...(place.tenant === undefined ? {} : { databaseName: place.tenant }),
    initializationTimeout: initializationTimeoutMs,
    disableCloudRedirect: true,
    'SESSIONVARIABLE:APPLICATION': 'farwatch',
  })
  // hdb tells nobody of a connection that breaks between two statements unless somebody listens.
  client.on('error', () => line.end())
  // Of hdb's own way to connect, neither an abort nor a name's second address nor what went wrong would reach us.
  client._connection._connectFn = (to, done) => line.open(to, done)
  // hdb drops its state with the socket and stumbles over that, where nobody can catch it, when a password is worked out at that moment.
  client._connection._cleanup = () => client._connection._clearQueue(closed())
  const connection = new HdbConnection(client, line, place, target)
  try {
    await connection.begin(signal)
    return connection
  } catch (thrown) {
    line.end()
    throw thrown
  }
}

/** The socket below hdb; after a tenant was asked for it is the one to the tenant. */
class Line {
  /** What went wrong on the way, before hdb made one text of it. */
  failure: unknown
  readonly #place: HanaPlace
  readonly #target: string
  readonly #ended = new AbortController()
  #socket: Socket | undefined
  /** Tells whoever waits that nothing will come any more. */
  readonly #lost = new Set<(error: Error) => void>()

  constructor(place: HanaPlace, target: string) {
    this.#place = place
    this.#target = target
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === 'open'
  }

  open({ host, port }: { host: string; port: number }, done: (error: Error | null, socket?: Socket) => void): void {
    const { tls, trustedCertificates } = this.#place
    openSocket({ host, port, tls, trustedCertificates }, this.#ended.signal).then(
      (socket) => {
        this.#take(socket)
        done(null, socket)
      },
      (thrown: Error) => {
        this.failure = thrown
        done(thrown)
      },
    )
  }

  #take(socket: Socket): void {
    this.#socket = socket
    // hdb reads inside the socket's events; what it cannot read must not end the process.
    const emit = socket.emit.bind(socket)
    socket.emit = (event: string | symbol, ...given: unknown[]): boolean => {
      try {
        return emit(event, ...given)
      } catch (thrown) {
        this.#lose(socket, thrown)
        return true
      }
    }
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    // hdb listens only now and then, and an error without a listener would end the process.
    socket.on('error', (error) => (this.failure ??= error))
    socket.once('close', () => {
      if (socket === this.#socket) this.#tell(closed())
    })
  }

  /** `waiting`, or a failure as soon as the line is lost or the signal aborts; then it is ended. */
  async orLost<T>(waiting: Promise<T>, signal: AbortSignal, stage: string): Promise<T> {
    if (signal.aborted) throw outOfTime(this.#target, stage)
    const lost = Promise.withResolvers<never>()
    const stop = () => {
      lost.reject(outOfTime(this.#target, stage))
      this.end()
    }
    this.#lost.add(lost.reject)
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.race([waiting, lost.promise])
    } finally {
      signal.removeEventListener('abort', stop)
      this.#lost.delete(lost.reject)
      // Whatever hdb says to nobody any more.
      waiting.catch(() => undefined)
    }
  }

  end(): void {
    this.#ended.abort()
    // With an error, so that hdb stops its timers and calls back everybody who waits.
    this.#socket?.destroy(closed())
  }

  #lose(socket: Socket, thrown: unknown): void {
    const error = new HdbConfused(thrown)
    this.failure = error
    socket.destroy(error)
    this.#tell(error)
  }

  #tell(error: Error): void {
    for (const one of this.#lost) one(error)
  }
}

/** hdb stumbled over what the server sent. */
class HdbConfused extends Error {
  constructor(cause: unknown) {
    super('what came cannot be read', { cause })
  }
}

function closed(): Error {
  return Object.assign(new Error('closed'), { code: 'EHDBCLOSE' })
}

class HdbConnection implements HanaConnection {
  version = ''
  database = ''
  connect = 0
  readonly #client: Client
  readonly #line: Line
  readonly #place: HanaPlace
  readonly #target: string

  constructor(client: Client, line: Line, place: HanaPlace, target: string) {
    this.#client = client
    this.#line = line
    this.#place = place
    this.#target = target
  }

  get isOpen(): boolean {
    return this.#line.isOpen
  }

  async begin(signal: AbortSignal): Promise<void> {
    const stage = 'did not open a session'
    const begun = systemClock.elapsed()
    const ready = new Promise<void>((resolve, reject) =>
      this.#client.connect((error) => (error ? reject(error) : resolve())),
    )
    try {
      await this.#line.orLost(ready, signal, stage)
    } catch (thrown) {
      throw this.#signInFailure(thrown)
    }
    this.connect = systemClock.elapsed() - begun
    const seconds = Math.max(1, Math.ceil(this.#place.statementTimeout / 1_000))
    // A database that does not know one of these still runs nothing but the queries that `onlyReads` lets through, and for no longer than here.
    await this.#ifKnown('SET TRANSACTION READ ONLY', signal)
    await this.#ifKnown(`SET 'STATEMENT_TIMEOUT' = '${seconds}'`, signal)
    const about = await this.#ifKnown('SELECT VERSION, DATABASE_NAME FROM SYS.M_DATABASE', signal)
    this.version = String(about[0]?.['version'] ?? '')
    this.database = String(about[0]?.['database_name'] ?? this.#place.tenant ?? '')
  }

  async query(sql: string, maxRows: number, signal: AbortSignal): Promise<readonly SqlRow[]> {
    if (!onlyReads(sql)) throw new StatementRefused('read only', 'only SELECT and WITH are run here')
    return this.#run(sql, maxRows, signal)
  }

  end(): void {
    this.#line.end()
  }

  async #ifKnown(sql: string, signal: AbortSignal): Promise<readonly SqlRow[]> {
    try {
      return await this.#run(sql, 1, signal)
    } catch (thrown) {
      if (thrown instanceof StatementRefused) return []
      throw thrown
    }
  }

  async #run(sql: string, maxRows: number, signal: AbortSignal): Promise<readonly SqlRow[]> {
    const patience = AbortSignal.timeout(this.#place.statementTimeout + graceMs)
    try {
      const either = AbortSignal.any([signal, patience])
      return await this.#line.orLost(this.#fetch(sql, maxRows), either, 'did not answer the queries')
    } catch (thrown) {
      if (thrown instanceof TargetError) throw thrown
      if (signal.aborted || patience.aborted) throw outOfTime(this.#target, 'did not answer the queries')
      throw this.#statementFailure(thrown)
    }
  }

  async #fetch(sql: string, maxRows: number): Promise<readonly SqlRow[]> {
    const answer = await new Promise<ResultSet | number | undefined>((resolve, reject) =>
      this.#client.execute(sql, { rowsAsArray: true }, (error, given) => (error ? reject(error) : resolve(given))),
    )
    if (answer === undefined || typeof answer === 'number') return []
    const columns = answer.metadata.map((column) => ({ name: nameOf(column), isNumber: numbers.has(column.dataType) }))
    const rows: SqlRow[] = []
    answer.setFetchSize(Math.min(maxRows, 1_000))
    // As asked for: lists of rows, each a list of values in the order of the columns.
    for await (const some of answer.createArrayStream(100) as AsyncIterable<readonly (readonly unknown[])[]>) {
      for (const row of some.slice(0, maxRows - rows.length))
        rows.push(Object.fromEntries(columns.map(({ name, isNumber }, i) => [name, valueOf(row[i], isNumber)])))
      if (rows.length >= maxRows) break
    }
    if (!answer.closed) await new Promise<void>((resolve) => answer.close(() => resolve()))
    return rows
  }

  #signInFailure(thrown: unknown): Error {
    if (thrown instanceof TargetError) return thrown
    const code = codeOf(thrown)
    const words = messageOf(thrown)
    if (typeof code === 'number') {
      return refusedCredentials.has(code)
        ? new TargetError('credentials', `${this.#target} refused the sign-in: ${words}`, { cause: thrown })
        : new TargetError('refused', `${this.#target} takes no session: ${words} (${code})`, { cause: thrown })
    }
    if (
      this.#line.failure instanceof HdbConfused ||
      code === 'EHDBMSGPARSE' ||
      words.includes('Invalid initialization')
    )
      return new TargetError('protocol', `${this.#target} does not speak HANA’s protocol`, { cause: thrown })
    if (words.includes('No initialization reply')) return outOfTime(this.#target, 'did not open a session')
    if (code === 'EHDBNOAUTHMETH') {
      const what = 'offers no sign-in by user name and password'
      return new TargetError('credentials', `${this.#target} ${what}`, { cause: thrown })
    }
    if (code === 'EHDBSERVERAUTH') {
      const what = 'could not prove that it knows the user: it may not be the server that it seems'
      return new TargetError('protocol', `${this.#target} ${what}`, { cause: thrown })
    }
    if (this.#line.failure !== undefined) return this.#lineFailure(this.#line.failure)
    // The SYSTEMDB's answer to the question where the tenant is.
    const asked = /- (.{1,300}) \]$/.exec(words)?.[1]
    if (code === 'EHDBOPENCONN' && this.#place.tenant !== undefined && asked !== undefined) {
      const what = `does not lead to the tenant ${this.#place.tenant}: ${asked}`
      return new TargetError('configuration', `${this.#target} ${what}`, { cause: thrown })
    }
    return this.#lineFailure(thrown)
  }

  #statementFailure(thrown: unknown): Error {
    const code = codeOf(thrown)
    if (typeof code === 'number' && this.#line.isOpen)
      return new StatementRefused(String(code), messageOf(thrown).slice(0, 300), { cause: thrown })
    this.#line.end()
    return this.#lineFailure(thrown)
  }

  #lineFailure(thrown: unknown): TargetError {
    if (thrown instanceof HdbConfused || codeOf(thrown) === 'EHDBMSGPARSE')
      return new TargetError('protocol', `the answer of ${this.#target} cannot be read`, { cause: thrown })
    return codeOf(thrown) === 'EHDBCLOSE'
      ? new TargetError('protocol', `${this.#target} closed the connection`, { cause: thrown })
      : targetFailure(thrown, this.#target)
  }
}

/**
 * 10: authentication failed. 414: the password must be changed first. 415, 416: deactivated or locked, which trying on would prolong.
 */
const refusedCredentials: ReadonlySet<number> = new Set([10, 414, 415, 416])

/** Direct execution takes exactly one statement, and neither SELECT nor WITH can write in HANA's SQL. */
function onlyReads(sql: string): boolean {
  return /^\s*(select|with)\b/i.test(sql)
}

/** The server's errors bear numbers, hdb's and the system's texts. */
function codeOf(thrown: unknown): number | string | undefined {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'number' || typeof code === 'string' ? code : undefined
}

/** TINYINT to DOUBLE, and the three kinds of fixed numbers: what hdb gives as text where a double might not hold it. */
const numbers: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 76, 81, 82])

function nameOf({ columnDisplayName: name }: Column): string {
  return /[a-z]/.test(name) ? name : name.toLowerCase()
}

function valueOf(value: unknown, isNumber: boolean): SqlValue {
  if (value === null || value === undefined) return null
  if (isNumber) return Number(value)
  // Large objects and bytes are not read: nobody needs them here, and they know no bound.
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? value : null
}
