import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import availability from './hana.availability.ts'

const healthy = {
  'FROM SYS.M_SERVICES': [
    { host: 'hana1', port: 30003, service: 'indexserver', active: 1 },
    { host: 'hana1', port: 30001, service: 'nameserver', active: 1 },
  ],
  'FROM SYS.M_DATABASES': [
    { database: 'HDB', active: 1 },
    { database: 'SYSTEMDB', active: 1 },
  ],
  'AS UPTIME': [{ uptime: 86_400 }],
}
const run = (answers: Parameters<typeof hanaDatabase>[0]) =>
  collectOnce(availability, {}, { client: hanaDatabase(answers) })

test('services, databases and the time to sign in are measured, and nothing raises', async () => {
  const seen = await run(healthy)
  expectSound(availability, seen)
  expect([seen, judgedBy(availability, seen)]).toEqual([
    {
      metrics: {
        connect: 120,
        service: [
          { labels: { host: 'hana1', port: '30003', service: 'indexserver' }, value: 1 },
          { labels: { host: 'hana1', port: '30001', service: 'nameserver' }, value: 1 },
        ],
        services_inactive: 0,
        services_active: 2,
        database: [
          { labels: { database: 'HDB' }, value: 1 },
          { labels: { database: 'SYSTEMDB' }, value: 1 },
        ],
        databases_inactive: 0,
        uptime: 86_400,
      },
      facts: { version: '2.00.059.00', database: 'shop' },
    },
    {},
  ])
})

test('a stopped service, a stopped tenant and a restart raise', async () => {
  const seen = await run({
    'FROM SYS.M_SERVICES': [{ host: 'hana1', port: 30003, service: 'indexserver', active: 0 }],
    'FROM SYS.M_DATABASES': [{ database: 'HDB', active: 0 }],
    'AS UPTIME': [{ uptime: 20 }],
  })
  expect([seen.metrics['services_inactive'], judgedBy(availability, seen)]).toEqual([
    1,
    { 'service inactive': 'CRITICAL', 'database inactive': 'MAJOR', restarted: 'WARNING' },
  ])
})

test('a sign-in that takes long raises', async () => {
  const client = { ...hanaDatabase(healthy), signIn: async () => 1_200 }
  expect(judgedBy(availability, await collectOnce(availability, {}, { client }))).toEqual({ 'slow sign-in': 'WARNING' })
})

test('a view that may not be read is left out with words, and the others go on', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege: Not authorized')
  const seen = await run({ ...healthy, 'FROM SYS.M_DATABASES': refused })
  expect([seen.failure, seen.message, seen.metrics['services_active'], seen.metrics['database']]).toEqual([
    undefined,
    'left out: databases (insufficient privilege: Not authorized)',
    2,
    [],
  ])
})

test('a user who may read nothing is a matter of configuration', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ 'FROM SYS': refused })
  expect(seen.failure).toEqual({
    reason: 'configuration',
    message:
      'db1:5432 lets nothing be read: services (insufficient privilege); databases (insufficient privilege); uptime (insufficient privilege)',
  })
})

test('withstands whatever rows come', () => withstandsDamagedRows(availability, healthy))
