import { defineMonitor, TargetError, type Item, type LdapEntry } from '../sdk/index.ts'
import { itemsOf, measured, shareOf } from './formats/measured.ts'
import { Parts } from './formats/parts.ts'

const metrics = {
  connections: { title: 'Connections open', unit: '' },
  connections_total: { title: 'Connections opened', unit: '', kind: 'counter' },
  files_used: { title: 'Connections of the file descriptors allowed', unit: '%' },
  operations: { title: 'Operations completed', unit: '', kind: 'counter', items: ['operation'] },
  operations_open: { title: 'Operations begun and not completed', unit: '' },
  threads_active: { title: 'Threads at work', unit: '' },
  threads_used: { title: 'Threads at work of those allowed', unit: '%' },
  threads_backload: { title: 'Operations at work or waiting for a thread', unit: '' },
  bytes_sent: { title: 'Sent', unit: 'B', kind: 'counter' },
  entries_sent: { title: 'Entries sent', unit: '', kind: 'counter' },
  waiters: { title: 'Connections that wait to read or write', unit: '', items: ['direction'] },
  database_used: { title: 'Pages of the largest allowed size', unit: '%', items: ['database'] },
  database_entries: { title: 'Entries of a database', unit: '', items: ['database'] },
  uptime: { title: 'Time since the start', unit: 's' },
} as const

const maxEntries = 2_000
const wanted = [
  'monitorCounter',
  'monitorOpInitiated',
  'monitorOpCompleted',
  'monitoredInfo',
  'namingContexts',
  'olmMDBPagesMax',
  'olmMDBPagesUsed',
  'olmMDBEntries',
]

export default defineMonitor({
  id: 'ldap.monitor',
  title: 'OpenLDAP server',
  summary: 'Connections, operations, threads and databases, from OpenLDAP’s own `cn=Monitor`.',
  connector: 'ldap',
  settings: {},
  metrics,
  period: '1m',
  timeout: '10s',
  optIn: 'OpenLDAP alone has these figures, and shows them to nobody unless it is told to.',
  tested: 'real server',
  rules: [
    { name: 'no figures', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'file descriptors', metric: 'files_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'threads', metric: 'threads_used', thresholds: { WARNING: '> 95%' }, for: '5m' },
    { name: 'database full', metric: 'database_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
  ],
  thresholdsFrom:
    'The catalogue: 80 and 95 % of whatever can be used up. All threads at work for five minutes: our own judgement.',
  needs: 'The monitor backend (`database monitor`), and a user that may read `cn=Monitor`.',
  grant:
    'dn: olcDatabase={1}monitor,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: to dn.subtree="cn=Monitor" by dn.exact="cn=farwatch,dc=example,dc=org" read by * none',
  tryIt: '`farwatch check ldap.monitor --set host=ldap1 --set username=cn=farwatch,dc=example,dc=org --set secret=…`.',
  async collect(_, { client, signal }) {
    return client.session(signal, async (session) => {
      const parts = new Parts()
      const read = async (part: string, base: string) =>
        (await parts.read(part, () =>
          session.search({ base, scope: 'sub', filter: '(objectClass=*)', attributes: wanted, maxEntries }),
        )) ?? []
      // Below Connections each client has an entry of its own, of which there may be thousands; the three that count have a class.
      const connections =
        (await parts.read('connections', () =>
          session.search({
            base: 'cn=Connections,cn=Monitor',
            scope: 'one',
            filter: '(objectClass=monitorCounterObject)',
            attributes: wanted,
            maxEntries,
          }),
        )) ?? []
      const operations = await read('operations', 'cn=Operations,cn=Monitor')
      const threads = await read('threads', 'cn=Threads,cn=Monitor')
      const statistics = await read('statistics', 'cn=Statistics,cn=Monitor')
      const waiters = await read('waiters', 'cn=Waiters,cn=Monitor')
      const databases = await read('databases', 'cn=Databases,cn=Monitor')
      const times = await read('time', 'cn=Time,cn=Monitor')
      const all = [...connections, ...operations, ...threads, ...statistics, ...waiters, ...databases]
      if (all.length === 0)
        throw new TargetError(
          'configuration',
          `${client.target} shows nothing below cn=Monitor to this user: ${parts.missing[0] ?? 'no right to read it'}`,
        )
      const current = counter(connections, 'current')
      const files = counter(connections, 'max file descriptors')
      const active = info(threads, 'active')
      const most = info(threads, 'max')
      const sum = operations.find((entry) => nameOf(entry) === 'operations')
      const begun = numberOf(sum, 'monitoropinitiated')
      const completed = numberOf(sum, 'monitoropcompleted')
      const about = parts.about(current === undefined ? 'its own figures' : `${current} connections`)
      return {
        metrics: measured({
          connections: current,
          connections_total: counter(connections, 'total'),
          files_used: shareOf(current, files),
          operations: operations.flatMap((entry): Item[] => {
            const done = numberOf(entry, 'monitoropcompleted')
            const operation = nameOf(entry)
            return done === undefined || operation === 'operations' ? [] : [{ labels: { operation }, value: done }]
          }),
          operations_open: begun === undefined || completed === undefined ? undefined : begun - completed,
          threads_active: active,
          threads_used: shareOf(active, most),
          threads_backload: info(threads, 'backload'),
          bytes_sent: counter(statistics, 'bytes'),
          entries_sent: counter(statistics, 'entries'),
          waiters: ['read', 'write'].flatMap((direction): Item[] => {
            const value = counter(waiters, direction)
            return value === undefined ? [] : [{ labels: { direction }, value }]
          }),
          database_used: eachDatabase(databases, (entry) =>
            shareOf(numberOf(entry, 'olmmdbpagesused'), numberOf(entry, 'olmmdbpagesmax')),
          ),
          database_entries: eachDatabase(databases, (entry) => numberOf(entry, 'olmmdbentries')),
          uptime: info(times, 'uptime'),
        }),
        ...about,
      }
    })
  },
})

/** `cn=Max File Descriptors,cn=Connections,cn=Monitor` is `max file descriptors`. */
function nameOf({ dn }: LdapEntry): string {
  return (/^cn=([^,]+)/i.exec(dn)?.[1] ?? '').toLowerCase().slice(0, 200)
}

function numberOf(entry: LdapEntry | undefined, attribute: string): number | undefined {
  const text = entry?.attributes[attribute]?.[0]
  // Counters have at most twenty digits, of 64 bits; more is nonsense.
  return text === undefined || !/^\d{1,20}$/.test(text) ? undefined : Number(text)
}

const counter = (entries: readonly LdapEntry[], name: string) =>
  numberOf(
    entries.find((entry) => nameOf(entry) === name),
    'monitorcounter',
  )

/** Threads and the uptime stand under another attribute than what is counted. */
const info = (entries: readonly LdapEntry[], name: string) =>
  numberOf(
    entries.find((entry) => nameOf(entry) === name),
    'monitoredinfo',
  )

function eachDatabase(entries: readonly LdapEntry[], value: (entry: LdapEntry) => number | undefined): Item[] {
  const named = entries.filter((entry) => (entry.attributes['namingcontexts']?.[0] ?? '') !== '')
  return itemsOf(named, (entry) => ({ database: entry.attributes['namingcontexts']![0]!.slice(0, 200) }), value)
}
