import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { MadeCertificate } from './certificates.ts'

type Value = string | number | null
export type Rows = readonly Readonly<Record<string, Value>>[]
/** What a server says no with. */
export interface Refusal {
  readonly number: number
  readonly message: string
}

export interface MssqlServer {
  readonly port: number
  /** Statements that came, in order. */
  readonly asked: readonly string[]
  signIns(): number
  stop(): Promise<void>
}

const kinds = { batch: 0x01, answer: 0x04, attention: 0x06, login: 0x10, prelogin: 0x12 }

/**
 * A server that speaks TDS: no package of Debian's brings a real one. It lets `user` in, answers a statement by the first key of `answers` that
 * it holds, and says no to the others that are no statements of the session. Encrypts where a certificate is given. A statement answered
 * with `never` is not answered until it is called off.
 */
export async function startMssql(options: {
  readonly user: { readonly name: string; readonly password: string }
  readonly answers: Readonly<Record<string, Rows | Refusal | 'never'>>
  readonly refused?: Refusal
  readonly certificate?: MadeCertificate
  /** The address that it listens at; the usual one of the loopback unless given. */
  readonly host?: string
}): Promise<MssqlServer> {
  const sockets = new Set<Socket>()
  const asked: string[] = []
  let signIns = 0
  const login = (message: Buffer): Buffer => {
    signIns++
    const text = (at: number) =>
      message.subarray(message.readUInt16LE(at), message.readUInt16LE(at) + 2 * message.readUInt16LE(at + 2))
    const password = Buffer.from(text(44)).map((byte) => (((byte ^ 0xa5) << 4) | ((byte ^ 0xa5) >> 4)) & 0xff)
    const isRight =
      text(40).toString('utf16le') === options.user.name &&
      Buffer.from(password).toString('utf16le') === options.user.password
    if (!isRight)
      return Buffer.concat([
        errorToken({ number: 18456, message: `Login failed for user '${text(40).toString('utf16le')}'.` }),
        done(2),
      ])
    return Buffer.concat([
      options.refused === undefined ? loginAck : errorToken(options.refused),
      done(options.refused === undefined ? 0 : 2),
    ])
  }
  const batch = (message: Buffer): Buffer | undefined => {
    const sql = message.subarray(message.readUInt32LE(0)).toString('utf16le')
    asked.push(sql)
    const key = Object.keys(options.answers).find((part) => sql.includes(part))
    const answer = key === undefined ? [] : options.answers[key]!
    if (answer === 'never') return undefined
    return 'number' in answer ? Buffer.concat([errorToken(answer), done(2)]) : rowsAnswer(answer)
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, options.certificate, { login, batch })
  }).listen(0, options.host ?? '127.0.0.1')
  await once(server, 'listening')
  return {
    // A server on a port has an address of this kind.
    port: (server.address() as AddressInfo).port,
    asked,
    signIns: () => signIns,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function serve(
  socket: Socket,
  certificate: MadeCertificate | undefined,
  answer: { login(message: Buffer): Buffer; batch(message: Buffer): Buffer | undefined },
): void {
  // First the wire itself, then what TLS makes of it.
  let out: (bytes: Buffer) => void = (bytes) => void socket.write(bytes)
  let isWorking = false
  const reader = packets((kind, message) => {
    if (kind === kinds.prelogin) out(packet(kinds.answer, preloginAnswer(certificate === undefined ? 2 : 1)))
    if (kind === kinds.prelogin && certificate !== undefined) encrypt(certificate)
    if (kind === kinds.login) out(packet(kinds.answer, answer.login(message)))
    if (kind === kinds.attention) {
      // What was at work ends first, then it is said that it was called off.
      if (isWorking) out(packet(kinds.answer, done(0)))
      out(packet(kinds.answer, done(0x20)))
      isWorking = false
    }
    if (kind === kinds.batch) {
      const said = answer.batch(message)
      isWorking = said === undefined
      if (said !== undefined) out(packet(kinds.answer, said))
    }
  })
  let feed: (bytes: Buffer) => void = reader
  socket.on('data', (bytes: Buffer) => feed(bytes))

  /** The handshake of TLS is wrapped into packets; what comes after it is not. */
  function encrypt({ certificate: cert, key }: MadeCertificate): void {
    let isSecure = false
    let isDone = false
    // One message for all that the handshake says at once: clients read one and then speak themselves.
    let flight: Buffer[] = []
    const fly = () => {
      const bytes = Buffer.concat(flight)
      flight = []
      socket.write(packet(kinds.prelogin, bytes))
      isDone = isSecure
    }
    const carrier = new Duplex({
      read: () => undefined,
      write(bytes: Buffer, _, sent) {
        if (isDone) socket.write(bytes)
        else if (flight.push(bytes) === 1) setImmediate(fly)
        sent()
      },
    })
    const secure = new TLSSocket(carrier, { isServer: true, cert, key, maxVersion: 'TLSv1.2' })
    const handshake = packets((_, message) => void carrier.push(message))
    feed = (bytes) => (isDone ? void carrier.push(bytes) : handshake(bytes))
    secure.on('error', () => undefined)
    secure.once('secure', () => (isSecure = true))
    secure.on('data', (bytes: Buffer) => reader(bytes))
    out = (bytes) => void secure.write(bytes)
  }
}

/** Puts messages together from the packets that they came in. */
function packets(take: (kind: number, message: Buffer) => void): (bytes: Buffer) => void {
  let received = Buffer.alloc(0)
  let message = Buffer.alloc(0)
  return (bytes) => {
    received = Buffer.concat([received, bytes])
    while (received.length >= 8 && received.length >= received.readUInt16BE(2)) {
      const whole = received.subarray(0, received.readUInt16BE(2))
      received = received.subarray(whole.length)
      message = Buffer.concat([message, whole.subarray(8)])
      if ((whole[1]! & 1) === 0) continue
      const complete = message
      message = Buffer.alloc(0)
      take(whole[0]!, complete)
    }
  }
}

function packet(kind: number, body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at === 0 || at < body.length; at += 4_000) {
    const part = body.subarray(at, at + 4_000)
    const head = Buffer.from([kind, at + 4_000 >= body.length ? 1 : 0, 0, 0, 0, 0, 1, 0])
    head.writeUInt16BE(8 + part.length, 2)
    parts.push(head, part)
  }
  return Buffer.concat(parts)
}

function preloginAnswer(encryption: number): Buffer {
  return Buffer.from([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0x10, 0x68, 0, 0, encryption])
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'utf16le')])
}

function token(kind: number, body: Buffer): Buffer {
  const head = Buffer.from([kind, 0, 0])
  head.writeUInt16LE(body.length, 1)
  return Buffer.concat([head, body])
}

const loginAck = token(
  0xad,
  Buffer.concat([Buffer.from([1, 0x74, 0, 0, 4]), shortText('Test'), Buffer.from([16, 0, 0x10, 0x68])]),
)

function errorToken({ number, message }: Refusal): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(number)
  head[4] = 1
  head[5] = 14
  head.writeUInt16LE(message.length, 6)
  return token(
    0xaa,
    Buffer.concat([head, Buffer.from(message, 'utf16le'), shortText('srv'), shortText(''), Buffer.from([1, 0, 0, 0])]),
  )
}

function done(status: number): Buffer {
  const body = Buffer.alloc(13)
  body[0] = 0xfd
  body.writeUInt16LE(status, 1)
  return body
}

/** Columns are texts or numbers by what the first row that has a value holds. */
function rowsAnswer(rows: Rows): Buffer {
  if (rows.length === 0) return done(0)
  const names = Object.keys(rows[0]!)
  const isNumber = (name: string) => typeof rows.find((row) => row[name] !== null)?.[name] === 'number'
  const count = Buffer.from([0x81, names.length, 0])
  const columns = names.map((name) =>
    Buffer.concat([
      Buffer.from([0, 0, 0, 0, 9, 0]),
      isNumber(name) ? Buffer.from([0x6d, 8]) : Buffer.from([0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34]),
      shortText(name),
    ]),
  )
  const values = rows.map((row) =>
    Buffer.concat([Buffer.from([0xd1]), ...names.map((name) => valueBytes(row[name] ?? null, isNumber(name)))]),
  )
  return Buffer.concat([count, ...columns, ...values, done(0x10)])
}

function valueBytes(value: Value, isNumber: boolean): Buffer {
  if (isNumber) {
    if (value === null) return Buffer.from([0])
    const bytes = Buffer.alloc(9)
    bytes[0] = 8
    bytes.writeDoubleLE(Number(value), 1)
    return bytes
  }
  if (value === null) return Buffer.from([0xff, 0xff])
  const text = Buffer.from(String(value), 'utf16le')
  const head = Buffer.alloc(2)
  head.writeUInt16LE(text.length)
  return Buffer.concat([head, text])
}
