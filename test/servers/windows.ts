import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { decrypt, encrypt, encryptedType } from '../../src/connectors/winrm/encrypted.ts'
import { proofOf, Sealing } from '../../src/connectors/winrm/ntlm.ts'
import { Rc4 } from '../../src/connectors/winrm/old-ciphers.ts'

export interface Windows {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Sign-ins that were tried with a password, right or wrong. */
  readonly signIns: () => number
  /** Queries in the order they came. */
  readonly queries: string[]
  /** Ends all connections, as the machine does with those that were idle for long. */
  disconnect(): void
  stop(): Promise<void>
}

export interface WindowsOptions {
  readonly account: { readonly domain: string; readonly username: string; readonly password: string }
  /** Instances by class, as XML elements of properties. A class that is missing is refused as the real one does. */
  readonly classes: Readonly<Record<string, readonly string[]>>
  readonly tls?: { readonly key: string; readonly cert: string }
  readonly basic?: boolean
  /** Instances in one answer. */
  readonly perAnswer?: number
  /** Changes what is answered, before it is sealed. */
  readonly change?: (xml: string) => string
}

interface SignedIn {
  challenge?: Buffer
  said?: Buffer[]
  session?: { in: Sealing; out: Sealing } | undefined
}

/**
 * A stand-in for a Windows machine, for none can be had: WS-Management over HTTP as MS-WSMV has it, with the server's half of NTLM (the
 * proof, the digest over all messages, sealing), enumerations in several answers, and faults. What is in the answers comes from the published
 * shape of the classes.
 */
export async function startWindows(options: WindowsOptions): Promise<Windows> {
  const connections = new Map<Socket, SignedIn>()
  const queries: string[] = []
  let signIns = 0
  const open = new Map<string, string[]>()

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const state = connections.get(request.socket) ?? {}
    connections.set(request.socket, state)
    const refuse = (token?: Buffer) => {
      const offer = token === undefined ? 'Negotiate' : `Negotiate ${token.toString('base64')}`
      response.setHeader('www-authenticate', options.basic === true ? [offer, 'Basic realm="WSMAN"'] : [offer])
      response.writeHead(401, { 'content-length': 0, server: 'Microsoft-HTTPAPI/2.0' }).end()
    }
    if (request.url !== '/wsman') return void response.writeHead(404).end()
    const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ')
    if (scheme === 'Basic' && options.basic === true) {
      signIns++
      const { username, password } = options.account
      if (token !== Buffer.from(`${username}:${password}`).toString('base64')) return refuse()
    } else if (scheme === 'Negotiate') {
      const message = Buffer.from(token, 'base64')
      if (message.readUInt32LE(8) === 1) {
        state.challenge = randomBytes(8)
        const said = challengeMessage(state.challenge)
        state.said = [message, said]
        return refuse(said)
      }
      signIns++
      const key =
        state.challenge === undefined ? undefined : verify(message, state.challenge, state.said!, options.account)
      if (key === undefined) return refuse()
      state.session = { in: new Sealing(key, 'client-to-server'), out: new Sealing(key, 'server-to-client') }
      return void response.writeHead(200, { 'content-length': 0 }).end()
    } else if (state.session === undefined) return refuse()
    if (body.length === 0) return void response.writeHead(200, { 'content-length': 0 }).end()
    const sealed = state.session !== undefined && options.tls === undefined ? state.session : undefined
    const asked = sealed === undefined ? body.toString('utf8') : decrypt(body, sealed.in)
    if (asked === undefined) return void response.writeHead(400).end()
    const { status, xml: said } = respond(asked)
    const xml = options.change?.(said) ?? said
    const payload = sealed === undefined ? Buffer.from(xml) : encrypt(xml, sealed.out)
    response
      .writeHead(status, {
        'content-type': sealed === undefined ? 'application/soap+xml;charset=UTF-8' : encryptedType,
        'content-length': payload.length,
      })
      .end(payload)
  }

  const respond = (asked: string): { status: number; xml: string } => {
    const filter = /<w:Filter[^>]*>([^<]*)<\/w:Filter>/.exec(asked)?.[1]
    const context = /<n:EnumerationContext>([^<]*)</.exec(asked)?.[1]
    const query = filter?.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    if (query !== undefined) queries.push(query)
    const name = query === undefined ? '' : (/FROM (\w+)/.exec(query)?.[1] ?? '')
    const all =
      query === undefined
        ? open.get(context ?? '')
        : options.classes[name]?.map((one) => `<w:XmlFragment>${one}</w:XmlFragment>`)
    if (all === undefined)
      return {
        status: 500,
        xml: fault(
          'w:CannotProcessFilter',
          'The WS-Management service cannot process the request. The class is invalid.',
        ),
      }
    const some = all.slice(0, options.perAnswer ?? 100)
    const rest = all.slice(some.length)
    const id = randomUUID()
    if (rest.length > 0) open.set(id, rest)
    const kind = query === undefined ? 'Pull' : 'Enumerate'
    const items = query === undefined ? 'n:Items' : 'w:Items'
    const end = rest.length > 0 ? '' : query === undefined ? '<n:EndOfSequence/>' : '<w:EndOfSequence/>'
    return {
      status: 200,
      xml: envelope(
        `<n:${kind}Response><n:EnumerationContext>${rest.length > 0 ? `uuid:${id}`.slice(5) : ''}</n:EnumerationContext><${items}>${some.join('')}</${items}>${end}</n:${kind}Response>`,
      ),
    }
  }

  const handler = (request: IncomingMessage, response: ServerResponse) =>
    void answer(request, response).catch(() => request.socket.destroy())
  const server = options.tls === undefined ? createServer(handler) : createTlsServer(options.tls, handler)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const disconnect = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    signIns: () => signIns,
    queries,
    disconnect,
    async stop() {
      disconnect()
      server.close()
      await once(server, 'close')
    },
  }
}

function envelope(body: string): string {
  const spaces = [
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope"',
    'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"',
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"',
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
    'xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common"',
  ].join(' ')
  return `<s:Envelope xml:lang="en-US" ${spaces}><s:Header/><s:Body>${body}</s:Body></s:Envelope>`
}

function fault(code: string, words: string): string {
  return envelope(
    `<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>${code}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">${words}</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150858778" Machine="win1"><f:Message>${words}</f:Message></f:WSManFault></s:Detail></s:Fault>`,
  )
}

function challengeMessage(challenge: Buffer): Buffer {
  const pair = (id: number, value: Buffer) => {
    const head = Buffer.alloc(4)
    head.writeUInt16LE(id)
    head.writeUInt16LE(value.length, 2)
    return Buffer.concat([head, value])
  }
  const time = Buffer.alloc(8)
  time.writeBigUInt64LE((BigInt(Date.now()) + 11_644_473_600_000n) * 10_000n)
  const info = Buffer.concat([
    pair(2, Buffer.from('CORP', 'utf16le')),
    pair(1, Buffer.from('WIN1', 'utf16le')),
    pair(7, time),
    Buffer.alloc(4),
  ])
  const head = Buffer.alloc(56)
  head.write('NTLMSSP\0', 'latin1')
  head.writeUInt32LE(2, 8)
  head.writeUInt32LE(0xe2898235, 20)
  challenge.copy(head, 24)
  head.writeUInt16LE(info.length, 40)
  head.writeUInt16LE(info.length, 42)
  head.writeUInt32LE(56, 44)
  return Buffer.concat([head, info])
}

/** The key of the session; undefined where the name, the proof or the digest over all three messages is not right. */
function verify(
  message: Buffer,
  challenge: Buffer,
  said: readonly Buffer[],
  account: WindowsOptions['account'],
): Buffer | undefined {
  const field = (i: number) => {
    const at = message.readUInt32LE(16 + i * 8)
    return message.subarray(at, at + message.readUInt16LE(12 + i * 8))
  }
  const answer = field(1)
  const blob = answer.subarray(16)
  const { proof, sessionKey } = proofOf(account, challenge, blob)
  const isThem =
    field(2).toString('utf16le') === account.domain &&
    field(3).toString('utf16le').toLowerCase() === account.username.toLowerCase()
  if (!isThem || !proof.equals(answer.subarray(0, 16))) return undefined
  const key = new Rc4(sessionKey).run(field(5))
  const blank = Buffer.from(message)
  blank.fill(0, 72, 88)
  const digest = createHmac('md5', key)
    .update(Buffer.concat([...said, blank]))
    .digest()
  return digest.equals(message.subarray(72, 88)) ? key : undefined
}
