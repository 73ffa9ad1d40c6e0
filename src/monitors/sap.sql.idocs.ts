import { defineMonitor, sqlConnectors } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'
import { itemsIn, sumIn, textIn } from './formats/sql-parts.ts'

/** IDocs whose processing failed, and those that wait for it, by their status. */
const failed = { out: ['02', '04', '05', '25', '26', '29', '32', '37'], in: ['51', '56', '60', '61', '63', '65'] }
const waiting = ['30', '64', '66']

/** Documents that are exchanged with others (WE02, BD87), from the table EDIDC. */
export default defineMonitor({
  id: 'sap.sql.idocs',
  title: 'IDocs (SQL)',
  summary: 'IDocs of the last days by direction, status and message type: failed ones, and those that wait.',
  connector: sqlConnectors,
  settings: {
    ...sapSettings,
    days: {
      kind: 'number',
      label: 'Days looked back',
      help: 'By the day on which an IDoc was made. Too small: old failures are forgotten. Too large: the database reads much.',
      min: 1,
      max: 365,
      integer: true,
      default: 7,
    },
    types: includeSetting('Message types', 'Their names, or patterns of them.'),
    excludeTypes: excludeSetting('Message types left out', 'Their names, or patterns of them.'),
  },
  metrics: {
    idocs: { title: 'IDocs', unit: '', items: ['direction', 'status', 'type'] },
    errors: { title: 'IDocs that failed', unit: '', items: ['direction'] },
    errors_type: { title: 'IDocs of a message type that failed', unit: '', items: ['direction', 'type'] },
    waiting: { title: 'IDocs that wait', unit: '', items: ['direction'] },
    waiting_oldest: { title: 'Age of the oldest IDoc that waits', unit: 's' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'IDocs failed', metric: 'errors', thresholds: { WARNING: '>= 1', CRITICAL: '>= 50' } },
    { name: 'IDocs wait', metric: 'waiting_oldest', thresholds: { WARNING: '> 1h' } },
  ],
  needs: sapNeeds('EDIDC'),
  grant: sapGrant('EDIDC'),
  thresholdsFrom: 'Our own judgement; the meaning of the statuses is SAP’s (table TEDS1)',
  tryIt: `${sapTry('sap.sql.idocs')}; to see it raise, send an IDoc with WE19 to a partner without a profile`,
  check: ({ types, excludeTypes }, path) => selectionProblems({ types, excludeTypes }, path),
  collect(settings, { client, signal }) {
    return readSap(settings, client, signal, async (sap) => {
      const wanted = selects(settings.types, settings.excludeTypes)
      const read = await sap.parts.read(
        'IDocs',
        `SELECT CASE WHEN DIRECT = '1' THEN 'out' ELSE 'in' END AS direction, STATUS AS status, MESTYP AS type,
                COUNT(*) AS amount, MIN(CONCAT(CREDAT, CRETIM)) AS oldest
           FROM ${sap.table('EDIDC')} WHERE CREDAT >= '${sap.moment(settings.days * 86_400).slice(0, 8)}'${sap.ofClient('MANDT')}
          GROUP BY DIRECT, STATUS, MESTYP ORDER BY COUNT(*) DESC`,
        5_000,
      )
      const idocs = read?.filter((row) => wanted(textIn(row, 'type')))
      const wrong = idocs?.filter((row) =>
        failed[textIn(row, 'direction') === 'out' ? 'out' : 'in'].includes(textIn(row, 'status')),
      )
      const wait = idocs?.filter((row) => waiting.includes(textIn(row, 'status')))
      const byDirection = (rows: typeof idocs) =>
        rows === undefined
          ? undefined
          : ['out', 'in'].map((direction) => ({
              labels: { direction },
              value:
                sumIn(
                  rows.filter((row) => textIn(row, 'direction') === direction),
                  'amount',
                ) ?? 0,
            }))
      const types = Map.groupBy(wrong ?? [], (row) => JSON.stringify([textIn(row, 'direction'), textIn(row, 'type')]))
      const ages = (wait ?? []).flatMap((row) => sap.age(row, 'oldest') ?? [])
      return {
        metrics: measured({
          idocs: itemsIn(idocs?.slice(0, 1_000), 'amount', ['direction', 'status', 'type']),
          errors: byDirection(wrong),
          errors_type: [...types.values()].slice(0, 500).map((rows) => ({
            labels: { direction: textIn(rows[0], 'direction'), type: textIn(rows[0], 'type') },
            value: sumIn(rows, 'amount') ?? 0,
          })),
          waiting: byDirection(wait),
          waiting_oldest: wait === undefined ? undefined : Math.max(0, ...ages),
        }),
      }
    })
  },
})
