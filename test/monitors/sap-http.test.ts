import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { readTableEnvelope, whereLines } from '../../src/connectors/sap-http/read-table.ts'
import {
  checkDeclared,
  messageOf,
  StatementRefused,
  TargetError,
  type OpenCredential,
  type SapFunction,
  type SapHttpClient,
} from '../../src/sdk/index.ts'
import { byHand } from './by-hand.ts'
import { measured, theOne } from './library.ts'

// The connector against an ICM of the tests' own: real HTTP, with answers of the published shape.

const user: OpenCredential = { type: 'basic', fields: { username: 'FARWATCH', secret: 'Geheim1' } }
const stranger: OpenCredential = { type: 'basic', fields: { username: 'FARWATCH', secret: 'falsch' } }

interface Said {
  readonly status: number
  readonly body: string
}
let said: Readonly<Record<string, Said>>
let asked: { readonly url: string; readonly body: string; readonly user: string | undefined }[]
let server: Server
let port = 0

/** On a port that the number of an instance gives it: others speak TLS by it, or are nobody's. @returns the port */
async function listenLikeAnIcm(icm: Server): Promise<number> {
  for (let at = 8_000; at < 8_100; at++) {
    icm.listen(at, '127.0.0.1')
    const isFree = await once(icm, 'listening').then(
      () => true,
      () => false,
    )
    if (isFree) return at
  }
  throw new Error('every port from 8000 to 8099 is taken')
}

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const path = (request.url ?? '').split('?')[0]!
      const given = request.headers.authorization
      asked.push({
        url: request.url ?? '',
        body,
        user: given === undefined ? undefined : Buffer.from(given.slice(6), 'base64').toString(),
      })
      const locked = path.startsWith('/sap/bc/')
      if (locked && given !== `Basic ${Buffer.from('FARWATCH:Geheim1').toString('base64')}`)
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="SAP"' }).end('no')
      const answer = said[path] ?? { status: 404, body: 'not found' }
      response.writeHead(answer.status, { 'content-type': 'text/xml', connection: 'close' }).end(answer.body)
    })
  })
  port = await listenLikeAnIcm(server)
})
afterAll(async () => {
  server.close()
  await once(server, 'close')
})
beforeEach(() => {
  asked = []
  said = {
    '/sap/public/ping': { status: 200, body: 'Server reached.' },
    '/sap/public/info': { status: 200, body: '<a><RFCSYSID>FW1</RFCSYSID></a>' },
    '/sap/bc/ping': { status: 200, body: 'ok' },
    '/msgserver/text/logon': { status: 200, body: 'version 1.0\n' },
    '/sap/bc/soap/rfc': { status: 200, body: answer('100Werk A    0012-', '200Werk B & C0007 ') },
  }
})

function answer(...rows: string[]): string {
  const field = (name: string, offset: number, length: number) =>
    `<item><FIELDNAME>${name}</FIELDNAME><OFFSET>${String(offset).padStart(6, '0')}</OFFSET><LENGTH>${String(length).padStart(6, '0')}</LENGTH><TYPE>C</TYPE></item>`
  return `<?xml version="1.0" encoding="utf-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><urn:RFC_READ_TABLE.Response xmlns:urn="urn:sap-com:document:sap:rfc:functions"><DATA>${rows.map((row) => `<item><WA>${row.replaceAll('&', '&amp;')}</WA></item>`).join('')}</DATA><FIELDS>${field('MANDT', 0, 3)}${field('NAME', 3, 10)}${field('STOCK', 13, 5)}</FIELDS><OPTIONS/></urn:RFC_READ_TABLE.Response></SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

function fault(words: string): Said {
  return {
    status: 500,
    body: `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>${words}</faultstring></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
  }
}

async function withClient<T>(
  use: (client: SapHttpClient) => Promise<T>,
  credential?: OpenCredential,
  settings = {},
): Promise<T> {
  const connector = theOne(connectors, 'sap-http')
  const checked = checkDeclared(connector, { host: '127.0.0.1', port, tls: 'off', soapRfc: true, ...settings }, 'c')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  const client = connector.open(checked.value, credential)
  try {
    // The connector named above makes this client.
    return await use(client as SapHttpClient)
  } finally {
    await client.close?.()
  }
}

const soon = () => AbortSignal.timeout(60_000)
const table = { table: 'ZSTOCK', fields: ['NAME', 'STOCK'], where: '', maxRows: 10 }

function words(read: Promise<unknown>): Promise<unknown> {
  return read.catch((thrown: unknown) =>
    thrown instanceof TargetError
      ? `${thrown.reason}: ${thrown.message.replaceAll(String(port), 'PORT')}`
      : thrown instanceof StatementRefused
        ? `refused ${thrown.code}: ${thrown.message}`
        : thrown,
  )
}

test('pages are measured without a user, but for the one that wants one', async () => {
  const seen = await measured(
    'sap.http',
    { host: '127.0.0.1', port, tls: 'off', messageServerPort: port, client: '100' },
    {},
    { credential: user },
  )
  expect([seen.facts, seen.metrics['signed_in'], asked.map(({ url, user: by }) => [url, by])]).toEqual([
    { system: 'FW1' },
    1,
    [
      ['/sap/public/ping?sap-client=100', undefined],
      ['/sap/public/info?sap-client=100', undefined],
      ['/sap/bc/ping?sap-client=100', 'FARWATCH:Geheim1'],
      ['/msgserver/text/logon?sap-client=100', undefined],
    ],
  ])
})

test('rows are cut at the places that the answer names', async () => {
  expect(await withClient((client) => client.readTable(table, soon()), user)).toEqual([
    { NAME: 'Werk A', STOCK: '0012-' },
    { NAME: 'Werk B & C', STOCK: '0007' },
  ])
})

test('a wrong password is tried once, and then not again soon', async () => {
  const ask = (client: SapHttpClient) => words(client.readTable(table, soon()))
  const all = await withClient(
    (client) => Promise.all([ask(client), ask(client), words(client.page('logon', soon()))]),
    stranger,
  )
  const once = 'credentials: 127.0.0.1:PORT refused the user FARWATCH'
  expect([all, asked.length]).toEqual([[once, once, once], 1])
})

// what the system answers to a call → what is said of it
const answers: [string, Said, string][] = [
  ['no such table', fault('TABLE_NOT_AVAILABLE'), 'refused TABLE_NOT_AVAILABLE: TABLE_NOT_AVAILABLE'],
  ['may not', fault('NOT_AUTHORIZED'), 'refused NOT_AUTHORIZED: NOT_AUTHORIZED'],
  ['the secret repeated', fault('user Geheim1 is wrong'), 'refused FAULT: user ••• is wrong'],
  [
    'not active',
    { status: 403, body: 'Forbidden' },
    'configuration: 127.0.0.1:PORT does not offer SOAP-RFC (HTTP 403): the service /sap/bc/soap/rfc is not active, or the user may not use it',
  ],
  ['another page', { status: 200, body: '<html/>' }, 'protocol: 127.0.0.1:PORT sent XML that is not SOAP'],
  [
    'other fields',
    { status: 200, body: answer('x').replaceAll('NAME</', 'OTHER</') },
    'protocol: 127.0.0.1:PORT answered something else than the fields that were asked for',
  ],
]
test.each(answers)('%s', async (_, reply, wanted) => {
  said = { ...said, '/sap/bc/soap/rfc': reply }
  expect(await withClient((client) => words(client.readTable(table, soon())), user)).toBe(wanted)
})

test('nothing is called where the connector has not switched it on', async () => {
  const message = await withClient((client) => words(client.readTable(table, soon())), user, { soapRfc: false })
  expect([message, asked]).toEqual(['configuration: SOAP-RFC is switched off for the connector to 127.0.0.1:PORT', []])
})

const forbidden = [
  'BAPI_USER_CHANGE',
  'RFC_ABAP_INSTALL_AND_RUN',
  'SXPG_COMMAND_EXECUTE',
  'RFC_PING',
  'rfc_read_table',
  '',
]
test.each(forbidden)('%s is never called', (name) => {
  // Past the types, as a mistake or an attack would come.
  expect(() => readTableEnvelope(table, name as SapFunction)).toThrow('is not a function that reads')
})

test('what the settings hold cannot leave its place in the question', () => {
  const question = readTableEnvelope({
    table: 'X</QUERY_TABLE><A>',
    fields: ['</FIELDNAME>'],
    where: "A = '</TEXT>' AND B = '&'",
    maxRows: 5,
  })
  expect(question.match(/<(A|\/TEXT|\/QUERY_TABLE|\/FIELDNAME)>/g)).toEqual([
    '</FIELDNAME>',
    '</TEXT>',
    '</QUERY_TABLE>',
  ])
})

// what /sap/public/info says → what is proposed for it
const told: [string, Said | undefined, unknown][] = [
  [
    'a system that says what it is',
    { status: 200, body: '<RFCSYSID>FW1</RFCSYSID>' },
    [{ system: 'FW1', certainty: 'identified' }],
  ],
  ['another server', undefined, []],
]
test.each(told)('%s is found as what it is', async (_, reply, proposals) => {
  said = reply === undefined ? {} : { '/sap/public/info': reply }
  const found = await theOne(connectors, 'sap-http').discovery!.identify({ host: '127.0.0.1', port }, soon())
  expect(found).toMatchObject(proposals as object[])
})

test('a condition is cut into lines at blanks, never within a literal', () => {
  const where =
    "STATUS = 'A' AND NAME = 'with many blanks in it' AND ENDDATE GE '20260101' AND ( CLIENT = '100' OR CLIENT = '200' )"
  expect([whereLines(where), () => whereLines(`A = '${'x'.repeat(80)}'`)]).toEqual([
    [
      "STATUS = 'A' AND NAME = 'with many blanks in it' AND ENDDATE GE",
      "'20260101' AND ( CLIENT = '100' OR CLIENT = '200' )",
    ],
    expect.any(Function),
  ])
  expect(() => whereLines(`A = '${'x'.repeat(80)}'`)).toThrow('longer than 72 characters')
})

test('whatever a condition is, its lines are short and together say the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...`ab' =<>()%`.split('')), maxLength: 200 }), (where) => {
      let lines: string[]
      try {
        lines = whereLines(where)
      } catch (thrown) {
        return expect(messageOf(thrown)).toContain('longer than')
      }
      const squeezed = (text: string) => text.replaceAll(/\s+/g, '')
      expect([lines.every((line) => line.length <= 72), squeezed(lines.join(' '))]).toEqual([true, squeezed(where)])
    }),
    { numRuns: 500 },
  )
})

test('checked by hand they say the same', async () => {
  const icm = { host: '127.0.0.1', port, tls: 'off', soapRfc: true }
  expect([
    await byHand('sap.http', icm),
    await byHand('sap.table', icm, { credential: user, settings: { table: 'ZSTOCK', field: 'NAME' } }),
  ]).toEqual(['0 sap.http ran', '0 sap.table ran'])
})
