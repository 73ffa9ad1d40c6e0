import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import hana from '../../src/connectors/hana.ts'
import { monitors } from '../../src/monitors/index.ts'
import {
  checkDeclared,
  StatementRefused,
  TargetError,
  type HanaClient,
  type OpenCredential,
  type SqlRow,
} from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { certificateFor } from '../servers/certificate.ts'
import { Decimal, startHana, type HanaServer } from '../servers/hana.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const opened: { stop(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.stop()
})

const about = { 'VERSION, DATABASE_NAME': [{ VERSION: '2.00.059.00.1636', DATABASE_NAME: 'HDB' }] }
const right: OpenCredential = { type: 'basic', fields: { username: 'MONITOR', secret: 'Geheim1' } }
const wrong: OpenCredential = { type: 'basic', fields: { username: 'MONITOR', secret: 'falsch' } }

async function start(how: Parameters<typeof startHana>[0] = {}): Promise<HanaServer> {
  const server = await startHana({ ...how, answers: { ...about, ...how?.answers } })
  opened.push(server)
  return server
}

function place(server: { readonly port: number }, more: object = {}): Record<string, unknown> {
  return { host: '127.0.0.1', port: server.port, tls: 'off', statementTimeout: '1s', ...more }
}

function open(settings: Record<string, unknown>, credential = right): HanaClient {
  const checked = checkDeclared(hana, settings, 'connector')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  // Opened by the declaration of this very type.
  const client = hana.open(checked.value, credential) as HanaClient & { close(): void }
  opened.push({ stop: () => client.close() })
  return client
}

/** The rows, or in words what came instead. */
async function ask(client: HanaClient, sql: string, maxRows = 100, ms = 60_000): Promise<readonly SqlRow[] | string> {
  try {
    return await client.session(AbortSignal.timeout(ms), (session) => session.query(sql, maxRows))
  } catch (thrown) {
    if (thrown instanceof StatementRefused) return `${thrown.code}: ${thrown.message}`
    if (!(thrown instanceof TargetError)) throw thrown
    return `${thrown.reason}: ${thrown.message.replace(/:\d+/, ':PORT')}`
  }
}

test('values come as numbers, texts and truths, page by page and no more than wanted', async () => {
  const rows = Array.from({ length: 45 }, (_, i) => ({
    BIG: BigInt(i),
    EXACT: new Decimal(BigInt(i * 100 + 25), 2),
    FLOAT: i / 2,
    NAME: i === 1 ? null : `ü${i}`,
    IS_ON: i % 2 === 0,
    'As it is': i,
  }))
  const server = await start({ answers: { 'FROM T': rows } })
  const client = open(place(server))
  const [all, some] = [await ask(client, 'SELECT * FROM T'), await ask(client, 'select * from T FROM T', 30)]
  expect([all.length, some.length, all[1], server.signIns(), server.asked]).toEqual([
    45,
    30,
    { big: 1, exact: 1.25, float: 0.5, name: null, is_on: false, 'As it is': 1 },
    1,
    [
      'SET TRANSACTION READ ONLY',
      "SET 'STATEMENT_TIMEOUT' = '1'",
      'SELECT VERSION, DATABASE_NAME FROM SYS.M_DATABASE',
      'SELECT * FROM T',
      'select * from T FROM T',
    ],
  ])
})

test('a statement that is refused leaves the session as it is, and one that would write is never sent', async () => {
  const server = await start({
    answers: {
      GONE: { code: 259, message: 'invalid table name:  Could not find table/view GONE' },
      SECRET: { code: 258, message: 'insufficient privilege: Not authorized' },
      'FROM T': [{ N: 1 }],
    },
  })
  const client = open(place(server))
  expect([
    await ask(client, 'SELECT * FROM GONE'),
    await ask(client, 'SELECT * FROM SECRET'),
    await ask(client, 'CALL DROP_EVERYTHING()'),
    await ask(client, 'ALTER SYSTEM STOP DATABASE HDB'),
    await ask(client, 'WITH X AS (SELECT 1 FROM T) SELECT * FROM T'),
    server.signIns(),
    server.asked.filter((sql) => !/^(select|with|set)/i.test(sql)),
  ]).toEqual([
    '259: invalid table name:  Could not find table/view GONE',
    '258: insufficient privilege: Not authorized',
    'read only: only SELECT and WITH are run here',
    'read only: only SELECT and WITH are run here',
    [{ n: 1 }],
    1,
    [],
  ])
})

test('a wrong password is shown once, however many monitors ask', async () => {
  const server = await start()
  const client = open(place(server), wrong)
  const said = await Promise.all([1, 2, 3].map(() => ask(client, 'SELECT 1 FROM DUMMY')))
  said.push(await ask(client, 'SELECT 1 FROM DUMMY'))
  expect([new Set(said), server.signIns()]).toEqual([
    new Set(['credentials: 127.0.0.1:PORT refused the sign-in: authentication failed']),
    1,
  ])
})

test('a database that knows no read-only transactions and no timeout is asked all the same', async () => {
  const server = await start({
    answers: { SET: { code: 257, message: 'sql syntax error' }, 'FROM T': [{ N: 1 }] },
  })
  expect(await ask(open(place(server)), 'SELECT N FROM T')).toEqual([{ n: 1 }])
})

test('a session that the server ended in the meantime is opened anew', async () => {
  const server = await start({ answers: { 'FROM T': [{ N: 1 }] } })
  const client = open(place(server))
  const before = await ask(client, 'SELECT N FROM T')
  server.hangUp()
  expect([before, await ask(client, 'SELECT N FROM T'), server.signIns()]).toEqual([[{ n: 1 }], [{ n: 1 }], 2])
})

test('a server that says nothing is given up in time, and another run goes on', async () => {
  const server = await start({ answers: { SLOW: 'silence', LOST: 'hang up', 'FROM T': [{ N: 1 }] } })
  const client = open(place(server))
  // The session stands before: it is the question that is waited for.
  const before = await ask(client, 'SELECT N FROM T')
  const slow = ask(client, 'SELECT * FROM SLOW', 1, 300)
  const after = ask(client, 'SELECT N FROM T')
  expect([before, await slow, await after, await ask(client, 'SELECT * FROM LOST')]).toEqual([
    [{ n: 1 }],
    'timed out: 127.0.0.1:PORT did not answer the queries in time',
    [{ n: 1 }],
    'protocol: 127.0.0.1:PORT closed the connection',
  ])
})

test('the SYSTEMDB leads to a tenant, and says so where there is none', async () => {
  const tenant = await start({ answers: { 'FROM T': [{ WHERE_AM_I: 'tenant' }] } })
  const system = await start({ tenants: { HDB: { host: '127.0.0.1', port: tenant.port } } })
  expect([
    await ask(open(place(system, { tenant: 'HDB' })), 'SELECT * FROM T'),
    await ask(open(place(system, { tenant: 'NONE' })), 'SELECT * FROM T'),
    system.signIns(),
  ]).toEqual([
    [{ where_am_i: 'tenant' }],
    'configuration: 127.0.0.1:PORT does not lead to the tenant NONE: database NONE does not exist',
    0,
  ])
})

test('TLS is verified unless somebody says otherwise', async () => {
  const certificate = await certificateFor('127.0.0.1')
  const server = await start({ tls: certificate, answers: { 'FROM T': [{ N: 1 }] } })
  const plain = await start()
  const over = (more: object, to = server) => ask(open(place(to, more)), 'SELECT N FROM T')
  expect([
    await over({ tls: 'verify' }),
    await over({ tls: 'verify', trustedCertificates: certificate.cert }),
    await over({ tls: 'require' }),
    (await over({ tls: 'verify' }, plain)).slice(0, 44),
  ]).toEqual([
    'tls: the certificate of 127.0.0.1:PORT is not trusted: it is self-signed',
    [{ n: 1 }],
    [{ n: 1 }],
    'tls: the TLS handshake with 127.0.0.1:PORT f',
  ])
})

test('what is not a HANA says so: nobody, a mute, one that speaks otherwise', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  opened.push({ stop: () => void mute.close() })
  // A server that listens on TCP has such an address.
  const mutePort = (mute.address() as AddressInfo).port
  const short = await start({ greeting: Buffer.from('no') })
  const other = await start({ damage: () => Buffer.from('220 mail.example ESMTP\r\n'.repeat(40)) })
  expect([
    await ask(open(place({ port: 1 })), 'SELECT 1 FROM DUMMY'),
    await ask(open(place({ port: mutePort })), 'SELECT 1 FROM DUMMY', 1, 500),
    await ask(open(place(short)), 'SELECT 1 FROM DUMMY'),
    await ask(open(place(other)), 'SELECT 1 FROM DUMMY', 1, 500),
  ]).toEqual([
    'refused: connection refused by 127.0.0.1:PORT',
    'timed out: 127.0.0.1:PORT did not open a session in time',
    'protocol: 127.0.0.1:PORT does not speak HANA’s protocol',
    'timed out: 127.0.0.1:PORT did not open a session in time',
  ])
})

test('a server that hangs up while the password is worked out only fails the sign-in', async () => {
  const server: HanaServer = await start({
    iterations: 300_000,
    damage: (reply) => {
      setImmediate(() => server.hangUp())
      return reply
    },
  })
  const said = await Promise.all([1, 2, 3].map(() => ask(open(place(server)), 'SELECT 1 FROM DUMMY')))
  expect(new Set(said.map((one) => String(one).split(':')[0]))).toEqual(new Set(['protocol']))
})

test('replies with damaged bytes end in rows or words, and the process goes on', async () => {
  let damage = (reply: Buffer) => reply
  const server = await start({
    answers: { 'FROM T': [{ N: 1, S: 'text', D: new Decimal(5n, 1) }] },
    damage: (reply) => damage(reply),
  })
  const bytes = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(bytes, fc.nat(5), async (changes, spared) => {
      let seen = 0
      damage = (reply) => {
        if (seen++ < spared) return reply
        const copy = Buffer.from(reply)
        // The length in the packet's head stays: a longer one is waited for, which another test shows.
        for (const [at, byte] of changes) copy[32 + Math.floor(at * (copy.length - 32))] = byte
        return copy
      }
      const said = await ask(open(place(server)), 'SELECT * FROM T', 10, 150)
      expect(typeof said === 'string' || Array.isArray(said)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('a whole monitor runs over the wire', async () => {
  const server = await start({
    answers: {
      'FROM SYS.M_SERVICES': [{ HOST: 'hana1', PORT: 30003n, SERVICE: 'indexserver', ACTIVE: 1n }],
      'FROM SYS.M_DATABASES': { code: 258, message: 'insufficient privilege' },
      'AS UPTIME': [{ UPTIME: 86_400n }],
    },
  })
  const monitor = theOne(monitors, 'hana.availability')
  const seen = await measured('hana.availability', place(server), {}, { credential: right })
  const refused = await runMonitor('hana.availability', place(server), {}, { credential: wrong })
  expectSound(monitor, seen, ['Geheim1'])
  expect([seen.metrics['service'], seen.facts, judgedBy(monitor, seen), refused.failed?.split(':')[0]]).toEqual([
    [{ labels: { host: 'hana1', port: '30003', service: 'indexserver' }, value: 1 }],
    { version: '2.00.059.00.1636', database: 'HDB', missing: 'databases (insufficient privilege)' },
    {},
    'credentials',
  ])
})

test('a HANA is known by its first reply, in the open or behind TLS, and nothing else is', async () => {
  const identify = async ({ port }: { readonly port: number }) =>
    (await hana.discovery?.identify({ host: '127.0.0.1', port }, AbortSignal.timeout(60_000)))?.map(({ seen }) => seen)
  const plain = await start()
  const secured = await start({ tls: await certificateFor('127.0.0.1') })
  const other = await start({ greeting: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') })
  expect([await identify(plain), await identify(secured), await identify(other)]).toEqual([
    [`port ${plain.port} answered in the words of HANA`],
    [`port ${secured.port} answered in the words of HANA`],
    [],
  ])
})

test('the SYSTEMDB names its tenants to who signs in, each with the port of its own; a tenant is not asked', async () => {
  const certificate = await certificateFor('127.0.0.1')
  const rows = [
    { NAME: 'HDB', HOST: 'hana1', PORT: 30_015n, SERVICE: 'indexserver' },
    { NAME: 'SYSTEMDB', HOST: 'hana1', PORT: 30_013n, SERVICE: 'nameserver' },
  ]
  const server = await start({ tls: certificate, answers: { 'SYS_DATABASES.M_SERVICES': rows } })
  const trusting = { tls: 'verify', trustedCertificates: certificate.cert }
  const neighbours = (tenant: string | undefined, credential = right) =>
    // As for the SYSTEMDB's usual port; the client leads to where it really listens.
    hana.neighbours!(
      { host: '127.0.0.1', instance: 0, port: undefined, tenant, ...trusting },
      open(place(server, trusting), credential),
      AbortSignal.timeout(60_000),
    ).catch((thrown: unknown) => (thrown instanceof TargetError ? thrown.reason : thrown))
  expect([
    await neighbours(undefined),
    await neighbours('HDB'),
    await neighbours(undefined, wrong),
    server.signIns(),
  ]).toEqual([
    [
      {
        name: 'hana-00-HDB',
        title: 'SAP HANA 00, tenant HDB, port 30015',
        settings: { host: '127.0.0.1', port: 30_015, trustedCertificates: certificate.cert },
        seen: 'named by the SYSTEMDB of instance 00',
        certainty: 'identified',
        credential: 'basic',
      },
    ],
    [],
    'credentials',
    2,
  ])
})

// instance or port → where it leads; or what is wrong
const places: [object, string][] = [
  [{}, 'h:30013'],
  [{ instance: 7 }, 'h:30713'],
  [{ port: 30015 }, 'h:30015'],
  [{ port: 443, instance: 0 }, 'h:443'],
  [{ instance: 100 }, 'connector.instance 100 is too large; at most 99'],
  [{ tenant: 'A B' }, 'connector.tenant "A B" is not of the form [A-Za-z0-9_.\\-]+'],
]
test.each(places)('%j is %s', (given, wanted) => {
  const checked = checkDeclared(hana, { host: 'h', ...given }, 'connector')
  const [problem] = checked.ok ? [] : checked.problems
  expect(checked.ok ? hana.target(checked.value) : `${problem?.path} ${problem?.message}`).toBe(wanted)
})

test('checked by hand, each monitor of HANA gives a result', async () => {
  const server = await start()
  const ids = monitors.map(({ id }) => id).filter((id) => id.startsWith('hana.'))
  const said = await Promise.all(ids.map((id) => byHand(id, place(server), { credential: right })))
  expect(said.map((words) => words.slice(2))).toEqual(ids.map((id) => `${id} ran`))
})
