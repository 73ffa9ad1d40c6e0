import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { TargetError, type HttpClient, type HttpRequest, type OpenCredential } from '../sdk/index.ts'
import http from './http.ts'

const open: { server: Server; sockets: Set<Socket> }[] = []
afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
})

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  open.push({ server, sockets })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const serve = (answer: RequestListener) => listen(createHttp(answer))
/** A server that says bytes of its own choice as soon as somebody asks. */
const serveRaw = (act: (socket: Socket) => void) =>
  listen(createTcp((socket) => socket.once('data', () => act(socket))))

function client(settings: Record<string, unknown>, credential?: OpenCredential) {
  const defaults = { verifyCertificate: true, trustedCertificates: undefined, proxy: undefined, connectTo: undefined }
  return http.open({ ...defaults, ...settings }, credential) as HttpClient & { close(): void }
}

/** What a request ends with: status and body, or reason and words, with the port written as PORT. */
async function ask(port: number, request: HttpRequest = {}, path = '/', timeoutMs = 30_000): Promise<string> {
  try {
    const seen = await client({ url: `http://127.0.0.1:${port}${path}` }).request(
      request,
      AbortSignal.timeout(timeoutMs),
    )
    return `${seen.status} ${seen.text()}`
  } catch (thrown) {
    if (!(thrown instanceof TargetError)) throw thrown
    return `${thrown.reason}: ${thrown.message.replaceAll(`127.0.0.1:${port}`, 'HOST:PORT')}`
  }
}

test('phases add up to no more than the whole, and a name is found without a name server', async () => {
  const port = await serve((_, answer) => answer.end('ok'))
  const seen = await client({ url: `http://localhost:${port}/` }).request({}, AbortSignal.timeout(30_000))
  const { dns = -1, connect = -1, firstByte, total } = seen.phases
  expect([dns >= 0, connect >= 0, firstByte > 0, dns + connect + firstByte <= total, seen.phases.tls]).toEqual([
    true,
    true,
    true,
    true,
    undefined,
  ])
})

test('nobody there is refused, without the query in the message', async () => {
  const port = await serve((_, answer) => answer.end())
  const { server } = open.pop()!
  server.close()
  await once(server, 'close')
  expect(await ask(port, {}, '/x?token=geheim')).toBe('refused: connection refused by HOST:PORT')
})

const packed: [string, string, Buffer][] = [
  ['gzip', 'gzip', gzipSync('hello')],
  ['brotli', 'br', brotliCompressSync('hello')],
  ['deflate with its header', 'deflate', deflateSync('hello')],
  ['deflate without', 'deflate', deflateRawSync('hello')],
]
test.each(packed)('%s is unpacked', async (_, encoding, body) => {
  const port = await serve((__, answer) => answer.setHeader('content-encoding', encoding).end(body))
  expect(await ask(port)).toBe('200 hello')
})

const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024))
const endless = (line: string) => (socket: Socket) => {
  const write = () => {
    while (socket.writable && socket.write(line));
  }
  socket.on('drain', write)
  write()
}

// what a hostile server does → how that is reported
const hostile: [string, (socket: Socket) => void, string][] = [
  ['says nothing', () => undefined, 'timed out: HOST:PORT sent no answer in time'],
  ['closes at once', (s) => void s.end(), 'protocol: HOST:PORT closed the connection before the answer was complete'],
  [
    'resets',
    (s) => void s.resetAndDestroy(),
    'protocol: HOST:PORT closed the connection before the answer was complete',
  ],
  [
    'speaks something else',
    (s) => void s.end('220 mail ready\r\n'),
    'protocol: HOST:PORT does not speak HTTP as it should (INVALID_CONSTANT)',
  ],
  [
    'sends endless headers',
    (s) => {
      s.write('HTTP/1.1 200 OK\r\n')
      endless('X-Header: filler filler filler\r\n')(s)
    },
    'too large: the headers of HOST:PORT are larger than the limit',
  ],
  [
    'sends an endless body',
    (s) => {
      s.write('HTTP/1.1 200 OK\r\n\r\n')
      endless('x'.repeat(10_000))(s)
    },
    'too large: the answer of HOST:PORT is larger than the limit of 1048576 bytes',
  ],
  [
    'sends a bomb',
    (s) => {
      s.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
      s.write(bomb)
    },
    'too large: the answer of HOST:PORT is larger than the limit of 1048576 bytes',
  ],
  [
    'sends a broken package',
    (s) => void s.end('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nnot gzip'),
    'protocol: the packed answer of HOST:PORT cannot be unpacked',
  ],
  [
    'begins and never ends',
    (s) => void s.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    'timed out: HOST:PORT did not end its answer in time',
  ],
  [
    'ends too soon',
    (s) => void s.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    'protocol: HOST:PORT closed the connection before the answer was complete',
  ],
  [
    'upgrades unasked',
    (s) => void s.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    'protocol: HOST:PORT does not speak HTTP as it should (UNEXPECTED_UPGRADE)',
  ],
]
test.each(hostile)('a server that %s', async (_, act, words) => {
  // Silence is waited out; anything else is to be noticed however slow the machine is.
  const timeoutMs = words.startsWith('timed out') ? 1_000 : 30_000
  expect(await ask(await serveRaw(act), {}, '/', timeoutMs)).toBe(words)
})

test('redirects are followed to their end, a loop and too many are named', async () => {
  const port = await serve((request, answer) => {
    const step = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 0)
    const to =
      request.url === '/loop'
        ? '/loop'
        : request.url === '/away'
          ? 'ftp://elsewhere/'
          : step > 0
            ? `/${step - 1}`
            : undefined
    if (to === undefined) answer.end('there')
    else answer.writeHead(302, { location: to }).end()
  })
  const follow = (path: string) => ask(port, { maxRedirects: 3 }, path)
  expect([
    await follow('/3'),
    await follow('/4'),
    await follow('/loop'),
    await follow('/away'),
    await ask(port, {}, '/1'),
  ]).toEqual([
    '200 there',
    'protocol: http://HOST:PORT/4 led through more than 3 redirects',
    'protocol: http://HOST:PORT/loop leads into a redirect loop at http://HOST:PORT/loop',
    'protocol: http://HOST:PORT/away redirects away from HTTP, to ftp:',
    '302 ',
  ])
})

test('credentials are shown at home and nowhere else', async () => {
  const heard: (string | undefined)[] = []
  const elsewhere = await serve((request, answer) => {
    heard.push(request.headers.authorization)
    answer.end('done')
  })
  const home = await serve((request, answer) => {
    heard.push(request.headers.authorization)
    answer.writeHead(302, { location: `http://127.0.0.1:${elsewhere}/` }).end()
  })
  const credential: OpenCredential = { type: 'basic', fields: { username: 'monitor', secret: 'geheim' } }
  await client({ url: `http://127.0.0.1:${home}/` }, credential).request(
    { maxRedirects: 1 },
    AbortSignal.timeout(30_000),
  )
  expect(heard).toEqual([`Basic ${Buffer.from('monitor:geheim').toString('base64')}`, undefined])
})

test('a connection is new for each run unless it is to be kept', async () => {
  let connections = 0
  const server = createHttp((_, answer) => answer.end('ok'))
  server.on('connection', () => connections++)
  const port = await listen(server)
  const used = client({ url: `http://127.0.0.1:${port}/` })
  const count = async (reuseConnection: boolean) => {
    connections = 0
    for (let i = 0; i < 3; i++) await used.request({ reuseConnection }, AbortSignal.timeout(30_000))
    return connections
  }
  const counts = [await count(false), await count(true)]
  used.close()
  expect(counts).toEqual([3, 1])
})

test('a kept connection that the server has closed meanwhile is no failure', async () => {
  const server = createHttp((_, answer) => answer.end('ok'))
  const port = await listen(server)
  const used = client({ url: `http://127.0.0.1:${port}/` })
  const once_ = () => used.request({ reuseConnection: true }, AbortSignal.timeout(30_000)).then((seen) => seen.status)
  const first = await once_()
  for (const socket of open.at(-1)!.sockets) socket.destroy()
  const second = await once_()
  used.close()
  expect([first, second]).toEqual([200, 200])
})

test('paths and queries are added to the URL', async () => {
  const port = await serve((request, answer) => answer.end(request.url))
  const paths = ['', '/x', '?b=2', '/x?b=2']
  const seen = await Promise.all(paths.map((path) => ask(port, { path }, '/app?a=1')))
  expect(seen).toEqual(['200 /app?a=1', '200 /app/x?a=1', '200 /app?a=1&b=2', '200 /app/x?a=1&b=2'])
})

test('through a proxy HTTP is handed over and HTTPS gets a tunnel, whose refusal is named', async () => {
  const heard: string[] = []
  const target = await serve((_, answer) => answer.end('from the target'))
  const server = createHttp((request, answer) => {
    heard.push(`${request.method} ${request.url?.replace(String(target), 'PORT')}`)
    answer.end('from the proxy')
  })
  server.on('connect', (request, socket) => {
    heard.push(`${request.method} ${request.url}`)
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  })
  const proxy = `http://127.0.0.1:${await listen(server)}`
  const plain = await client({ url: `http://127.0.0.1:${target}/x`, proxy }).request({}, AbortSignal.timeout(30_000))
  const tunnelled = client({ url: 'https://shop.example/x', proxy }).request({}, AbortSignal.timeout(30_000))
  const refused = await tunnelled.catch((thrown: unknown) => (thrown instanceof TargetError ? thrown.reason : thrown))
  expect([plain.text(), refused, heard]).toEqual([
    'from the proxy',
    'credentials',
    ['GET http://127.0.0.1:PORT/x', 'CONNECT shop.example:443'],
  ])
})

test('a header that HTTP does not know is a matter of configuration', async () => {
  const port = await serve((_, answer) => answer.end('ok'))
  expect(await ask(port, { headers: { 'x y': '1' } })).toBe(
    'configuration: the request cannot be sent as configured (ERR_INVALID_HTTP_TOKEN)',
  )
})
