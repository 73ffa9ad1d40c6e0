import { defineMonitor, sqlConnectors } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { itemsIn, sumIn, textIn } from './formats/sql-parts.ts'

/** What has failed in the words of SM58: at the other side, and on the way there. */
const failures = ['SYSFAIL', 'CPICERR', 'ANORETRY']

/** Transactional calls (SM58), from the table ARFCSSTATE: those that arrived are deleted from it. */
export default defineMonitor({
  id: 'sap.sql.trfc',
  title: 'ABAP transactional RFC (SQL)',
  summary: 'Transactional calls that wait or failed, by destination and state, and how old they are.',
  connector: sqlConnectors,
  // The table knows no clients.
  settings: { schema: sapSettings.schema },
  metrics: {
    calls: { title: 'Calls that are not done', unit: '', items: ['destination', 'state'] },
    failed_calls: { title: 'Calls that failed', unit: '' },
    failed_destination: { title: 'Calls to a destination that failed', unit: '', items: ['destination'] },
    failed_old: { title: 'Calls that failed more than an hour ago', unit: '' },
    failed_oldest: { title: 'Age of the oldest call that failed', unit: 's' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'calls failed long ago', metric: 'failed_old', thresholds: { WARNING: '>= 1' } },
    { name: 'many calls failed', metric: 'failed_calls', thresholds: { CRITICAL: '>= 100' } },
  ],
  needs: sapNeeds('ARFCSSTATE'),
  grant: sapGrant('ARFCSSTATE'),
  thresholdsFrom: 'SAP Focused Run’s count and age of entries; our own judgement',
  tryIt: `${sapTry('sap.sql.trfc')}; to see it raise, call a destination that is down`,
  collect(settings, { client, signal }) {
    return readSap({ ...settings, client: undefined }, client, signal, async (sap) => {
      const from = `FROM ${sap.table('ARFCSSTATE')}`
      const failed = `ARFCSTATE IN (${failures.map((one) => `'${one}'`).join(', ')})`
      const calls = await sap.parts.read(
        'calls',
        `SELECT ARFCDEST AS destination, ARFCSTATE AS state, COUNT(*) AS amount, MIN(CONCAT(ARFCDATUM, ARFCUZEIT)) AS oldest
           ${from} GROUP BY ARFCDEST, ARFCSTATE ORDER BY COUNT(*) DESC`,
      )
      const old = await sap.parts.read(
        'old failures',
        `SELECT COUNT(*) AS amount ${from} WHERE ${failed} AND ${sap.olderThan(3_600, 'ARFCDATUM', 'ARFCUZEIT')}`,
        1,
      )
      const wrong = calls?.filter((row) => failures.includes(textIn(row, 'state')))
      const byDestination = Map.groupBy(wrong ?? [], (row) => textIn(row, 'destination'))
      const ages = (wrong ?? []).flatMap((row) => sap.age(row, 'oldest') ?? [])
      return {
        metrics: measured({
          calls: itemsIn(calls, 'amount', ['destination', 'state']),
          failed_calls: sumIn(wrong, 'amount'),
          failed_destination: [...byDestination].map(([destination, rows]) => ({
            labels: { destination },
            value: sumIn(rows, 'amount') ?? 0,
          })),
          failed_old: sumIn(old, 'amount'),
          failed_oldest: wrong === undefined ? undefined : Math.max(0, ...ages),
        }),
      }
    })
  },
})
