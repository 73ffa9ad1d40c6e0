import { expect, test } from 'vitest'
import { FarwatchError } from '../../base/index.ts'
import { failoverGiven } from './failover-start.ts'
import { resolveSettings } from './resolve.ts'

test('what the environment says of the pair is taken, and what it leaves out is left out', () => {
  expect([
    failoverGiven({
      FARWATCH_FAILOVER_ROLE: 'secondary',
      FARWATCH_FAILOVER_MODE: '',
      FARWATCH_FAILOVER_TIMEOUT: '20s',
    }),
    failoverGiven({
      FARWATCH_FAILOVER_ROLE: 'PRIMARY',
      FARWATCH_FAILOVER_MODE: 'ACTIVE',
      FARWATCH_FAILOVER_PEER_UUID: 'e71ac1f6-6c4a-4c7e-9c0e-0a1b2c3d4e5f',
      FARWATCH_FAILOVER_PEER_URL: 'https://a.example:8443',
      FARWATCH_FAILOVER_POLL: '1000',
    }),
    failoverGiven({ FARWATCH_ROLE: 'server' }),
  ]).toEqual([
    { role: 'SECONDARY', timeoutMs: 20_000 },
    {
      role: 'PRIMARY',
      mode: 'ACTIVE',
      peerUuid: 'e71ac1f6-6c4a-4c7e-9c0e-0a1b2c3d4e5f',
      peerUrl: 'https://a.example:8443',
      pollMs: 1_000,
    },
    {},
  ])
})

test('what cannot be meant is refused by the name of its variable, all of it at once', () => {
  let thrown: unknown
  try {
    failoverGiven({ FARWATCH_FAILOVER_ROLE: 'PRIMERY', FARWATCH_FAILOVER_TIMEOUT: '1s' })
  } catch (error) {
    thrown = error
  }
  const { code, problems } = thrown as FarwatchError
  expect([code, problems]).toEqual([
    'invalid-setting',
    [
      {
        path: 'FARWATCH_FAILOVER_ROLE',
        message: '"PRIMERY" is not one of the choices; it must be NONE, PRIMARY, SECONDARY',
        hint: 'Did you mean "PRIMARY"?',
      },
      {
        path: 'FARWATCH_FAILOVER_TIMEOUT',
        message:
          '"1s" is too small; it must be a whole number from 5000 to 3600000 (milliseconds), or a duration from 5s to 1h',
      },
    ],
  ])
})

test('the variables of the pair are known, and a slip in one is named', () => {
  expect(
    resolveSettings({ environment: { FARWATCH_FAILOVER_MODE: 'OFF', FARWATCH_FAILOVER_PER_UUID: 'x' } }).warnings,
  ).toEqual(['FARWATCH_FAILOVER_PER_UUID is not known and was ignored; did you mean FARWATCH_FAILOVER_PEER_UUID?'])
})
