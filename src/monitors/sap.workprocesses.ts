import { defineMonitor, type Item } from '../sdk/index.ts'
import { shareOf } from './formats/measured.ts'
import { added, itemsByKey, numberOf, spared, unprotected, userNeeded } from './formats/sap.ts'

/** The work processes of an ABAP instance (transaction SM50), counted. */
export default defineMonitor({
  id: 'sap.workprocesses',
  title: 'SAP work processes',
  summary:
    'Work processes of an ABAP instance by type and status, how many are busy, in private mode, ended, and their errors.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    processes: { title: 'Work processes by type and status', unit: '', items: ['type', 'status'] },
    busy: { title: 'Work processes that are not waiting, of those that live', unit: '%', items: ['type'] },
    free: { title: 'Work processes that wait for work', unit: '', items: ['type'] },
    ended: { title: 'Work processes that ended and were not started again', unit: '' },
    private: { title: 'Work processes in private mode (PRIV)', unit: '' },
    errors: { title: 'Work processes that died since the instance was started', unit: '' },
  },
  period: '1m',
  timeout: '15s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'dialog busy',
      metric: 'busy',
      items: { type: 'DIA' },
      thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' },
      of: '3 of 3',
    },
    { name: 'batch busy', metric: 'busy', items: { type: 'BTC' }, thresholds: { WARNING: '> 90%' }, of: '3 of 3' },
    {
      name: 'update busy',
      metric: 'busy',
      items: { type: 'UPD, UP2' },
      thresholds: { WARNING: '> 90%' },
      of: '3 of 3',
    },
    { name: 'process ended', metric: 'ended', thresholds: { CRITICAL: '>= 1' } },
    { name: 'private mode', metric: 'private', thresholds: { WARNING: '>= 1' }, of: '3 of 3' },
  ],
  needs: userNeeded('To see the work processes.'),
  grant: unprotected('ABAPGetWPTable'),
  thresholdsFrom: 'Our own judgement, near what public exporters alert on.',
  tryIt: '`farwatch check sap.workprocesses --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const seen = await client.read('ABAPGetWPTable', signal)
    if (seen.is === 'not asked') return spared(seen)
    const byStatus = new Map<string, number>()
    const living = new Map<string, number>()
    const waiting = new Map<string, number>()
    let ended = 0
    let inPrivate = 0
    let errors = 0
    for (const { Typ, Status, Reason, Err } of seen.rows) {
      const type = (Typ ?? 'unknown').slice(0, 20) || 'unknown'
      const status = (Status ?? 'unknown').slice(0, 40) || 'unknown'
      added(byStatus, JSON.stringify([type, status]), 1)
      errors += numberOf(Err) ?? 0
      if (/^priv/i.test(Reason ?? '')) inPrivate++
      if (/^(ended|killed|shutdown)/i.test(status)) {
        ended++
        continue
      }
      added(living, type, 1)
      added(waiting, type, /^wait/i.test(status) ? 1 : 0)
    }
    const busy: Item[] = [...living].flatMap(([type, count]) => {
      const share = shareOf(count - (waiting.get(type) ?? 0), count)
      return share === undefined ? [] : [{ labels: { type }, value: share }]
    })
    return {
      metrics: {
        processes: [...byStatus].slice(0, 500).map(([key, value]) => {
          // Written above.
          const [type, status] = JSON.parse(key) as [string, string]
          return { labels: { type, status }, value }
        }),
        busy,
        free: itemsByKey(waiting, 'type'),
        ended,
        private: inPrivate,
        errors,
      },
      message: busy
        .map(({ labels, value }) => `${labels['type']} ${Math.round(value)} % busy`)
        .join(', ')
        .slice(0, 900),
    }
  },
})
