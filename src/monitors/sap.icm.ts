import { defineMonitor } from '../sdk/index.ts'
import { measured, shareOf } from './formats/measured.ts'
import { added, itemsByKey, numberOf, spared, unprotected, userNeeded } from './formats/sap.ts'

/** The Internet Communication Manager of an instance (SMICM). */
export default defineMonitor({
  id: 'sap.icm',
  title: 'SAP ICM',
  summary: 'Threads and connections of the Internet Communication Manager.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    threads: { title: 'Threads that serve requests', unit: '' },
    threads_busy: { title: 'Threads that are at a request', unit: '%' },
    requests: { title: 'Requests that the living threads have served', unit: '', kind: 'counter' },
    connections: { title: 'Connections', unit: '' },
    connections_by_protocol: { title: 'Connections by protocol and role', unit: '', items: ['protocol'] },
  },
  period: '2m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'threads used up',
      metric: 'threads_busy',
      thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' },
      of: '3 of 3',
    },
    { name: 'no threads', metric: 'threads', thresholds: { CRITICAL: '< 1' } },
  ],
  needs: userNeeded('To see threads and connections.'),
  grant: unprotected('ICMGetThreadList', 'ICMGetConnectionList'),
  thresholdsFrom: 'Our own judgement.',
  tryIt: '`farwatch check sap.icm --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const threads = await client.read('ICMGetThreadList', signal)
    if (threads.is === 'not asked') return spared(threads)
    const connections = await client.read('ICMGetConnectionList', signal)
    // The watchdog and its like serve nobody. Where a release gives its threads other names, they are all but those.
    const named = threads.rows.filter(({ name }) => /^(thread|worker)/i.test(name ?? ''))
    const others = threads.rows.filter(({ name }) => !/^watchdog/i.test(name ?? ''))
    const working = named.length === 0 ? others : named
    const busy = working.filter(({ status }) => !/^(available|idle|free|wait)/i.test(status ?? '')).length
    const byProtocol = new Map<string, number>()
    if (connections.is === 'answered')
      for (const { protocol, role } of connections.rows)
        added(
          byProtocol,
          [protocol || 'unknown', role]
            .filter((part) => part)
            .join(' ')
            .slice(0, 100),
          1,
        )
    return {
      metrics: measured({
        threads: working.length,
        threads_busy: shareOf(busy, working.length),
        requests: working.reduce((sum, { requests }) => sum + (numberOf(requests) ?? 0), 0),
        connections: connections.is === 'answered' ? connections.rows.length : undefined,
        connections_by_protocol: itemsByKey(byProtocol, 'protocol', 50),
      }),
      message: `${busy} of ${working.length} threads are busy${connections.is === 'answered' ? '' : `; ${connections.message}`}`,
    }
  },
})
