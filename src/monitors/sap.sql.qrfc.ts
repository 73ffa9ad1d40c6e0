import { defineMonitor, sqlConnectors, type SqlRow } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'
import { itemsIn, sumIn, textIn } from './formats/sql-parts.ts'

/** States in which a queue goes on only when somebody does something: it failed, or was stopped. */
const stuck = ['SYSFAIL', 'CPICERR', 'ANORETRY', 'STOP', 'SYSLOAD', 'RETRY', 'ARETRY']

/** Queues of calls (SMQ1, SMQ2), from the tables TRFCQOUT and TRFCQIN. */
export default defineMonitor({
  id: 'sap.sql.qrfc',
  title: 'ABAP queued RFC (SQL)',
  summary: 'Depth and state of outbound and inbound queues, and the age of their oldest entry.',
  connector: sqlConnectors,
  settings: {
    ...sapSettings,
    queues: includeSetting('Queues', 'Their names, or patterns of them.'),
    excludeQueues: excludeSetting('Queues left out', 'Their names, or patterns of them.'),
  },
  metrics: {
    depth: { title: 'Entries of a queue', unit: '', items: ['direction', 'queue', 'destination'] },
    stuck: { title: 'Entries of a queue that stand', unit: '', items: ['direction', 'queue', 'destination'] },
    age: { title: 'Age of the oldest entry of a queue', unit: 's', items: ['direction', 'queue', 'destination'] },
    entries: { title: 'Entries of all queues', unit: '', items: ['direction'] },
    queues_stuck: { title: 'Queues that stand', unit: '', items: ['direction'] },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'queue stands', metric: 'stuck', thresholds: { WARNING: '>= 1' }, of: '2 of 3' },
    { name: 'queue long', metric: 'depth', thresholds: { WARNING: '> 1000', CRITICAL: '> 10000' } },
  ],
  needs: sapNeeds('TRFCQOUT and TRFCQIN'),
  grant: sapGrant('TRFCQOUT', 'TRFCQIN'),
  thresholdsFrom: 'SAP Focused Run; our own judgement',
  tryIt: `${sapTry('sap.sql.qrfc')}; to see it raise, lock a queue in SMQ1`,
  check: ({ queues, excludeQueues }, path) => selectionProblems({ queues, excludeQueues }, path),
  collect(settings, { client, signal }) {
    return readSap(settings, client, signal, async (sap) => {
      const wanted = selects(settings.queues, settings.excludeQueues)
      const read = async (direction: 'in' | 'out', table: string, destination: string) => {
        const rows = await sap.parts.read(
          direction === 'out' ? 'outbound queues' : 'inbound queues',
          `SELECT QNAME AS queue, ${destination} AS destination, COUNT(*) AS amount,
                  SUM(CASE WHEN QSTATE IN (${stuck.map((one) => `'${one}'`).join(', ')}) THEN 1 ELSE 0 END) AS stuck,
                  MIN(CONCAT(QRFCDATUM, QRFCUZEIT)) AS oldest
             FROM ${sap.table(table)} WHERE 1 = 1${sap.ofClient('MANDT')}
            GROUP BY QNAME${destination === "''" ? '' : `, ${destination}`} ORDER BY COUNT(*) DESC`,
        )
        return rows?.filter((row) => wanted(textIn(row, 'queue'))).map((row): SqlRow => ({ ...row, direction }))
      }
      const out = await read('out', 'TRFCQOUT', 'DEST')
      const inbound = await read('in', 'TRFCQIN', "''")
      const all = [...(out ?? []), ...(inbound ?? [])]
      const labels = ['direction', 'queue', 'destination']
      const both = (of: (rows: readonly SqlRow[]) => number) =>
        [['out', out] as const, ['in', inbound] as const].flatMap(([direction, rows]) =>
          rows === undefined ? [] : [{ labels: { direction }, value: of(rows) }],
        )
      return {
        metrics: measured({
          depth: itemsIn(all, 'amount', labels),
          stuck: itemsIn(all, 'stuck', labels),
          age: itemsIn(all, (row) => sap.age(row, 'oldest'), labels),
          entries: both((rows) => sumIn(rows, 'amount') ?? 0),
          queues_stuck: both((rows) => rows.filter((row) => Number(row['stuck']) > 0).length),
        }),
      }
    })
  },
})
