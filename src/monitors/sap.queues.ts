import { defineMonitor } from '../sdk/index.ts'
import { shareOf } from './formats/measured.ts'
import { namedItems, namesOf, numberOf, spared, unprotected, userNeeded } from './formats/sap.ts'

/** The queues of the dispatcher: what waits for a work process. */
export default defineMonitor({
  id: 'sap.queues',
  title: 'SAP dispatcher queues',
  summary: 'What waits in the queues of the dispatcher and the ICM of an ABAP instance.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    now: { title: 'Requests that wait', unit: '', items: ['queue'] },
    high: { title: 'Most that ever waited', unit: '', items: ['queue'] },
    max: { title: 'Most that may wait', unit: '', items: ['queue'] },
    fill: { title: 'Requests that wait, of those that may', unit: '%', items: ['queue'] },
    writes: { title: 'Requests put into the queue', unit: '', kind: 'counter', items: ['queue'] },
    reads: { title: 'Requests taken out of the queue', unit: '', kind: 'counter', items: ['queue'] },
  },
  period: '1m',
  timeout: '15s',
  tested: 'recorded data',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'requests wait', metric: 'now', thresholds: { WARNING: '> 5', CRITICAL: '> 50' }, of: '3 of 3' },
    { name: 'queue fills', metric: 'fill', thresholds: { WARNING: '> 50%', CRITICAL: '> 80%' } },
  ],
  needs: userNeeded('To see the queues.'),
  grant: unprotected('GetQueueStatistic'),
  thresholdsFrom: 'Our own judgement, from what public tools alert on: anything that waits for three polls.',
  tryIt: '`farwatch check sap.queues --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const seen = await client.read('GetQueueStatistic', signal)
    if (seen.is === 'not asked') return spared(seen)
    const { rows } = seen
    const names = namesOf(rows, ({ Typ }) => Typ)
    const items = (field: 'Now' | 'High' | 'Max' | 'Writes' | 'Reads') =>
      namedItems(rows, 'queue', names, (row) => numberOf(row[field]))
    const waiting = rows.flatMap(({ Now }, place) => ((numberOf(Now) ?? 0) > 0 ? [`${names[place]}: ${Now}`] : []))
    return {
      metrics: {
        now: items('Now'),
        high: items('High'),
        max: items('Max'),
        fill: namedItems(rows, 'queue', names, ({ Now, Max }) => shareOf(numberOf(Now), numberOf(Max))),
        writes: items('Writes'),
        reads: items('Reads'),
      },
      message: waiting.length === 0 ? 'nothing waits' : waiting.join(', ').slice(0, 900),
    }
  },
})
