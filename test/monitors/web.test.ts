import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startNginx, type Nginx } from '../servers/nginx.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const web = theOne(monitors, 'http.response')
const started: { stop(): Promise<void> }[] = []
let authority: Authority
let good: Nginx
let stranger: Nginx
let ended: Nginx

beforeAll(async () => {
  authority = await makeAuthority()
  started.push({ stop: authority.remove })
  const start = async (names: string[], days: number) => {
    const server = await startNginx({ certificate: await authority.issue(names, days) })
    started.push(server)
    return server
  }
  good = await start(['DNS:localhost', 'IP:127.0.0.1'], 60)
  stranger = await start(['DNS:elsewhere.example'], 60)
  ended = await start(['DNS:localhost'], -1)
})
afterAll(async () => {
  for (const one of started.reverse()) await one.stop()
})

test('nginx over HTTP: status, phases, numbers out of JSON', async () => {
  const extract = { hits: '$.hits', queue: '$.queue.length', ok: '$.ok' }
  const seen = await measured('http.response', { url: `${good.url}/json` }, { extract })
  expectSound(web, seen)
  expect([seen.metrics['status'], seen.more?.map((one) => one.value), judgedBy(web, seen)]).toEqual([
    200,
    [42, 7, 1],
    {},
  ])
})

test('nginx with a broken application raises by the default rules', async () => {
  const seen = await measured('http.response', { url: `${good.url}/broken` })
  expect(judgedBy(web, seen)).toEqual({ 'error status': 'CRITICAL' })
})

test('nginx over HTTPS with a trusted authority: TLS time and days left', async () => {
  const url = `https://localhost:${good.tlsPort}/`
  const seen = await measured('http.response', { url, trustedCertificates: authority.certificate })
  expectSound(web, seen)
  expect([
    Math.round(Number(seen.metrics['certificate_days'])),
    Number(seen.metrics['tls']) > 0,
    seen.facts?.['untrusted'],
  ]).toEqual([60, true, undefined])
})

// who shows it → the words of the failure, and of the measurement with verification switched off
const liars: [string, () => Nginx, boolean, RegExp, RegExp][] = [
  ['an unknown authority', () => good, false, /its issuer is not known/, /its issuer is not known/],
  [
    'another name',
    () => stranger,
    true,
    /it is not for this name/,
    /it is not for localhost but for elsewhere.example/,
  ],
  ['a certificate that has ended', () => ended, true, /it has expired/, /it has expired/],
]
test.each(liars)(
  '%s is a failure by default, and a fact where any certificate will do',
  async (_, server, trusting, words, fact) => {
    const url = `https://localhost:${server().tlsPort}/`
    const trust = trusting ? { trustedCertificates: authority.certificate } : {}
    const strict = await runMonitor('http.response', { url, ...trust })
    const lenient = await measured('http.response', { url, ...trust, verifyCertificate: false })
    expect(strict.failed).toMatch(/^tls: the certificate of localhost:\d+ is not trusted: /)
    expect(strict.failed).toMatch(words)
    expect([lenient.metrics['status'], String(lenient.facts?.['untrusted'])]).toEqual([
      200,
      expect.stringMatching(fact),
    ])
  },
)

test('connecting to one node leaves the name asked for as it is', async () => {
  const settings = { url: 'https://localhost/', connectTo: `127.0.0.1:${good.tlsPort}` }
  const seen = await measured('http.response', { ...settings, trustedCertificates: authority.certificate })
  expect(seen.metrics['status']).toBe(200)
})

test('HTTPS through a proxy verifies the certificate of the target', async () => {
  const proxy = createServer()
  proxy.on('connect', (request, socket) => {
    const [host, port] = String(request.url).split(':')
    const onwards = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onwards.pipe(socket).pipe(onwards)
    })
    for (const end of [socket, onwards]) end.on('error', () => undefined)
    onwards.on('close', () => socket.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  try {
    const through = { proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
    const url = `https://localhost:${good.tlsPort}/`
    const seen = await measured('http.response', { url, ...through, trustedCertificates: authority.certificate })
    const strict = await runMonitor('http.response', { url, ...through })
    expect([seen.metrics['status'], Number(seen.metrics['tls']) > 0, strict.failed?.split(':')[0]]).toEqual([
      200,
      true,
      'tls',
    ])
  } finally {
    proxy.close()
    await once(proxy, 'close')
  }
})

test('a certificate is looked at whatever it is', async () => {
  const look = async (server: Nginx) => {
    const connector = { host: 'localhost', port: server.tlsPort, trustedCertificates: authority.certificate }
    const seen = await measured('tls.certificate', connector)
    expectSound(theOne(monitors, 'tls.certificate'), seen)
    return judgedBy(theOne(monitors, 'tls.certificate'), seen)
  }
  expect([await look(good), await look(stranger), await look(ended)]).toEqual([
    {},
    { 'wrong name': 'MAJOR' },
    { 'certificate ends': 'CRITICAL', 'not trusted': 'MAJOR' },
  ])
})

test('a port that speaks no TLS is named', async () => {
  const seen = await runMonitor('tls.certificate', { host: '127.0.0.1', port: good.port })
  expect(seen.failed).toBe(`tls: the TLS handshake with 127.0.0.1:${good.port} failed: wrong version number`)
})

test('a port is open, and says what it should', async () => {
  const place = { host: 'localhost', port: good.port }
  const plain = await measured('tcp.port', place)
  const talk = await measured('tcp.port', place, { send: 'GET / HTTP/1.0\n\n', expect: 'welcome' })
  expect([Number(plain.metrics['duration']) > 0, talk.failure]).toEqual([true, undefined])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('http.response', { url: good.url }),
    await byHand('tcp.port', { host: '127.0.0.1', port: good.port }),
    await byHand('tls.certificate', { host: 'localhost', port: ended.tlsPort }),
  ]).toEqual(['0 http.response ran', '0 tcp.port ran', '2 tls.certificate ran'])
})
