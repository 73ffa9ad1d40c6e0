import { defineMonitor, snmpMaker, TargetError, type SnmpValue } from '../sdk/index.ts'

const oids = {
  description: '1.3.6.1.2.1.1.1.0',
  kind: '1.3.6.1.2.1.1.2.0',
  agentUptime: '1.3.6.1.2.1.1.3.0',
  contact: '1.3.6.1.2.1.1.4.0',
  name: '1.3.6.1.2.1.1.5.0',
  location: '1.3.6.1.2.1.1.6.0',
  engineTime: '1.3.6.1.6.3.10.2.1.3.0',
} as const

/** Whether a device answers, what it says it is, and since when it runs. */
export default defineMonitor({
  id: 'snmp.system',
  title: 'Device by SNMP',
  summary: 'Whether a device answers to SNMP, how fast, what it is and since when it runs.',
  connector: 'snmp',
  settings: {},
  metrics: {
    response: { title: 'Time until the answer', unit: 'ms' },
    uptime: { title: 'Time since the device, or what answers for it, started', unit: 's' },
  },
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  thresholdsFrom: 'Our own judgement: no answer is CRITICAL.',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow answer', metric: 'response', thresholds: { WARNING: '> 1s' }, for: '5m' },
    { name: 'device restarted', metric: 'uptime', thresholds: { WARNING: '< 5m' } },
  ],
  needs: 'A community or a user that may read the system group (1.3.6.1.2.1.1).',
  grant: [
    '# net-snmp: /etc/snmp/snmpd.conf, for version 3 and for 2c',
    'createUser farwatch SHA-256 "a long passphrase" AES "another passphrase"',
    'rouser farwatch priv',
    'rocommunity a-secret-word 10.0.0.0/24',
    '',
    '! Cisco IOS',
    'snmp-server group farwatch v3 priv',
    'snmp-server user farwatch farwatch v3 auth sha A-LONG-PASSPHRASE priv aes 128 ANOTHER-PASSPHRASE',
  ].join('\n'),
  tryIt: 'Stop the agent on the device (`systemctl stop snmpd`), or restart it.',
  async collect(_, { client, signal, now }) {
    const begun = now()
    const seen = await client.get(Object.values(oids), signal)
    const response = now() - begun
    if (seen.size === 0)
      throw new TargetError(
        'credentials',
        `${client.target} answers, and shows nothing of its system group to this user`,
      )
    const kind = text(seen.get(oids.kind))
    const maker = kind === undefined ? undefined : snmpMaker(kind)
    return {
      metrics: { response, ...uptimeOf(seen) },
      facts: {
        ...fact('name', text(seen.get(oids.name))),
        ...fact('description', text(seen.get(oids.description))),
        ...fact('kind', kind),
        ...fact('maker', maker),
        ...fact('contact', text(seen.get(oids.contact))),
        ...fact('location', text(seen.get(oids.location))),
      },
    }
  },
})

/**
 * The agent's own hundredths of a second begin anew after 497 days; the seconds of the engine of version 3 then say more.
 */
function uptimeOf(seen: ReadonlyMap<string, SnmpValue>): { readonly uptime?: number } {
  const [ticks, engine] = [numberOf(seen.get(oids.agentUptime)), numberOf(seen.get(oids.engineTime))]
  if (ticks === undefined) return engine === undefined ? {} : { uptime: engine }
  const agent = ticks / 100
  const wrapped = 2 ** 32 / 100
  return { uptime: engine !== undefined && engine > wrapped && engine > agent ? engine : agent }
}

function numberOf(value: SnmpValue | undefined): number | undefined {
  return typeof value?.value === 'number' ? value.value : undefined
}

function text(value: SnmpValue | undefined): string | undefined {
  return typeof value?.value === 'string' && value.value !== '' ? value.value : undefined
}

function fact<const K extends string>(name: K, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: value.replace(/\s+/g, ' ').trim().slice(0, 500) }
}
