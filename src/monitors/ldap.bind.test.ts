import { expect, test } from 'vitest'
import { checkDeclared, StatementRefused, type LdapClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import ldapBind from './ldap.bind.ts'

const directory = (entries: number | Error, bind = 3): LdapClient => ({
  target: 'ldap1:389',
  session: (_, use) =>
    use({
      connect: 2,
      bind,
      search: async () => {
        if (entries instanceof Error) throw entries
        return Array.from({ length: entries }, (_, i) => ({ dn: `cn=${i}`, attributes: {} }))
      },
    }),
})

// directory → what raises
const seen: [string, LdapClient, Record<string, string>][] = [
  ['quick', directory(2), {}],
  ['slow to sign in', directory(2, 6_000), { slow: 'WARNING' }],
  ['empty', directory(0), { 'nothing found': 'WARNING' }],
  ['that refuses the search', directory(new StatementRefused('50', 'not allowed (50)')), { 'no sign-in': 'CRITICAL' }],
]
test.each(seen)('a directory that is %s', async (_, client, raised) => {
  const gathered = await collectOnce(ldapBind, { base: 'dc=example' }, { client })
  expectSound(ldapBind, gathered)
  expect(judgedBy(ldapBind, gathered)).toEqual(raised)
})

test('a filter without brackets is refused', () => {
  const checked = checkDeclared(ldapBind, { filter: 'uid=anna' }, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => one.path)).toEqual(['settings.filter'])
})
