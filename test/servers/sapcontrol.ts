import { once } from 'node:events'
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export type Field = string | number | readonly string[] | undefined
export type Item = Readonly<Record<string, Field>>

/** What the server says to one operation. */
export type Answer =
  /** The usual form: `<OpResponse><list><item>…`. */
  | { readonly list: string; readonly items: readonly Item[] }
  /** An answer that is one item itself, in an element of its own name (`EnqStatistic`) or `OpResponse`. */
  | { readonly element?: string; readonly single: Item }
  | { readonly fault: string }
  | { readonly status: number; readonly body: string }
  /** It takes the question and says nothing for ever. */
  | { readonly silent: true }

export type Answers = Readonly<Record<string, Answer>>

export interface Asked {
  readonly operation: string
  /** The user that signed in, or nothing. */
  readonly user?: string
}

/** A start service of the tests' own: real HTTP and SOAP, with the namespaces and the order of elements that real ones send. */
export interface SapControlServer {
  readonly host: '127.0.0.1'
  readonly port: number
  /** May be exchanged at any time. An operation that is not in it is one the server does not know. */
  answers: Answers
  /** Answered only to the user below; others are sent 401. */
  locked: readonly string[]
  readonly asked: Asked[]
  /** The largest number of questions that were under way at one time. */
  readonly mostAtOnce: number
  stop(): Promise<void>
}

export const sapUser = { username: 'ha1adm', secret: 'Geheim<&>1' } as const

const namespaces =
  'xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:SAPControl="urn:SAPControl"'

export async function startSapControl(
  about: { answers?: Answers; tls?: { key: string; cert: string }; port?: number } = {},
): Promise<SapControlServer> {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  let underWay = 0
  let mostAtOnce = 0
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    underWay++
    mostAtOnce = Math.max(mostAtOnce, underWay)
    response.once('close', () => underWay--)
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const operation = /<SOAP-ENV:Body><\w+:(\w+)/.exec(body)?.[1] ?? ''
      const user = userOf(request.headers.authorization)
      asked.push({ operation, ...(user === undefined ? {} : { user: user.username }) })
      const right = user?.username === sapUser.username && user.secret === sapUser.secret
      if ((server.locked.includes(operation) || user !== undefined) && !right)
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="OS"' }).end('Unauthorized')
      send(response, operation, server.answers[operation] ?? { fault: 'Invalid function' })
    })
  }
  const http = about.tls === undefined ? createHttp(take) : createHttps(about.tls, take)
  http.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  http.listen(about.port ?? 0, '127.0.0.1')
  await once(http, 'listening')
  const server: SapControlServer = {
    host: '127.0.0.1',
    port: (http.address() as AddressInfo).port,
    answers: about.answers ?? {},
    locked: [],
    asked,
    get mostAtOnce() {
      return mostAtOnce
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

/** One at the port that its number gives an instance: the first that nobody has. */
export async function startInstance(
  secure: { key: string; cert: string } | undefined,
  answers: Answers,
): Promise<{ server: SapControlServer; instance: number }> {
  for (let instance = 60; instance < 90; instance++) {
    const port = 50_000 + 100 * instance + (secure === undefined ? 13 : 14)
    const server = await startSapControl({ answers, port, ...(secure === undefined ? {} : { tls: secure }) }).catch(
      () => undefined,
    )
    if (server !== undefined) return { server, instance }
  }
  throw new Error('no port of an instance is free')
}

function userOf(header: string | undefined): { username: string; secret: string } | undefined {
  if (header === undefined) return undefined
  const [username = '', ...secret] = Buffer.from(header.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':')
  return { username, secret: secret.join(':') }
}

function send(response: ServerResponse, operation: string, answer: Answer): void {
  if ('silent' in answer) return
  const status = 'status' in answer ? answer.status : 'fault' in answer ? 500 : 200
  response.writeHead(status, { 'content-type': 'text/xml; charset=utf-8', server: 'gSOAP/2.7', connection: 'close' })
  response.end('body' in answer ? answer.body : envelopeOf(operation, answer))
}

/** The document that a start service sends. */
export function envelopeOf(operation: string, answer: Answer): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope ${namespaces}><SOAP-ENV:Body>${bodyOf(operation, answer)}</SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

function bodyOf(operation: string, answer: Answer): string {
  if ('fault' in answer)
    return `<SOAP-ENV:Fault><faultcode>SOAP-ENV:Server</faultcode><faultstring>${escaped(answer.fault)}</faultstring></SOAP-ENV:Fault>`
  if ('single' in answer)
    return element(`SAPControl:${answer.element ?? `${operation}Response`}`, fieldsOf(answer.single))
  if ('list' in answer) {
    const items = answer.items.map((item) => element('item', fieldsOf(item))).join('')
    return element(`SAPControl:${operation}Response`, element(answer.list, items))
  }
  return ''
}

function fieldsOf(item: Item): string {
  return Object.entries(item)
    .map(([name, value]) => {
      if (value === undefined) return ''
      if (typeof value === 'string' || typeof value === 'number') return element(name, escaped(String(value)))
      return element(name, value.map((one) => element('item', escaped(one))).join(''))
    })
    .join('')
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
