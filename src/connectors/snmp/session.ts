import type { Socket } from 'node:dgram'
import type { Session, SessionOptions, User, Varbind } from 'net-snmp'
import { systemCodeOf } from '../../base/index.ts'
import { TargetError, type OpenCredential } from '../../sdk/index.ts'
import { targetFailure } from '../network/failures.ts'
import { openUdp } from '../network/udp.ts'
import { teachDes } from './des.ts'

export interface SnmpPlace {
  readonly host: string
  readonly port: number
  /** `host:port` */
  readonly target: string
  /** With a community; a user makes it version 3. */
  readonly version: '1' | '2c'
  readonly context: string
  /** Milliseconds that one request may take, and how often it is sent again after that. */
  readonly answerWithin: number
  readonly retries: number
}

/** An answer that names an error instead of values. */
export class SnmpRefusal extends Error {
  /** `noSuchName`, `tooBig` … as the protocol numbers them. */
  readonly status: number

  constructor(status: number) {
    super(`SNMP error ${status}`)
    this.status = status
  }
}

export type RawValue = { readonly oid: string; readonly type: number; readonly value: unknown }

/** What asks a device. Several may ask at once: answers bear the number of their request. */
export interface SnmpSession {
  readonly canBulk: boolean
  /** @throws SnmpRefusal, TargetError */
  get(oids: readonly string[]): Promise<readonly RawValue[]>
  /** The values after this OID, at most so many, in the device's order. @throws SnmpRefusal, TargetError */
  after(oid: string, atMost: number): Promise<readonly RawValue[]>
  /** False once the socket has failed: nothing will be answered on it. */
  readonly isAlive: boolean
  close(): void
}

/** @throws TargetError */
export async function openSession(
  place: SnmpPlace,
  credential: OpenCredential | undefined,
  signal: AbortSignal,
): Promise<SnmpSession> {
  const who = authenticatorOf(credential, place.target)
  const socket = await openUdp(place, signal)
  // With the first session: most monitoring processes never open one.
  const { default: snmp } = await import('net-snmp')
  teachDes(snmp)
  let isAlive = true
  const options = {
    transport: socket.remoteAddress().family === 'IPv6' ? 'udp6' : 'udp4',
    port: place.port,
    timeout: place.answerWithin,
    retries: place.retries,
    context: place.context,
    reportOidMismatchErrors: true,
    dgramModule: { createSocket: () => connected(socket, (error) => session.emit('error', error)) },
  } as const
  const session: Session & { emit(event: 'error', error: Error): boolean } =
    // The type of the library does not say that a session is an event emitter with all that belongs to one.
    (
      'community' in who
        ? snmp.createSession(place.host, who.community, {
            ...options,
            version: place.version === '1' ? snmp.Version1 : snmp.Version2c,
          } satisfies SessionOptions)
        : snmp.createV3Session(place.host, userOf(who, snmp), options)
    ) as never
  session.on('error', (error) => {
    isAlive = false
    session.cancelRequests(error)
  })
  const asked = <T>(ask: (done: (error: unknown, values?: T) => void) => unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      ask((error, values) => {
        if (error === null || error === undefined) resolve(values!)
        else reject(failureOf(error, place, credential))
      })
    })
  return {
    canBulk: place.version === '2c' || !('community' in who),
    get isAlive() {
      return isAlive
    },
    get: (oids) => asked<Varbind[]>((done) => session.get([...oids], done)).then((found) => found.map(rawValue)),
    async after(oid, atMost) {
      if (atMost === 1) return (await asked<Varbind[]>((done) => session.getNext([oid], done))).map(rawValue)
      const rows = await asked<(Varbind | Varbind[])[]>((done) => session.getBulk([oid], 0, atMost, done))
      return rows.flat().map(rawValue)
    },
    close() {
      isAlive = false
      session.close()
    },
  }
}

class Garbage extends Error {}

function rawValue({ oid, type, value }: Varbind): RawValue {
  return { oid: String(oid), type: Number(type), value }
}

type Who = { readonly community: string } | Extract<OpenCredential, { type: 'snmp-user' }>['fields']

function authenticatorOf(credential: OpenCredential | undefined, target: string): Who {
  if (credential?.type === 'snmp-community') return { community: credential.fields.secret }
  if (credential?.type === 'snmp-user') return credential.fields
  throw new TargetError('configuration', `no community and no user to ask ${target} with`)
}

function userOf(who: Exclude<Who, { readonly community: string }>, snmp: typeof import('net-snmp')): User {
  const { username, authentication, secret, privacy, privacySecret } = who
  const short = (text: string | undefined) => text === undefined || text.length < 8
  if (authentication === 'none') return { name: username, level: snmp.SecurityLevel.noAuthNoPriv }
  if (short(secret))
    throw new TargetError('configuration', `the authentication passphrase of ${username} has less than 8 characters`)
  const authProtocol =
    snmp.AuthProtocols[
      // The names of the declared choices are those of the library without their dashes.
      authentication.toLowerCase().replace('-', '') as keyof typeof snmp.AuthProtocols
    ]
  const auth = { name: username, authProtocol, authKey: secret! }
  if (privacy === 'none') return { ...auth, level: snmp.SecurityLevel.authNoPriv }
  if (short(privacySecret))
    throw new TargetError('configuration', `the encryption passphrase of ${username} has less than 8 characters`)
  const ciphers: Readonly<Record<string, keyof typeof snmp.PrivProtocols>> = {
    DES: 'des',
    'AES-128': 'aes',
    'AES-256-Blumenthal': 'aes256b',
    'AES-256-Reeder': 'aes256r',
  }
  return {
    ...auth,
    level: snmp.SecurityLevel.authPriv,
    privProtocol: snmp.PrivProtocols[ciphers[privacy] ?? 'aes'],
    privKey: privacySecret!,
  }
}

/** Why a device may have been silent although it is there. */
function silence(credential: OpenCredential | undefined): string {
  if (credential?.type === 'snmp-community')
    return '; to a community that it does not know a device says nothing either'
  return credential?.type === 'snmp-user' && credential.fields.privacy !== 'none'
    ? '; one that cannot decrypt a question says nothing either'
    : ''
}

function failureOf(error: unknown, { target }: SnmpPlace, credential: OpenCredential | undefined): Error {
  const name = error instanceof Error ? error.name : ''
  const words = error instanceof Error ? error.message : ''
  if (name === 'RequestFailedError' && error instanceof Error && 'status' in error) {
    const status = Number(error.status)
    // authorizationError, of a device that lets nobody in who asks as we do.
    return status === 16
      ? new TargetError('credentials', `${target} does not let this user read that`, { cause: error })
      : new SnmpRefusal(status)
  }
  if (name === 'RequestTimedOutError')
    return new TargetError('timed out', `${target} sent no answer in time${silence(credential)}`, { cause: error })
  if (/Unknown User Name/i.test(words))
    return new TargetError('credentials', `${target} does not know this user`, { cause: error })
  if (/Wrong Digest|authentication digest/i.test(words))
    return new TargetError(
      'credentials',
      `${target} refused the authentication: the passphrase or its method is wrong`,
      {
        cause: error,
      },
    )
  if (/Unsupported Security Level/i.test(words))
    return new TargetError(
      'credentials',
      `${target} does not accept this user with this authentication and encryption`,
      {
        cause: error,
      },
    )
  if (/Decryption Error|decrypt/i.test(words))
    return new TargetError(
      'credentials',
      `${target} cannot be talked to in secret: the passphrase or method of encryption is wrong`,
      {
        cause: error,
      },
    )
  if (systemCodeOf(error) !== undefined) return targetFailure(error, target)
  return new TargetError('protocol', `${target} answers with what is not SNMP`, { cause: error })
}

/**
 * A connected socket in the form that the library wants one in. What its reader throws on an odd answer would end the process, and becomes
 * an error of the session.
 */
function connected(socket: Socket, fail: (error: Error) => void) {
  return {
    on(event: string, listener: (...args: unknown[]) => void) {
      // The library loses errors of the socket on their way to those of the session.
      if (event === 'error') return socket.on('error', fail)
      if (event !== 'message') return socket.on(event, listener)
      return socket.on('message', (message) => {
        try {
          listener(message)
        } catch {
          fail(new Garbage())
        }
      })
    },
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    bind: () => undefined,
    close: () => socket.close(),
    send: (
      packet: Buffer,
      _from: number,
      _length: number,
      _port: number,
      _host: string,
      done: (error: Error | null) => void,
    ) => socket.send(packet, done),
  }
}
