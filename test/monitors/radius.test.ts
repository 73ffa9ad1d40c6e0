import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startFreeradius, type Freeradius } from '../servers/freeradius.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

let server: Freeradius
const as = (password: string | undefined, secret = server.sharedSecret): { credential: OpenCredential } => ({
  credential: {
    type: 'radius',
    fields: { secret, ...(password === undefined ? {} : { username: 'anna', password }) },
  },
})
const place = () => ({ host: 'localhost', port: server.port, tryFor: '30s', tries: 2 })

beforeAll(async () => {
  server = await startFreeradius()
})
afterAll(() => server?.stop())

test('a user is let in, and the server tells that it is there', async () => {
  const monitor = theOne(monitors, 'radius.auth')
  const seen = [
    await measured('radius.auth', place(), {}, as('geheim-anna')),
    await measured('radius.auth', place(), { ask: 'state' }, as(undefined)),
  ]
  for (const one of seen) expectSound(monitor, one, ['geheim-anna', server.sharedSecret])
  expect(seen.map((one) => [one.message, one.metrics['packets'], Object.keys(judgedBy(monitor, one))])).toEqual([
    ['the user was let in', 1, expect.not.arrayContaining(['no sign-in', 'slow'])],
    ['the server is there', 1, expect.not.arrayContaining(['no sign-in', 'slow'])],
  ])
})

test('what is wrong is told apart', async () => {
  const outcome = async (who: { credential: OpenCredential }, more = {}) =>
    (await runMonitor('radius.auth', { ...place(), ...more }, {}, who)).failed?.replace(String(server.port), 'PORT')
  expect([
    await outcome(as('falsch')),
    await outcome(as(undefined)),
    await outcome(as('geheim-anna', 'falsch'), { tryFor: '300ms' }),
    await outcome(as('geheim-anna'), { port: 1 }),
  ]).toEqual([
    'credentials: localhost:PORT rejected the user',
    'configuration: localhost:PORT: the credential has no user to sign in',
    'timed out: localhost:PORT sent no answer (a server answers neither to a wrong shared secret nor to a client it does not know) in time',
    'refused: connection refused by localhost:1',
  ])
})

test('checked by hand it says the same', async () => {
  expect(await byHand('radius.auth', place(), as('geheim-anna'))).toBe('0 radius.auth ran')
})
