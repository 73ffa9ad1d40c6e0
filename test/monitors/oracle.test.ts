import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startOracleListener, type OracleListener } from '../servers/oracle-listener.ts'
import { byHand } from './by-hand.ts'
import { runMonitor, theOne } from './library.ts'

// The real client against a listener that says no: what a database answers is tested on the rows alone, in the monitor's own test.

const watcher: OpenCredential = { type: 'basic', fields: { username: 'farwatch', secret: 'geheim' } }
let authority: Authority
let unknown: OracleListener
let starting: OracleListener
let secure: OracleListener

beforeAll(async () => {
  authority = await makeAuthority()
  unknown = await startOracleListener({ error: 12514 })
  starting = await startOracleListener({ error: 12528 })
  secure = await startOracleListener({ error: 12514, certificate: await authority.issue(['DNS:localhost'], 10) })
})
afterAll(async () => {
  for (const one of [secure, starting, unknown]) await one?.stop()
  await authority?.remove()
})

async function failure(settings: Record<string, unknown>): Promise<string | undefined> {
  const seen = await runMonitor('oracle', { host: 'localhost', ...settings }, {}, { credential: watcher })
  return seen.failed?.replace(/\b\d{4,5}\b/g, 'PORT')
}

// what is wrong → the failure, with ports written as PORT
const wrong: [string, () => Record<string, unknown>, RegExp][] = [
  [
    'a service that the listener does not know',
    () => ({ port: unknown.port, service: 'SHOP' }),
    /^configuration: localhost:PORT: .*"SHOP" is not registered with the listener/,
  ],
  ['a database that still starts', () => ({ port: starting.port }), /^refused: localhost:PORT takes no session: /],
  ['a port that nobody listens on', () => ({ port: 1 }), /^refused: connection refused by localhost:1$/],
  [
    'a name that is none',
    () => ({ host: 'no.such.name.invalid' }),
    /^unreachable: the name of no\.such\.name\.invalid:PORT was not found$/,
  ],
  [
    'a certificate that nobody vouches for',
    () => ({ port: secure.port, tls: 'verify' }),
    /^tls: the certificate of localhost:PORT is not trusted: its issuer is not known/,
  ],
  [
    'a certificate for another name',
    () => ({ port: secure.port, tls: 'verify', host: '127.0.0.1', trustedCertificates: authority.certificate }),
    /^tls: the certificate of 127\.0\.0\.1:PORT is not trusted: it is not for this name/,
  ],
  [
    'nothing but the service, behind a certificate that is trusted',
    () => ({ port: secure.port, tls: 'verify', trustedCertificates: authority.certificate }),
    /^configuration: localhost:PORT: .*"ORCL" is not registered/,
  ],
]
test.each(wrong)('%s', async (_, settings, words) => {
  expect(await failure(settings())).toMatch(words)
})

test('a listener is asked for the service or the SID, and tells its version without a sign-in', async () => {
  const before = unknown.asked.length
  await failure({ port: unknown.port, service: 'SHOP', serviceIs: 'SID' })
  const identify = theOne(connectors, 'oracle').discovery!.identify
  const [proposal] = await identify({ host: '127.0.0.1', port: unknown.port }, AbortSignal.timeout(60_000))
  expect([
    unknown.asked.slice(before).map((asked) => /SID=SHOP|COMMAND=version/.exec(asked)?.[0]),
    proposal?.title,
  ]).toEqual([['SID=SHOP', 'COMMAND=version'], `Oracle listener 19.0.0, port ${unknown.port}`])
})

test('checked by hand it says the same', async () => {
  expect(await byHand('oracle', { host: 'localhost', port: 1 }, { credential: watcher })).toBe(
    '2 oracle connection refused by localhost:1',
  )
})
