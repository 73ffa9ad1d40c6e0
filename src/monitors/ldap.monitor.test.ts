import { expect, test } from 'vitest'
import { StatementRefused, type LdapClient, type LdapEntry } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import ldapMonitor from './ldap.monitor.ts'

const entry = (dn: string, attributes: Record<string, string>): LdapEntry => ({
  dn,
  attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, [value]])),
})
const counted = (dn: string, value: number) => entry(dn, { monitorcounter: String(value) })

// As slapd 2.5 answers.
const healthy: Record<string, LdapEntry[]> = {
  Connections: [
    counted('cn=Max File Descriptors,cn=Connections,cn=Monitor', 1_000),
    counted('cn=Total,cn=Connections,cn=Monitor', 70),
    counted('cn=Current,cn=Connections,cn=Monitor', 20),
  ],
  Operations: [
    entry('cn=Operations,cn=Monitor', { monitoropinitiated: '55', monitoropcompleted: '54' }),
    entry('cn=Bind,cn=Operations,cn=Monitor', { monitoropinitiated: '20', monitoropcompleted: '20' }),
  ],
  Threads: [
    entry('cn=Max,cn=Threads,cn=Monitor', { monitoredinfo: '16' }),
    entry('cn=Active,cn=Threads,cn=Monitor', { monitoredinfo: '4' }),
  ],
  Databases: [
    entry('cn=Frontend,cn=Databases,cn=Monitor', { namingcontexts: '' }),
    entry('cn=Database 1,cn=Databases,cn=Monitor', {
      namingcontexts: 'dc=example',
      olmmdbpagesmax: '2560',
      olmmdbpagesused: '256',
      olmmdbentries: '3',
    }),
  ],
}

const directory = (entries: Readonly<Record<string, LdapEntry[] | Error>>): LdapClient => ({
  target: 'ldap1:389',
  session: (_, use) =>
    use({
      connect: 2,
      bind: 3,
      search: async ({ base }) => {
        const part = entries[/^cn=(\w+)/.exec(base)![1]!] ?? []
        if (part instanceof Error) throw part
        return part
      },
    }),
})

test('a server at rest', async () => {
  const seen = await collectOnce(ldapMonitor, {}, { client: directory(healthy) })
  expectSound(ldapMonitor, seen)
  expect([seen.metrics, judgedBy(ldapMonitor, seen)]).toEqual([
    {
      connections: 20,
      connections_total: 70,
      files_used: 2,
      operations: [{ labels: { operation: 'bind' }, value: 20 }],
      operations_open: 1,
      threads_active: 4,
      threads_used: 25,
      waiters: [],
      database_used: [{ labels: { database: 'dc=example' }, value: 10 }],
      database_entries: [{ labels: { database: 'dc=example' }, value: 3 }],
    },
    {},
  ])
})

test('threads that are all at work raise', async () => {
  const busy = [
    entry('cn=Max,cn=Threads,cn=Monitor', { monitoredinfo: '16' }),
    entry('cn=Active,cn=Threads,cn=Monitor', { monitoredinfo: '16' }),
  ]
  const seen = await collectOnce(ldapMonitor, {}, { client: directory({ ...healthy, Threads: busy }) })
  expect(judgedBy(ldapMonitor, seen)).toEqual({ threads: 'WARNING' })
})

test('what is used up raises', async () => {
  const ill = {
    ...healthy,
    Connections: [
      counted('cn=Max File Descriptors,cn=Connections,cn=Monitor', 1_000),
      counted('cn=Current,cn=Connections,cn=Monitor', 990),
    ],
    Databases: [
      entry('cn=Database 1,cn=Databases,cn=Monitor', {
        namingcontexts: 'dc=example',
        olmmdbpagesmax: '100',
        olmmdbpagesused: '85',
      }),
    ],
  }
  const seen = await collectOnce(ldapMonitor, {}, { client: directory(ill) })
  expect(judgedBy(ldapMonitor, seen)).toEqual({ 'file descriptors': 'CRITICAL', 'database full': 'WARNING' })
})

test('a part that may not be read is left out and named', async () => {
  const client = directory({ ...healthy, Threads: new StatementRefused('50', 'not allowed (50)') })
  const seen = await collectOnce(ldapMonitor, {}, { client })
  expect([seen.facts, seen.metrics['threads_active'], seen.metrics['connections']]).toEqual([
    { missing: 'threads (not allowed (50))' },
    undefined,
    20,
  ])
})

test('whatever the texts are, the outcome is clear', () => {
  // The client gives names and texts, so that only those vary.
  const texts = mutated(Object.values(healthy).flatMap((part) => part.flatMap((one) => Object.values(one.attributes))))
  return expectClearOutcomes(ldapMonitor, texts, (values) =>
    directory(
      Object.fromEntries(
        Object.entries(healthy).map(([part, entries]) => [
          part,
          entries.map((one) => ({
            ...one,
            attributes: Object.fromEntries(
              Object.keys(one.attributes).map((name, i) => [name, [String((values as unknown[] | null)?.[i])]]),
            ),
          })),
        ]),
      ),
    ),
  )
})
