import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, messageOf, type OpenCredential, type SqlClient } from '../../src/sdk/index.ts'
import { expectSound } from '../../src/sdk/testing.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startMssql, type MssqlServer } from '../servers/mssql.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

// The real client against a server that speaks the real protocol with rows of the published shape.

const monitor = theOne(monitors, 'mssql')
const user = { name: 'farwatch', password: 'geheim' }
const credential = (username: string, secret: string): OpenCredential => ({
  type: 'basic',
  fields: { username, secret },
})
const watcher = credential('farwatch', 'geheim')
const denied = { number: 300, message: 'VIEW SERVER STATE permission was denied on object' }
const answers = {
  ProductVersion: [{ version: '16.0.4200.1' }],
  dm_os_sys_info: [{ uptime: 86_400, workers_max: 512, workers: 40, edition: 'Standard Edition', groups: 0 }],
  dm_exec_sessions: [{ sessions: 7, running: 1 }],
  dm_exec_requests: [{ blocked: 0, longest: null }],
  dm_os_performance_counters: [
    { counter: 'Percent Log Used', instance: 'shop', value: 12 },
    { counter: 'Page life expectancy', instance: '', value: 5_000 },
  ],
  dm_db_file_space_usage: denied,
  'FROM orders': [
    { id: 1, state: 'open', paid: null },
    { id: 2, state: null, paid: 2.5 },
    { id: 3, state: 'fünf', paid: 1 },
  ],
  'FROM slow': 'never',
  'FROM nowhere': { number: 208, message: "Invalid object name 'nowhere'." },
} as const
let authority: Authority
let server: MssqlServer
let secure: MssqlServer
let single: MssqlServer
let place: Record<string, unknown>

beforeAll(async () => {
  // The library is a large one; what it takes to read it is no part of a run here.
  await import('tedious')
  authority = await makeAuthority()
  server = await startMssql({ user, answers })
  secure = await startMssql({ user, answers, certificate: await authority.issue(['DNS:localhost'], 10) })
  const refused = { number: 18461, message: 'Only one administrator can connect at this time.' }
  single = await startMssql({ user, answers, refused })
  place = { host: 'localhost', port: server.port, tls: 'off' }
})
afterAll(async () => {
  for (const one of [single, secure, server]) await one?.stop()
  await authority?.remove()
})

function open(settings: object, secret = 'geheim'): SqlClient {
  const connector = theOne(connectors, 'mssql')
  const checked = checkDeclared(connector, { ...place, ...settings }, 'c')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  // What every connector for databases opens.
  return connector.open(checked.value, credential('farwatch', secret)) as SqlClient
}

test('an instance is signed in to and measured, and what it says no to is left out', async () => {
  const seen = await measured('mssql', place, {}, { credential: watcher })
  expectSound(monitor, seen, ['geheim'])
  expect([
    seen.message,
    seen.facts,
    seen.metrics['sessions'],
    seen.metrics['page_life'],
    seen.metrics['log_used'],
  ]).toEqual([
    'left out: tempdb (VIEW SERVER STATE permission was denied on object)',
    expect.objectContaining({ version: '16.0.4200.1', database: 'master', edition: 'Standard Edition' }),
    7,
    5_000,
    [{ labels: { database: 'shop' }, value: 12 }],
  ])
})

test('values come as they are, no more rows than wanted, and every transaction is rolled back', async () => {
  const before = server.asked.length
  const said = await open({}).session(AbortSignal.timeout(60_000), async (session) => {
    const answers: unknown[] = []
    for (const sql of ['SELECT * FROM orders', 'SELECT * FROM nowhere', 'DELETE FROM orders'])
      answers.push(await session.query(sql, 2).catch(messageOf))
    return answers
  })
  const transactions = server.asked.slice(before).filter((sql) => sql.endsWith('TRANSACTION'))
  expect([said, transactions]).toEqual([
    [
      [
        { id: 1, state: 'open', paid: null },
        { id: 2, state: null, paid: 2.5 },
      ],
      "Invalid object name 'nowhere'.",
      'not sent: it is not a query',
    ],
    [1, 2].flatMap(() => ['BEGIN TRANSACTION', 'IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION']),
  ])
})

test('a statement does not run for ever', async () => {
  const said = await open({ statementTimeout: '400ms' }).session(AbortSignal.timeout(60_000), (session) =>
    session.query('SELECT * FROM slow', 2).catch(messageOf),
  )
  expect(said).toBe('it took longer than the statement timeout')
})

test('TLS is verified from the beginning, with the authority that the connector names', async () => {
  const there = { ...place, port: secure.port }
  const failure = async (settings: object) =>
    (await runMonitor('mssql', { ...there, ...settings }, {}, { credential: watcher })).failed?.replace(
      /\d{4,5}/,
      'PORT',
    )
  const trustedCertificates = authority.certificate
  expect([
    await failure({ tls: 'verify', trustedCertificates }),
    await failure({ tls: 'require' }),
    await failure({ tls: 'verify' }),
    await failure({ tls: 'verify', host: '127.0.0.1', trustedCertificates }),
    await failure({ tls: 'verify', port: server.port }),
    await failure({ tls: 'off' }),
  ]).toEqual([
    undefined,
    undefined,
    'tls: the certificate of localhost:PORT is not trusted: its issuer is not known; the server may not send its chain',
    'tls: the certificate of 127.0.0.1:PORT is not trusted: it is not for this name',
    'tls: localhost:PORT offers no TLS',
    'tls: localhost:PORT wants TLS',
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, () => Record<string, unknown>, OpenCredential, string][] = [
  [
    'the password',
    () => ({}),
    credential('farwatch', 'falsch'),
    "credentials: localhost:PORT refused the sign-in: Login failed for user 'farwatch'.",
  ],
  ['the port', () => ({ port: 1 }), watcher, 'refused: connection refused by localhost:1'],
  [
    'the name',
    () => ({ host: 'no.such.name.invalid' }),
    watcher,
    'unreachable: the name of no.such.name.invalid:PORT was not found',
  ],
  [
    'the moment',
    () => ({ port: single.port }),
    watcher,
    'refused: localhost:PORT takes no session: Only one administrator can connect at this time. (18461)',
  ],
]
test.each(wrong)('%s is wrong', async (_, settings, who, words) => {
  const seen = await runMonitor('mssql', { ...place, ...settings() }, {}, { credential: who })
  expect(seen.failed?.replace(/\b\d{4,5}\b(?!\))/, 'PORT')).toBe(words)
})

test('a server is known by its first answer', async () => {
  const { identify } = theOne(connectors, 'mssql').discovery!
  const [proposal] = await identify({ host: '127.0.0.1', port: server.port }, AbortSignal.timeout(60_000))
  expect([proposal?.title, proposal?.certainty]).toEqual([`SQL Server 16.0.4200, port ${server.port}`, 'identified'])
})

test('a named instance is found by the browser of its host, which is asked anew with every session', async () => {
  // The tests of a worker at the same time are not at the same address.
  const host = `127.1.${process.pid & 0xff}.${1 + ((process.pid >> 8) % 250)}`
  let port = server.port
  // UDP 1434 of an address that nobody else uses, as a browser listens.
  const browser = createSocket('udp4', (asked, from) => {
    const words = `ServerName;DB1;InstanceName;SHOP;IsClustered;No;Version;16.0.4200.1;tcp;${port};;`
    const head = Buffer.from([5, words.length, 0])
    if (asked[0] === 3) browser.send(Buffer.concat([head, Buffer.from(words)]), from.port, from.address)
  })
  browser.bind(1434, host)
  await once(browser, 'listening')
  const shop = await startMssql({ user, answers, host })
  try {
    const { identify } = theOne(connectors, 'mssql').discovery!
    const signal = AbortSignal.timeout(60_000)
    const there = { host, port: undefined, instance: 'shop' }
    const run = async (more: object = {}) =>
      (await runMonitor('mssql', { ...place, ...there, ...more }, {}, { credential: watcher })).failed
    port = 1
    const [proposal] = await identify({ host, port: 1434 }, signal)
    const stopped = await run()
    port = shop.port
    expect([proposal?.title, proposal?.settings, stopped, await run(), await run({ instance: 'CRM' })]).toEqual([
      'SQL Server 16.0.4200.1 instance SHOP, port 1',
      { host, instance: 'SHOP' },
      `refused: connection refused by ${host}:1`,
      undefined,
      `configuration: the SQL Server Browser at ${host}:1434 knows no instance CRM; it knows SHOP`,
    ])
  } finally {
    browser.close()
    await shop.stop()
  }
})

test('a refused sign-in is not tried again by the next run', async () => {
  const client = open({}, 'falsch')
  const before = server.signIns()
  const runs = await Promise.allSettled(
    [1, 2, 3].map(() => client.session(AbortSignal.timeout(60_000), async () => 'in')),
  )
  expect([new Set(runs.map(({ status }) => status)), server.signIns() - before]).toEqual([new Set(['rejected']), 1])
})

test('checked by hand it says the same', async () => {
  expect(await byHand('mssql', place, { credential: watcher })).toBe('0 mssql ran')
})
