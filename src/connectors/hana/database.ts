import { systemClock } from '../../platform/index.ts'
import { TargetError, type HanaClient, type SqlRow, type SqlSession } from '../../sdk/index.ts'
import { outOfTime } from '../network/failures.ts'
import { SignIn } from '../network/sign-in.ts'
import { hostPort } from '../network/target.ts'
import type { HanaConnection, HanaPlace, OpenHana } from './connection.ts'

/**
 * The client of one database: keeps one connection and lets the runs that use it at the same time take turns, statement by statement, so that
 * a dozen monitors cost the server one session.
 */
export class HanaDatabase implements HanaClient {
  readonly dialect = 'hana'
  readonly target: string
  readonly #place: HanaPlace
  readonly #open: OpenHana
  readonly #signIn = new SignIn()
  #connection: HanaConnection | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(place: HanaPlace, open: OpenHana) {
    this.#place = place
    this.#open = open
    this.target = hostPort(place.host, place.port)
  }

  get database(): string {
    return this.#connection?.database ?? this.#place.tenant ?? ''
  }

  async session<T>(signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T> {
    const begun = systemClock.elapsed()
    const connection = await this.#inTurn(signal, () => this.#ready(signal))
    return use({
      version: connection.version,
      connect: systemClock.elapsed() - begun,
      query: (sql, maxRows) => this.#inTurn(signal, () => this.#query(sql, maxRows, signal)),
    })
  }

  async signIn(signal: AbortSignal): Promise<number> {
    const connection = await this.#inTurn(signal, () => this.#begin(signal))
    connection.end()
    return connection.connect
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.end()
    this.#connection = undefined
  }

  async #query(sql: string, maxRows: number, signal: AbortSignal): Promise<readonly SqlRow[]> {
    const kept = this.#connection
    const connection = await this.#ready(signal)
    try {
      return await connection.query(sql, maxRows, signal)
    } catch (thrown) {
      // The server may have ended a kept session while nobody used it, which shows with the next statement only.
      const wasLost = thrown instanceof TargetError && thrown.reason === 'protocol' && !connection.isOpen
      if (!wasLost || connection !== kept || signal.aborted) throw thrown
      return (await this.#ready(signal)).query(sql, maxRows, signal)
    }
  }

  async #ready(signal: AbortSignal): Promise<HanaConnection> {
    if (this.#connection?.isOpen === true) return this.#connection
    const connection = await this.#begin(signal)
    if (this.#isClosed) connection.end()
    this.#connection = connection
    return connection
  }

  #begin(signal: AbortSignal): Promise<HanaConnection> {
    return this.#signIn.try(() => this.#open(this.#place, signal), signal)
  }

  /** Runs `act` when those before it are done; ends waiting when the signal aborts. */
  async #inTurn<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const mine = Promise.withResolvers<void>()
    this.#turn = before.then(() => mine.promise)
    try {
      await waiting(before, signal, () =>
        outOfTime(this.target, 'was still busy with other statements and did not answer'),
      )
      return await act()
    } finally {
      mine.resolve()
    }
  }
}

async function waiting(before: Promise<unknown>, signal: AbortSignal, late: () => Error): Promise<void> {
  if (signal.aborted) throw late()
  const stopped = Promise.withResolvers<never>()
  const stop = () => stopped.reject(late())
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.race([before, stopped.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
