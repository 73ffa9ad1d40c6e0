import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

/** An exact number with so many digits after the point, as HANA's DECIMAL. */
export class Decimal {
  readonly scaled: bigint
  readonly fraction: number

  constructor(scaled: bigint, fraction: number) {
    this.scaled = scaled
    this.fraction = fraction
  }
}

export type HanaValue = string | number | bigint | boolean | Decimal | null
export type HanaTable = readonly Readonly<Record<string, HanaValue>>[]
export interface HanaRefusal {
  readonly code: number
  readonly message: string
}
/** Rows, a refusal, or what servers do that are in trouble. */
export type HanaAnswer = HanaTable | HanaRefusal | 'silence' | 'hang up'

export interface HanaServer {
  readonly port: number
  /** Every statement, in order. */
  readonly asked: readonly string[]
  readonly signIns: () => number
  /** Answers by the first words that a statement holds; nothing known gives no rows. */
  answers: Readonly<Record<string, HanaAnswer>>
  /** Ends what is connected, as a server does that restarts. */
  hangUp(): void
  stop(): Promise<void>
}

const message = { execute: 2, authenticate: 65, connect: 66, closeResultSet: 69, fetch: 71, connectInfo: 82 }
const part = { command: 3, resultSet: 5, error: 6, resultSetId: 13, authentication: 33, metadata: 48, connectInfo: 67 }
const lastPacket = 1
const rowsAtOnce = 20

/**
 * Speaks as much of HANA's SQL protocol as a client needs that signs in by SCRAM and asks: the protocol's reference describes it
 * ("SAP HANA SQL Command Network Protocol"). It is a server of the tests' own; nobody has compared it with a HANA.
 */
export async function startHana(
  about: {
    readonly user?: string
    readonly password?: string
    readonly answers?: Readonly<Record<string, HanaAnswer>>
    readonly tls?: { readonly key: string; readonly cert: string }
    /** The tenants that it leads to, by name. */
    readonly tenants?: Readonly<Record<string, { readonly host: string; readonly port: number }>>
    /** How often the password is hashed; each sign-in takes the longer. */
    readonly iterations?: number
    /** Where it listens: a free port of the loopback unless given. */
    readonly at?: { readonly host: string; readonly port: number }
    /** What is said instead of the first reply of a HANA. */
    readonly greeting?: Buffer
    /** Changes a reply before it is sent. */
    readonly damage?: (reply: Buffer) => Buffer
  } = {},
): Promise<HanaServer> {
  const sockets = new Set<Socket>()
  const asked: string[] = []
  let signIns = 0
  const state = { answers: about.answers ?? {} }
  const serve = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    const session = new Session(socket, about, asked, state, () => signIns++)
    socket.on('data', (chunk) => session.take(chunk))
  }
  const server = about.tls === undefined ? createTcpServer(serve) : createTlsServer(about.tls, serve)
  server.on('tlsClientError', () => undefined)
  server.listen(about.at?.port ?? 0, about.at?.host ?? '127.0.0.1')
  await once(server, 'listening')
  const hangUp = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    // A server that listens on TCP has such an address.
    port: (server.address() as AddressInfo).port,
    asked,
    signIns: () => signIns,
    get answers() {
      return state.answers
    },
    set answers(answers) {
      state.answers = answers
    },
    hangUp,
    async stop() {
      hangUp()
      server.close()
      await once(server, 'close')
    },
  }
}

class Session {
  readonly #socket: Socket
  readonly #about: NonNullable<Parameters<typeof startHana>[0]>
  readonly #asked: string[]
  readonly #state: { readonly answers: Readonly<Record<string, HanaAnswer>> }
  readonly #signedIn: () => void
  readonly #salt = randomBytes(16)
  readonly #serverKey = randomBytes(48)
  #challenge: Buffer = Buffer.alloc(0)
  #received: Buffer = Buffer.alloc(0)
  #greeted = false
  #rest: { readonly columns: readonly string[]; readonly rows: HanaTable } | undefined

  constructor(
    socket: Socket,
    about: NonNullable<Parameters<typeof startHana>[0]>,
    asked: string[],
    state: { readonly answers: Readonly<Record<string, HanaAnswer>> },
    signedIn: () => void,
  ) {
    this.#socket = socket
    this.#about = about
    this.#asked = asked
    this.#state = state
    this.#signedIn = signedIn
  }

  take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    if (!this.#greeted) {
      // 14 bytes ask for the protocol; the reply names the product's and the protocol's version.
      if (this.#received.length < 14) return
      this.#received = this.#received.subarray(14)
      this.#greeted = true
      this.#socket.write(this.#about.greeting ?? Buffer.from([4, 20, 0, 4, 1, 0, 0, 0]))
    }
    while (this.#received.length >= 32) {
      const length = 32 + this.#received.readUInt32LE(12)
      if (this.#received.length < length) return
      const packet = this.#received.subarray(0, length)
      this.#received = this.#received.subarray(length)
      this.#answer(packet)
    }
  }

  #answer(packet: Buffer): void {
    const type = packet.readInt8(32 + 13)
    const parts = partsOf(packet.subarray(32))
    switch (type) {
      case message.connectInfo: {
        const name = parts.get(part.connectInfo)?.subarray(4).toString() ?? ''
        const tenant = this.#about.tenants?.[name]
        if (tenant === undefined) return this.#refuse({ code: 2, message: `database ${name} does not exist` })
        return this.#reply(0, [
          [part.connectInfo, 3, Buffer.concat([option(2, tenant.host), option(3, tenant.port), option(4, false)])],
        ])
      }
      case message.authenticate: {
        const fields = fieldsOf(parts.get(part.authentication) ?? Buffer.alloc(2))
        const method = fields.findIndex((field) => field.toString() === 'SCRAMPBKDF2SHA256')
        this.#challenge = fields[method + 1] ?? Buffer.alloc(0)
        const iterations = Buffer.alloc(4)
        iterations.writeUInt32BE(this.#about.iterations ?? 1_000)
        const challenge = writtenFields([this.#salt, this.#serverKey, iterations])
        return this.#reply(0, [[part.authentication, 1, writtenFields([Buffer.from('SCRAMPBKDF2SHA256'), challenge])]])
      }
      case message.connect: {
        this.#signedIn()
        const [user, , proof] = fieldsOf(parts.get(part.authentication) ?? Buffer.alloc(2))
        const expected = this.#proofs()
        const isRight =
          user?.toString() === (this.#about.user ?? 'MONITOR') && proof?.subarray(3).equals(expected.client) === true
        if (!isRight) return this.#refuse({ code: 10, message: 'authentication failed' })
        const server = Buffer.concat([Buffer.from([1, 0, 32]), expected.server])
        return this.#reply(14, [[part.authentication, 1, writtenFields([Buffer.from('SCRAMPBKDF2SHA256'), server])]])
      }
      case message.execute:
        return this.#execute(parts.get(part.command)?.toString() ?? '')
      case message.fetch:
        return this.#reply(10, [this.#rows()])
      default:
        return this.#reply(0, [])
    }
  }

  #execute(sql: string): void {
    this.#asked.push(sql)
    const known = Object.keys(this.#state.answers).find((words) => sql.includes(words))
    const answer = known === undefined ? [] : this.#state.answers[known]!
    if (answer === 'silence') return
    if (answer === 'hang up') return void this.#socket.destroy()
    if ('code' in answer) return this.#refuse(answer)
    if (/^\s*SET\b/i.test(sql)) return this.#reply(1, [])
    const columns = Object.keys(answer[0] ?? { NOTHING: '' })
    this.#rest = { columns, rows: answer }
    this.#reply(5, [
      [part.metadata, columns.length, metadata(columns, answer)],
      [part.resultSetId, 1, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])],
      this.#rows(),
    ])
  }

  #rows(): [number, number, Buffer, number] {
    const { columns, rows } = this.#rest ?? { columns: [], rows: [] }
    const some = rows.slice(0, rowsAtOnce)
    this.#rest = { columns, rows: rows.slice(rowsAtOnce) }
    const bytes = some.flatMap((row) => columns.map((column) => written(row[column] ?? null, typeIn(column, rows))))
    return [part.resultSet, some.length, Buffer.concat(bytes), this.#rest.rows.length === 0 ? lastPacket : 0]
  }

  #proofs(): { readonly client: Buffer; readonly server: Buffer } {
    const salted = pbkdf2Sync(
      this.#about.password ?? 'Geheim1',
      this.#salt,
      this.#about.iterations ?? 1_000,
      32,
      'sha256',
    )
    const key = sha256(salted)
    const signature = hmac(sha256(key), Buffer.concat([this.#salt, this.#serverKey, this.#challenge]))
    const verifier = hmac(salted, this.#salt)
    return {
      client: Buffer.from(signature.map((byte, i) => byte ^ key[i]!)),
      server: hmac(verifier, Buffer.concat([this.#challenge, this.#salt, this.#serverKey])),
    }
  }

  #refuse({ code, message: words }: HanaRefusal): void {
    const text = Buffer.from(words)
    const error = Buffer.alloc(18 + text.length)
    error.writeInt32LE(code, 0)
    error.writeInt32LE(text.length, 8)
    error.writeInt8(1, 12)
    error.write('HY000', 13, 'ascii')
    text.copy(error, 18)
    this.#send(5, 0, [[part.error, 1, error]])
  }

  #reply(functionCode: number, parts: readonly [number, number, Buffer, number?][]): void {
    this.#send(2, functionCode, parts)
  }

  #send(kind: number, functionCode: number, parts: readonly [number, number, Buffer, number?][]): void {
    const written = parts.map(([partKind, count, bytes, attributes = 0]) => {
      const head = Buffer.alloc(16)
      head.writeInt8(partKind, 0)
      head.writeInt8(attributes, 1)
      head.writeInt16LE(count, 2)
      head.writeInt32LE(bytes.length, 8)
      return Buffer.concat([head, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)])
    })
    const segment = Buffer.alloc(24)
    const length = 24 + written.reduce((sum, one) => sum + one.length, 0)
    segment.writeInt32LE(length, 0)
    segment.writeInt16LE(parts.length, 8)
    segment.writeInt16LE(1, 10)
    segment.writeInt8(kind, 12)
    segment.writeInt16LE(functionCode, 14)
    const packet = Buffer.alloc(32)
    packet.writeInt32LE(1, 0)
    packet.writeUInt32LE(length, 12)
    packet.writeUInt32LE(length, 16)
    packet.writeInt16LE(1, 20)
    const reply = Buffer.concat([packet, segment, ...written])
    this.#socket.write(this.#about.damage?.(reply) ?? reply)
  }
}

function partsOf(segment: Buffer): Map<number, Buffer> {
  const parts = new Map<number, Buffer>()
  let at = 24
  for (let i = 0; i < segment.readInt16LE(8); i++) {
    const length = segment.readInt32LE(at + 8)
    parts.set(segment.readInt8(at), segment.subarray(at + 16, at + 16 + length))
    at += 16 + length + ((8 - (length % 8)) % 8)
  }
  return parts
}

function fieldsOf(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = []
  let at = 2
  for (let i = 0; i < bytes.readUInt16LE(0); i++) {
    const short = bytes[at]!
    const length = short === 0xf6 ? bytes.readUInt16LE(at + 1) : short
    at += short === 0xf6 ? 3 : 1
    fields.push(bytes.subarray(at, at + length))
    at += length
  }
  return fields
}

function writtenFields(fields: readonly Buffer[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16LE(fields.length)
  return Buffer.concat([count, ...fields.flatMap((field) => [Buffer.from([field.length]), field])])
}

function option(name: number, value: string | number | boolean): Buffer {
  if (typeof value === 'boolean') return Buffer.from([name, 28, value ? 1 : 0])
  if (typeof value === 'number') {
    const bytes = Buffer.from([name, 3, 0, 0, 0, 0])
    bytes.writeInt32LE(value, 2)
    return bytes
  }
  const text = Buffer.from(value)
  const head = Buffer.from([name, 29, 0, 0])
  head.writeInt16LE(text.length, 2)
  return Buffer.concat([head, text])
}

/** HANA's type for the values of a column: BIGINT, FIXED8, DOUBLE, BOOLEAN, else NVARCHAR. */
function typeIn(column: string, rows: HanaTable): { readonly code: number; readonly fraction: number } {
  const value = rows.map((row) => row[column]).find((one) => one !== null && one !== undefined)
  if (value instanceof Decimal) return { code: 81, fraction: value.fraction }
  if (typeof value === 'bigint') return { code: 4, fraction: 0 }
  if (typeof value === 'number') return { code: 7, fraction: 0 }
  return { code: typeof value === 'boolean' ? 28 : 11, fraction: 0 }
}

function metadata(columns: readonly string[], rows: HanaTable): Buffer {
  const names: Buffer[] = []
  let offset = 0
  const heads = columns.map((column) => {
    const { code, fraction } = typeIn(column, rows)
    const head = Buffer.alloc(24)
    head.writeInt8(2, 0)
    head.writeInt8(code, 1)
    head.writeInt16LE(fraction, 2)
    head.writeInt16LE(100, 4)
    for (const at of [8, 12]) head.writeInt32LE(-1, at)
    for (const at of [16, 20]) head.writeInt32LE(offset, at)
    const name = Buffer.from(column)
    names.push(Buffer.from([name.length]), name)
    offset += 1 + name.length
    return head
  })
  return Buffer.concat([...heads, ...names])
}

function written(value: HanaValue, { code }: { readonly code: number }): Buffer {
  if (code === 7) {
    const bytes = Buffer.alloc(8, 0xff)
    if (value !== null) bytes.writeDoubleLE(Number(value))
    return bytes
  }
  if (code === 4 || code === 81) {
    if (value === null) return Buffer.from([0])
    const bytes = Buffer.alloc(9, 1)
    bytes.writeBigInt64LE(value instanceof Decimal ? value.scaled : BigInt(Number(value)), 1)
    return bytes
  }
  if (code === 28) return Buffer.from([value === null ? 1 : value === true ? 2 : 0])
  if (value === null) return Buffer.from([0xff])
  const text = Buffer.from(String(value))
  const head =
    text.length <= 245 ? Buffer.from([text.length]) : Buffer.from([0xf6, text.length & 0xff, text.length >> 8])
  return Buffer.concat([head, text])
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
const hmac = (key: Buffer, bytes: Buffer): Buffer => createHmac('sha256', key).update(bytes).digest()
