import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LdapClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import ldapReplication, { readChanges } from './ldap.replication.ts'

const csn = (time: string, server = '000') => `${time}Z#000000#${server}#000000`
const settings = { base: 'dc=example', provider: 'ldap1' }
const now = () => Date.UTC(2026, 10, 26, 12, 10)

const directories = (theirs: string[], ours: string[]): LdapClient => ({
  target: 'ldap2:389',
  session: (_, use, elsewhere) =>
    use({
      connect: 1,
      bind: 1,
      search: async () => [{ dn: 'dc=example', attributes: { contextcsn: elsewhere === undefined ? ours : theirs } }],
    }),
})

// provider's changes, own changes → lag in seconds, what raises
const stories: [string, string[], string[], Record<string, number>, Record<string, string>][] = [
  ['equal', [csn('20261126120000.5')], [csn('20261126120000.500000')], { '000': 0 }, {}],
  ['ahead of the provider', [csn('20261126120000')], [csn('20261126120001')], { '000': 0 }, {}],
  ['a little behind', [csn('20261126120030.25')], [csn('20261126120000')], { '000': 30.25 }, {}],
  [
    'behind on one of two servers',
    [csn('20261126120000', '001'), csn('20261126120200', '002')],
    [csn('20261126120000', '001'), csn('20261126120000', '002')],
    { '001': 0, '002': 120 },
    { 'replication lag': 'WARNING' },
  ],
  [
    'without any change of a server',
    [csn('20261126120000', '001'), csn('20261126120000', '002')],
    [csn('20261126120000', '001')],
    { '001': 0, '002': 600 },
    { 'replication lag': 'CRITICAL' },
  ],
]
test.each(stories)('a consumer %s', async (_, theirs, ours, lag, raised) => {
  const seen = await collectOnce(ldapReplication, settings, { client: directories(theirs, ours), now })
  expectSound(ldapReplication, seen)
  const items = Object.fromEntries(
    Object.values(seen.metrics['lag'] as { labels: { server: string }; value: number }[]).map((one) => [
      one.labels.server,
      one.value,
    ]),
  )
  expect([items, judgedBy(ldapReplication, seen)]).toEqual([lag, raised])
})

test('a server that shows no changes cannot be compared', async () => {
  const run = collectOnce(ldapReplication, settings, { client: directories([csn('20261126120000')], []), now })
  await expect(run).rejects.toThrow('ldap2:389 shows no contextCSN for dc=example to this user')
})

test('any text is read or passed over', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.stringMatching(/^\d{14}(\.\d{1,6})?Z#\w{6}#\w{3}#\w{6}$/))),
      (texts) => [...readChanges(texts).values()].every(Number.isFinite),
    ),
  )
})
