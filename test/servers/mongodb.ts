import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { BSON, type Document } from 'mongodb'
import type { MadeCertificate } from './certificates.ts'

const opReply = 1
const opQuery = 2004
const opMsg = 2013

export interface MongodbServer {
  readonly port: number
  /** The sign-ins that were begun. */
  signIns(): number
  stop(): Promise<void>
}

/**
 * A server that speaks MongoDB's protocol with messages of BSON: no package of Debian's brings the real one. It lets `user` in by
 * SCRAM-SHA-256 where a password is given, and answers each command with its document of `answers`.
 */
export async function startMongodb(options: {
  readonly answers: Readonly<Record<string, Document>>
  readonly user?: { readonly name: string; readonly password: string }
  readonly certificate?: MadeCertificate
}): Promise<MongodbServer> {
  const sockets = new Set<Socket>()
  let signIns = 0
  const accept = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    const session = new Session(options.answers, options.user, () => signIns++)
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const message = received.subarray(0, received.readInt32LE(0))
        received = received.subarray(message.length)
        socket.write(reply(message, (command) => session.answer(command)))
      }
    })
  }
  const server =
    options.certificate === undefined
      ? createServer(accept)
      : createTlsServer({ cert: options.certificate.certificate, key: options.certificate.key }, accept)
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // A server on a port has an address of this kind.
    port: (server.address() as AddressInfo).port,
    signIns: () => signIns,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The first question of a session comes in the old kind of message and is answered in the old kind; all others in the new one. */
function reply(message: Buffer, answer: (command: Document) => Document): Buffer {
  const kind = message.readInt32LE(12)
  if (kind === opQuery) {
    const nameEnd = message.indexOf(0, 20)
    const body = Buffer.from(BSON.serialize(answer(BSON.deserialize(message.subarray(nameEnd + 9)))))
    const head = Buffer.alloc(20)
    head.writeInt32LE(1, 16)
    return framed(opReply, message.readInt32LE(4), Buffer.concat([head, body]))
  }
  if (kind !== opMsg) throw new Error(`a message of the kind ${kind}`)
  const body = BSON.serialize(answer(BSON.deserialize(message.subarray(21))))
  return framed(opMsg, message.readInt32LE(4), Buffer.concat([Buffer.alloc(5), body]))
}

function framed(kind: number, to: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16)
  head.writeInt32LE(16 + body.length)
  head.writeInt32LE(7, 4)
  head.writeInt32LE(to, 8)
  head.writeInt32LE(kind, 12)
  return Buffer.concat([head, body])
}

const hello = {
  helloOk: true,
  isWritablePrimary: true,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 21,
  readOnly: false,
  ok: 1,
}

class Session {
  readonly #answers: Readonly<Record<string, Document>>
  readonly #user: { readonly name: string; readonly password: string } | undefined
  readonly #begun: () => void
  #scram: { readonly first: string; readonly question: string; readonly salt: Buffer } | undefined
  #isIn: boolean

  constructor(
    answers: Readonly<Record<string, Document>>,
    user: { readonly name: string; readonly password: string } | undefined,
    begun: () => void,
  ) {
    this.#answers = answers
    this.#user = user
    this.#begun = begun
    this.#isIn = user === undefined
  }

  answer(command: Document): Document {
    const name = Object.keys(command)[0] ?? ''
    switch (name) {
      case 'hello':
      case 'ismaster':
      case 'isMaster':
        return { ...hello, localTime: new Date(), ...this.#answers['hello'] }
      case 'endSessions':
        return { ok: 1 }
      case 'saslStart':
        return this.#start(command['payload'].toString())
      case 'saslContinue':
        return this.#continue(command['payload'].toString())
      default:
        if (!this.#isIn) return refusal(13, 'Unauthorized', `Command ${name} requires authentication`)
        return this.#answers[name] ?? refusal(59, 'CommandNotFound', `no such command: '${name}'`)
    }
  }

  #start(said: string): Document {
    this.#begun()
    const first = said.replace(/^n,,/, '')
    const [, name, nonce] = /^n=([^,]*),r=(.*)$/.exec(first) ?? []
    if (name !== this.#user?.name) return refusal(18, 'AuthenticationFailed', 'Authentication failed.')
    const salt = randomBytes(16)
    const question = `r=${nonce}${randomBytes(8).toString('hex')},s=${salt.toString('base64')},i=4096`
    this.#scram = { first, question, salt }
    return { conversationId: 1, done: false, payload: Buffer.from(question), ok: 1 }
  }

  #continue(said: string): Document {
    if (this.#scram === undefined) return refusal(18, 'AuthenticationFailed', 'Authentication failed.')
    const { first, question, salt } = this.#scram
    const [, without = '', proof = ''] = /^(.*),p=(.*)$/.exec(said) ?? []
    const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
    const salted = pbkdf2Sync(this.#user?.password ?? '', salt, 4096, 32, 'sha256')
    const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
    const all = `${first},${question},${without}`
    const signature = hmac(stored, all)
    const clientKey = Buffer.from(proof, 'base64').map((byte, i) => byte ^ signature[i]!)
    if (!createHash('sha256').update(clientKey).digest().equals(stored))
      return refusal(18, 'AuthenticationFailed', 'Authentication failed.')
    this.#isIn = true
    const last = `v=${hmac(hmac(salted, 'Server Key'), all).toString('base64')}`
    return { conversationId: 1, done: true, payload: Buffer.from(last), ok: 1 }
  }
}

function refusal(code: number, codeName: string, errmsg: string): Document {
  return { ok: 0, code, codeName, errmsg }
}
