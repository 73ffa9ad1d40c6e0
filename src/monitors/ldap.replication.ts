import { defineMonitor, StatementRefused, TargetError, type Item, type LdapSession } from '../sdk/index.ts'

const metrics = {
  lag: { title: 'How far this server is behind the one it is compared with', unit: 's', items: ['server'] },
  behind: { title: 'This server lacks changes (1) or not (0)', unit: '', items: ['server'] },
  change_age: { title: 'Age of the newest change that this server knows', unit: 's' },
} as const

const maxServers = 100

/** `20261126061540.540445Z#000000#001#000000`: when a change was made, and by which server. */
const csnForm = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6}))?Z#[0-9a-f]{6}#([0-9a-f]{3})#[0-9a-f]{6}$/i

export default defineMonitor({
  id: 'ldap.replication',
  title: 'OpenLDAP replication',
  summary: 'Compares the newest changes (`contextCSN`) of this server with those of another one of the same directory.',
  connector: 'ldap',
  settings: {
    base: {
      kind: 'text',
      label: 'Suffix',
      help: 'The replicated part of the directory.',
      example: 'dc=example,dc=org',
    },
    provider: {
      kind: 'text',
      label: 'Compared with',
      help: 'Host of the server that is replicated from, or of another provider. It is asked with the same credential and TLS as this one.',
      maxLength: 253,
      pattern: '[A-Za-z0-9_][A-Za-z0-9_.\\-]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.%A-Za-z0-9]*',
      example: 'ldap1.example.org',
    },
    providerPort: { kind: 'number', label: 'Its port', integer: true, min: 1, max: 65535, default: 389 },
  },
  metrics,
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  rules: [
    { name: 'cannot be compared', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    // Between a change and its copy the figure is the time since the change before; only what lasts is a lag.
    { name: 'replication lag', metric: 'lag', thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' }, for: '2m' },
  ],
  thresholdsFrom: 'The catalogue’s 60 and 300 s of replication lag.',
  needs: 'A user on both servers that may read the operational attribute `contextCSN` of the suffix.',
  grant:
    'dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: to dn.base="dc=example,dc=org" attrs=entry,contextCSN by dn.exact="cn=farwatch,dc=example,dc=org" read by * break',
  tryIt:
    '`farwatch check ldap.replication --set host=ldap2 --set provider=ldap1 --set base=dc=example,dc=org --set username=… --set secret=…`. Stop the consumer’s network, write to the provider, and `replication lag` raises.',
  async collect({ base, provider, providerPort }, { client, signal, now }) {
    const newest = (who: string) => async (session: LdapSession) => {
      try {
        const [entry] = await session.search({
          base,
          scope: 'base',
          filter: '(objectClass=*)',
          attributes: ['contextCSN'],
          maxEntries: 1,
        })
        const changes = readChanges(entry?.attributes['contextcsn'] ?? [])
        if (changes.size > 0) return changes
      } catch (thrown) {
        if (!(thrown instanceof StatementRefused)) throw thrown
        throw new TargetError('configuration', `${who}: contextCSN of ${base} was refused: ${thrown.message}`, {
          cause: thrown,
        })
      }
      throw new TargetError('configuration', `${who} shows no contextCSN for ${base} to this user`)
    }
    // The provider first: what reaches both in between must not look like a lag.
    const theirs = await client.session(signal, newest(provider), { host: provider, port: providerPort })
    const ours = await client.session(signal, newest(client.target))
    const lag: Item[] = []
    const behind: Item[] = []
    for (const [server, at] of theirs) {
      const known = ours.get(server)
      const labels = { server }
      const missing = known === undefined || known < at
      behind.push({ labels, value: Number(missing) })
      // A server whose changes never came is as far behind as its newest change is old.
      lag.push({ labels, value: missing ? Math.max(0, (known === undefined ? now() - at : at - known) / 1000) : 0 })
    }
    const last = Math.max(...ours.values())
    const worst = Math.max(0, ...lag.map((one) => one.value))
    return {
      metrics: { lag, behind, change_age: Math.max(0, (now() - last) / 1000) },
      message: worst === 0 ? `has all changes of ${provider}` : `lacks changes of ${provider}`,
    }
  },
})

/** The newest change of each server, in epoch milliseconds with fractions. What is none is passed over. */
export function readChanges(texts: readonly string[]): Map<string, number> {
  const changes = new Map<string, number>()
  for (const text of texts.slice(0, maxServers)) {
    const found = csnForm.exec(text)
    if (found === null) continue
    const [, year, month, day, hour, minute, second, fraction = '', server] = found
    const at = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
    changes.set(server!.toLowerCase(), at + Number(fraction.padEnd(6, '0')) / 1000)
  }
  return changes
}
