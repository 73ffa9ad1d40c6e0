import type { MongoClient, MongoClientOptions } from 'mongodb'
import { messageOf, systemCodeOf } from '../base/index.ts'
import { systemClock, lookup } from '../platform/index.ts'
import {
  defineConnector,
  mongodbReadings,
  StatementRefused,
  TargetError,
  type MongodbClient,
  type MongodbSession,
  type OpenCredential,
} from '../sdk/index.ts'
import { isMongodb, plainDocument, questionOf } from './mongodb/wire.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { eitherWords } from './network/either-words.ts'
import { tlsOptions } from './network/open-socket.ts'
import { proposalOf } from './network/proposal.ts'
import { reachPort } from './network/reach.ts'
import {
  hostSetting,
  portSetting,
  statementTimeoutSetting,
  tlsPortSetting,
  trustedSetting,
} from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { trustedProblems } from './network/trust.ts'
import { untilAborted } from './network/until-aborted.ts'

/** One server of MongoDB: a member of a replica set, a router of a sharded cluster, or one alone. */
export default defineConnector({
  id: 'mongodb',
  title: 'MongoDB',
  summary: 'One server of MongoDB: a member of a replica set, a router, or one alone.',
  settings: {
    host: hostSetting,
    port: portSetting(27017),
    authSource: {
      kind: 'text',
      label: 'Database of the user',
      help: 'Where the user was made; `$external` for users of a directory or of certificates.',
      maxLength: 63,
      default: 'admin',
    },
    authMechanism: {
      kind: 'choice',
      label: 'Way of signing in',
      help: 'negotiated: SCRAM as the server offers it, or the certificate. PLAIN: a directory behind the server, which is shown the password; only with TLS.',
      of: ['negotiated', 'PLAIN'],
      default: 'negotiated',
    },
    tls: tlsPortSetting,
    trustedCertificates: trustedSetting,
    statementTimeout: statementTimeoutSetting,
  },
  credentials: ['basic', 'certificate'],
  check: ({ trustedCertificates, authMechanism, tls }, path) => [
    ...trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
    ...(authMechanism === 'PLAIN' && tls !== 'verify'
      ? [
          {
            path: `${path}.authMechanism`,
            message: 'shows the password to whoever answers',
            hint: 'Set `tls` to `verify`.',
          },
        ]
      : []),
  ],
  target: ({ host, port }) => hostPort(host, port),
  reach: reachPort,
  discovery: {
    at: { tcp: [27017, 27018, 27019] },
    async identify(place, signal) {
      const found = await eitherWords(place, { send: questionOf(), isIt: isMongodb }, signal)
      if (found === undefined) return []
      const { tls } = found
      return [
        proposalOf(place, {
          id: 'mongodb',
          port: 27017,
          title: tls ? 'MongoDB with TLS' : 'MongoDB',
          seen: 'answered a hello in the words of MongoDB',
          credential: 'basic',
          ...(tls ? { learned: { tls: 'verify' } } : {}),
        }),
      ]
    },
  },
  open: (settings, credential) => new Mongodb(settings, credential),
})

interface Place {
  readonly host: string
  readonly port: number
  readonly authSource: string
  readonly authMechanism: 'negotiated' | 'PLAIN'
  readonly tls: 'off' | 'verify' | 'require'
  readonly trustedCertificates: string | undefined
  readonly statementTimeout: number
}

class Mongodb implements MongodbClient {
  readonly target: string
  readonly #place: Place
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: Place, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  async session<T>(signal: AbortSignal, use: (session: MongodbSession) => Promise<T>): Promise<T> {
    const begun = systemClock.elapsed()
    const client = await this.#signIn.try(() => this.#open(signal), signal)
    try {
      return await use({
        connect: systemClock.elapsed() - begun,
        read: async (what) => {
          const command = { ...mongodbReadings[what], maxTimeMS: this.#place.statementTimeout }
          try {
            return plainDocument(await untilAborted(client.db('admin').command(command), signal))
          } catch (thrown) {
            throw this.#failure(thrown, signal, 'did not answer')
          }
        },
      })
    } finally {
      await client.close()
    }
  }

  async #open(signal: AbortSignal): Promise<MongoClient> {
    const { target } = this
    if (signal.aborted) throw outOfTime(target, 'was not asked')
    // With the first session: most monitoring processes never open one.
    const { MongoClient } = await import('mongodb')
    const client = new MongoClient(`mongodb://${target}/`, this.#options())
    // The library goes on looking for the server until its patience ends; the first failure is what there is to say.
    const failed = new Promise<never>((_, reject) =>
      client.on('serverHeartbeatFailed', ({ failure }) => reject(failure)),
    )
    try {
      // The first command opens the session and signs in.
      const opened = client.connect().then(() => client.db('admin').command(mongodbReadings.hello))
      await untilAborted(Promise.race([opened, failed]), signal)
      return client
    } catch (thrown) {
      await client.close()
      throw this.#failure(thrown, signal, 'did not open a session')
    }
  }

  #options(): MongoClientOptions {
    const { tls, authSource, authMechanism } = this.#place
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    return {
      // This server and no other, whatever it says of its set.
      directConnection: true,
      maxPoolSize: 1,
      appName: 'farwatch',
      lookup,
      // The signal ends what takes too long, and says so.
      serverSelectionTimeoutMS: 600_000,
      connectTimeoutMS: 0,
      retryReads: false,
      monitorCommands: false,
      serverMonitoringMode: 'poll',
      ...(tls === 'off' ? {} : { tls: true, ...tlsOptions({ ...this.#place, tls }, this.#credential) }),
      ...(basic === undefined
        ? {}
        : {
            auth: { username: basic.username, password: basic.secret },
            authSource,
            ...(authMechanism === 'PLAIN' ? { authMechanism } : {}),
          }),
      ...(this.#credential?.type === 'certificate' ? { authMechanism: 'MONGODB-X509' } : {}),
    }
  }

  #failure(thrown: unknown, signal: AbortSignal, what: string): Error {
    if (signal.aborted) return outOfTime(this.target, what)
    if (thrown instanceof TargetError || thrown instanceof StatementRefused) return thrown
    const { code, codeName, words } = serverWords(thrown)
    if (code === undefined) return targetFailure(systemFailure(thrown), this.target)
    // AuthenticationFailed, UserNotFound, and what a directory or a certificate is refused with.
    if ([11, 18, 334].includes(code) || (code === 8000 && /auth/i.test(words)))
      return new TargetError('credentials', `${this.target} refused the sign-in: ${words}`, { cause: thrown })
    if (code === 2 && /mechanism/i.test(words))
      return new TargetError('configuration', `${this.target}: ${words}`, { cause: thrown })
    return new StatementRefused(codeName, words, { cause: thrown })
  }
}

/** What the server itself said, where it was the server. */
function serverWords(thrown: unknown): { code: number | undefined; codeName: string; words: string } {
  const words = messageOf(thrown)
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, 300)
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown) || typeof thrown.code !== 'number')
    return { code: undefined, codeName: '', words }
  const codeName = 'codeName' in thrown && typeof thrown.codeName === 'string' ? thrown.codeName : String(thrown.code)
  return { code: thrown.code, codeName: codeName.slice(0, 60), words }
}

/** The library wraps what the system said; the innermost with a code of the system's own is what happened. */
function systemFailure(thrown: unknown): unknown {
  let found = thrown
  for (let one = thrown, deep = 0; one instanceof Error && deep < 5; one = one.cause, deep++)
    if (systemCodeOf(one) !== undefined) found = one
  if (systemCodeOf(found) !== undefined) return found
  return /closed|reset/i.test(messageOf(thrown)) ? { code: 'ECONNRESET' } : thrown
}
