import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkDeclared, type SqlRow } from '../../sdk/index.ts'
import { hanaDatabase } from '../../sdk/testing.ts'
import hana from '../hana.ts'
import { tenantsOf, type AskedPlace } from './tenants.ts'

const place: AskedPlace = {
  host: 'db.example',
  instance: 7,
  port: undefined,
  tenant: undefined,
  tls: 'verify',
  trustedCertificates: undefined,
}
const named = (rows: readonly SqlRow[], more: Partial<AskedPlace> = {}) =>
  tenantsOf({ ...place, ...more }, hanaDatabase({ SYS_DATABASES: rows }), AbortSignal.timeout(5_000))

const own = { name: 'SYSTEMDB', host: 'hana1', port: 30_713, service: 'nameserver' }
const tenant = (name: string, host: string, port: number | null) => ({ name, host, port, service: 'indexserver' })

// what the view says → name and settings of what is proposed
const views: [string, readonly SqlRow[], readonly (readonly [string, object])[]][] = [
  ['a tenant here', [own, tenant('HDB', 'hana1', 30_715)], [['hana-07-HDB', { host: 'db.example', port: 30_715 }]]],
  ['one on another host', [own, tenant('PRD', 'hana2', 30_741)], [['hana-07-PRD', { host: 'hana2', port: 30_741 }]]],
  ['one that is stopped', [own, tenant('QAS', 'hana1', 0), tenant('DEV', 'hana1', null)], []],
  [
    'one twice',
    [own, tenant('HDB', 'hana1', 30_715), tenant('HDB', 'hana1', 30_716)],
    [['hana-07-HDB', { host: 'db.example', port: 30_715 }]],
  ],
  ['names that are none', [own, tenant('a b', 'hana1', 30_715), tenant('', 'hana1', 30_715)], []],
  ['none', [own], []],
]
test.each(views)('%s', async (_, rows, wanted) => {
  expect((await named(rows)).map(({ name, settings }) => [name, settings])).toEqual(wanted)
})

// where the connector leads → whether it is asked at all
const places: [Partial<AskedPlace>, string[]][] = [
  [{ port: 30_713 }, ['hana-07-HDB']],
  [{ tenant: 'SYSTEMDB', tls: 'require' }, ['hana-07-HDB']],
  [{ tenant: 'HDB' }, []],
  [{ port: 30_715 }, []],
  [{ port: 443 }, []],
]
test.each(places)('%j', async (more, names) => {
  const found = await named([own, tenant('HDB', 'hana1', 30_715)], more)
  expect(found.map(({ name, settings }) => [name, settings['tls']])).toEqual(names.map((name) => [name, more.tls]))
})

test('whatever the view says, what is proposed can be configured', async () => {
  const value = fc.oneof(
    fc.string(),
    fc.double(),
    fc.integer({ min: -5, max: 70_000 }),
    fc.constantFrom('indexserver', 'HDB', null, true),
  )
  const row = fc.dictionary(fc.constantFrom('name', 'host', 'port', 'service'), value)
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
      const found = await named(rows)
      expect(found.filter(({ settings }) => !checkDeclared(hana, settings, 'connector').ok)).toEqual([])
    }),
  )
})
