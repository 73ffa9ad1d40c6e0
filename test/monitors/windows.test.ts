import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, type Closable, type OpenCredential, type WinrmClient } from '../../src/sdk/index.ts'
import { expectSound } from '../../src/sdk/testing.ts'
import { certificateFor } from '../servers/certificate.ts'
import { startWindows, type Windows, type WindowsOptions } from '../servers/windows.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const account = { domain: 'CORP', username: 'monitor', password: 'gehe!m<&"ü' }
const credential = (username: string, secret: string = account.password): OpenCredential => ({
  type: 'basic',
  fields: { username, secret },
})
const drive = (letter: string, free: number) =>
  `<DeviceID>${letter}:</DeviceID><Size>1000</Size><FreeSpace>${free}</FreeSpace><VolumeName xsi:nil="true"/>`
const classes = {
  Win32_OperatingSystem: [
    '<Caption>Windows Server 2022 &amp; more</Caption><CSName>WIN1</CSName><LastBootUpTime><cim:Datetime>2026-11-25T06:00:00+01:00</cim:Datetime></LastBootUpTime><LocalDateTime><cim:Datetime>2026-11-26T06:00:00+01:00</cim:Datetime></LocalDateTime><FreePhysicalMemory>4000</FreePhysicalMemory><TotalVisibleMemorySize>8000</TotalVisibleMemorySize>',
  ],
  Win32_PerfFormattedData_PerfOS_Processor: ['<PercentProcessorTime>12</PercentProcessorTime>'],
  Win32_LogicalDisk: ['C', 'D', 'E', 'F', 'G'].map((letter, i) => drive(letter, 100 * (i + 1))),
  Win32_Service: ['<Name>W32Time</Name><State>Running</State><StartMode>Auto</StartMode>'],
}

let running: Windows[] = []
afterEach(async () => {
  for (const one of running) await one.stop()
  running = []
})
async function start(options: Partial<WindowsOptions> = {}): Promise<Windows> {
  const server = await startWindows({ account, classes, perAnswer: 2, ...options })
  running.push(server)
  return server
}

test('NTLM signs in, what is said is sealed, long answers come in parts, and one connection serves them all', async () => {
  const server = await start()
  const seen = await measured(
    'host.windows',
    { host: 'localhost', port: server.port },
    { services: ['W32Time'] },
    { credential: credential('CORP\\monitor') },
  )
  expectSound(theOne(monitors, 'host.windows'), seen, [account.password])
  expect([
    seen.metrics['drive_used'],
    seen.metrics['uptime'],
    seen.metrics['cpu'],
    seen.metrics['service_running'],
    seen.facts?.['system'],
    String(seen.facts?.['missing']).split('; ').length,
    server.signIns(),
  ]).toEqual([
    ['C', 'D', 'E', 'F', 'G'].map((letter, i) => ({ labels: { drive: `${letter}:` }, value: 90 - 10 * i })),
    86_400,
    12,
    [{ labels: { service: 'W32Time' }, value: 1 }],
    'Windows Server 2022 & more',
    4,
    1,
  ])
})

test('with TLS the certificate is verified, and Basic is spoken only there', async () => {
  const { key, cert } = await certificateFor('localhost')
  const server = await start({ tls: { key, cert }, basic: true, account: { ...account, domain: '' } })
  const place = { host: 'localhost', port: server.port }
  const ask = async (settings: Record<string, unknown>) => {
    const seen = await runMonitor('host.windows', { ...place, ...settings }, {}, { credential: credential('monitor') })
    return (seen.failed ?? seen.gathered.facts?.['hostname'])?.toString().replace(String(server.port), 'PORT')
  }
  const checked = checkDeclared(theOne(connectors, 'winrm'), { host: 'h', authentication: 'basic' }, 'c')
  expect([
    await ask({ tls: 'verify' }),
    await ask({ tls: 'verify', trustedCertificates: cert }),
    await ask({ tls: 'require', authentication: 'basic' }),
    checked.ok ? 'taken' : checked.problems[0]?.message,
  ]).toEqual([
    'tls: the certificate of localhost:PORT is not trusted: it is self-signed',
    'WIN1',
    'WIN1',
    'basic shows the password to everybody without TLS',
  ])
})

test('a wrong password is tried once, wrong names and services are told apart', async () => {
  const server = await start()
  const place = { host: 'localhost', port: server.port }
  const ask = async (who: OpenCredential, settings: Record<string, unknown> = {}) => {
    const seen = await runMonitor('host.windows', { ...place, ...settings }, {}, { credential: who })
    return (seen.failed ?? 'an answer').replace(/:\d+/, ':PORT')
  }
  const words = [
    await ask(credential('CORP\\monitor', 'falsch')),
    await ask(credential('OTHER\\monitor')),
    await ask(credential('CORP\\monitor'), { port: 1 }),
    await ask(credential('CORP\\monitor'), { tls: 'require' }),
  ]
  expect([words, server.signIns(), server.queries]).toEqual([
    [
      'credentials: localhost:PORT refused the sign-in of CORP\\monitor',
      'credentials: localhost:PORT refused the sign-in of OTHER\\monitor',
      'refused: connection refused by localhost:PORT',
      expect.stringMatching(/^(tls|protocol): /),
    ],
    2,
    [],
  ])
})

test('a connection that the machine ended is opened again, by another sign-in', async () => {
  const server = await start()
  const connector = theOne(connectors, 'winrm')
  const checked = checkDeclared(connector, { host: 'localhost', port: server.port }, 'c')
  if (!checked.ok) throw new Error('wrong settings')
  // A connector of this type opens clients of this type.
  const client = connector.open(checked.value, credential('CORP\\monitor')) as WinrmClient & Closable
  const wql = "SELECT Name FROM Win32_Service WHERE Name <> 'a'"
  const ask = async () => (await client.query(wql, 10, AbortSignal.timeout(60_000))).length
  const first = await ask()
  server.disconnect()
  const seen = [first, await ask(), server.signIns(), server.queries]
  await client.close?.()
  expect(seen).toEqual([1, 1, 2, [wql, wql]])
})

test('whatever a machine answers, the outcome is values or words', async () => {
  let change = (xml: string) => xml
  const server = await start({ change: (xml) => change(xml) })
  const monitor = theOne(monitors, 'host.windows')
  const mutation = fc.record({
    at: fc.nat(1_200),
    length: fc.nat(80),
    other: fc.string({ maxLength: 60 }),
    every: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(mutation, async ({ at, length, other, every }) => {
      let count = 0
      change = (xml) => (count++ % (every + 1) === 0 ? xml.slice(0, at) + other + xml.slice(at + length) : xml)
      const seen = await runMonitor(
        'host.windows',
        { host: '127.0.0.1', port: server.port },
        {},
        { credential: credential('CORP\\monitor'), timeoutMs: 10_000 },
      )
      if (seen.gathered !== undefined) expectSound(monitor, seen.gathered)
      else expect(seen.failed).toMatch(/^(protocol|credentials|timed out|too large): /)
    }),
    { numRuns: 20 },
  )
})

test('it is found at a host by the way it asks for a sign-in', async () => {
  const server = await start()
  const found = await theOne(connectors, 'winrm').discovery?.identify(
    { host: '127.0.0.1', port: server.port },
    AbortSignal.timeout(60_000),
  )
  expect(found?.map(({ name, settings }) => [name, settings])).toEqual([
    ['winrm', { host: '127.0.0.1', port: server.port }],
  ])
})

test('a document type, which could grow without bound, is not read', async () => {
  const bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
  const server = await start({ change: (xml) => bomb + xml })
  const seen = await runMonitor(
    'host.windows',
    { host: 'localhost', port: server.port },
    {},
    { credential: credential('CORP\\monitor') },
  )
  expect(seen.failed?.replace(/:\d+/, ':PORT')).toBe(
    'protocol: localhost:PORT answers with a document type, which is not read',
  )
})

test('checked by hand it says the same', async () => {
  const server = await start()
  const about = { credential: credential('CORP\\monitor') }
  expect(await byHand('host.windows', { host: 'localhost', port: server.port }, about)).toBe('1 host.windows ran')
})
