import { defineMonitor, StatementRefused } from '../sdk/index.ts'

const metrics = {
  duration: { title: 'Connection, sign-in and search together', unit: 'ms' },
  connect: { title: 'Time until the connection was ready, TLS included', unit: 'ms' },
  bind: { title: 'Time of the sign-in', unit: 'ms' },
  search: { title: 'Time of the search', unit: 'ms' },
  entries: { title: 'Entries found', unit: '' },
} as const

export default defineMonitor({
  id: 'ldap.bind',
  title: 'LDAP sign-in and search',
  summary: 'Signs in to a directory as its users do, searches, and measures how long each takes.',
  connector: 'ldap',
  settings: {
    base: {
      kind: 'text',
      label: 'Search base',
      help: 'Empty: the entry in which the server describes itself, which everybody may read.',
      default: '',
      example: 'ou=people,dc=example,dc=org',
    },
    filter: {
      kind: 'text',
      label: 'Filter',
      help: 'As in RFC 4515.',
      default: '(objectClass=*)',
      example: '(uid=farwatch)',
    },
    scope: { kind: 'choice', label: 'Scope', of: ['base', 'one', 'sub'], default: 'sub' },
    maxEntries: {
      kind: 'number',
      label: 'Most entries',
      help: 'The search ends there; only their names are asked for.',
      integer: true,
      min: 1,
      max: 10_000,
      default: 100,
    },
  },
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no sign-in', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 5s' }, for: '1m' },
    { name: 'nothing found', metric: 'entries', thresholds: { WARNING: '< 1' } },
  ],
  thresholdsFrom: 'The catalogue: a failure is critical, 5 s are a warning.',
  needs: 'A user that may sign in and read the entries searched for; none where anonymous reading is allowed.',
  grant:
    'dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: to dn.subtree="ou=people,dc=example,dc=org" by dn.exact="cn=farwatch,dc=example,dc=org" search by * break',
  tryIt:
    '`farwatch check ldap.bind --set host=ldap1 --set username=cn=farwatch,dc=example,dc=org --set secret=… --set base=dc=example,dc=org`; a wrong password fails with `credentials`.',
  check: ({ filter }, path) =>
    filter.startsWith('(') && filter.endsWith(')')
      ? []
      : [
          {
            path: `${path}.filter`,
            message: 'is not a filter',
            hint: 'It stands in brackets, such as (uid=farwatch).',
          },
        ],
  async collect({ base, filter, scope, maxEntries }, { client, signal, now }) {
    return client.session(signal, async (session) => {
      const began = now()
      const spent = { connect: session.connect, bind: session.bind }
      try {
        const found = await session.search({
          base,
          // What the server says of itself stands in the root alone.
          scope: base === '' ? 'base' : scope,
          filter,
          attributes: ['1.1'],
          maxEntries,
        })
        const search = Math.max(0, now() - began)
        return {
          metrics: { ...spent, search, duration: spent.connect + spent.bind + search, entries: found.length },
          message: `signed in, ${found.length} entries found`,
        }
      } catch (thrown) {
        if (!(thrown instanceof StatementRefused)) throw thrown
        return {
          metrics: spent,
          failure: {
            reason: thrown.code === '32' || thrown.code === '34' ? 'configuration' : 'assertion',
            message: `${client.target}: the search was refused: ${thrown.message}`,
          },
        }
      }
    })
  },
})
