import { defineMonitor, sqlConnectors } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { itemsIn, numberIn, sumIn } from './formats/sql-parts.ts'

/** Update requests (SM13), from the table VBHDR: those that were done are deleted from it, so that what stays is failed or stuck. */
export default defineMonitor({
  id: 'sap.sql.updates',
  title: 'ABAP update requests (SQL)',
  summary: 'Update requests that are not done after some minutes, by program, and the oldest of them.',
  connector: sqlConnectors,
  settings: {
    ...sapSettings,
    patience: {
      kind: 'duration',
      label: 'Patience',
      help: 'A younger request is still on its way. Too small: a busy moment looks like trouble.',
      default: '5m',
      min: '10s',
      max: '1d',
    },
  },
  metrics: {
    stuck: { title: 'Update requests that are not done in time', unit: '' },
    stuck_program: { title: 'Update requests of a program that are not done in time', unit: '', items: ['program'] },
    errors: { title: 'Of them, those with a return code', unit: '' },
    oldest: { title: 'Age of the oldest request that is not done', unit: 's' },
    requests: { title: 'Update requests, done or not', unit: '' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'updates not done', metric: 'stuck', thresholds: { WARNING: '> 10', CRITICAL: '> 20' } },
  ],
  needs: sapNeeds('VBHDR'),
  grant: sapGrant('VBHDR'),
  thresholdsFrom: 'check_sap_health',
  tryIt: `${sapTry('sap.sql.updates')}; to see it raise, deactivate the update in SM13`,
  collect(settings, { client, signal }) {
    return readSap(settings, client, signal, async (sap) => {
      const from = `FROM ${sap.table('VBHDR')} WHERE`
      const ours = sap.ofClient('VBMANDT')
      const stuck = await sap.parts.read(
        'requests not done',
        `SELECT VBREPORT AS program, COUNT(*) AS amount, SUM(CASE WHEN VBRC <> 0 THEN 1 ELSE 0 END) AS errors,
                MIN(VBDATE) AS oldest
           ${from} VBDATE < '${sap.moment(settings.patience / 1_000)}'${ours}
          GROUP BY VBREPORT ORDER BY COUNT(*) DESC`,
      )
      const [all] = (await sap.parts.read('requests', `SELECT COUNT(*) AS amount ${from} 1 = 1${ours}`, 1)) ?? []
      const ages = (stuck ?? []).flatMap((row) => sap.age(row, 'oldest') ?? [])
      return {
        metrics: measured({
          stuck: sumIn(stuck, 'amount'),
          stuck_program: itemsIn(stuck, 'amount', ['program']),
          errors: sumIn(stuck, 'errors'),
          oldest: stuck === undefined ? undefined : Math.max(0, ...ages),
          requests: numberIn(all, 'amount'),
        }),
      }
    })
  },
})
