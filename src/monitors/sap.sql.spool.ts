import { defineMonitor, sqlConnectors } from '../sdk/index.ts'
import { measured, shareOf } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { itemsIn, numberIn, sumIn } from './formats/sql-parts.ts'

/** Spool requests and their output (SP01), from the tables TSP01 and TSP02. */
export default defineMonitor({
  id: 'sap.sql.spool',
  title: 'ABAP spool (SQL)',
  summary: 'Numbers of spool requests that are taken, and output requests of a day that had problems, by device.',
  connector: sqlConnectors,
  settings: {
    ...sapSettings,
    numbers: {
      kind: 'number',
      label: 'Numbers of spool requests',
      help: 'The size of the number range SPO_NUM (SNRO). When all are taken, nobody can print.',
      min: 100,
      max: 2_000_000_000,
      integer: true,
      default: 32_000,
    },
  },
  metrics: {
    requests: { title: 'Spool requests that are kept', unit: '' },
    numbers_used: { title: 'Numbers of spool requests that are taken', unit: '%' },
    output: { title: 'Output requests within a day', unit: '', items: ['device'] },
    output_failed: { title: 'Output requests within a day that were not printed', unit: '', items: ['device'] },
    output_problems: { title: 'Output requests within a day with problems', unit: '', items: ['device'] },
    failures: { title: 'Output requests within a day that were not printed, of all devices', unit: '' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'numbers used up', metric: 'numbers_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'not printed', metric: 'output_failed', thresholds: { WARNING: '> 0' } },
  ],
  needs: sapNeeds('TSP01 and TSP02'),
  grant: sapGrant('TSP01', 'TSP02'),
  thresholdsFrom: 'CCMS (HostspoolListUsed)',
  tryIt: `${sapTry('sap.sql.spool')}; to see it raise, print on a device whose printer is off`,
  collect(settings, { client, signal }) {
    return readSap(settings, client, signal, async (sap) => {
      // Numbers are taken by the requests of all clients.
      const [all] =
        (await sap.parts.read('spool requests', `SELECT COUNT(*) AS amount FROM ${sap.table('TSP01')}`, 1)) ?? []
      const output = await sap.parts.read(
        'output requests',
        `SELECT PJDEST AS device, COUNT(*) AS amount, SUM(CASE WHEN PJFINAHERR > 0 THEN 1 ELSE 0 END) AS failures,
                SUM(CASE WHEN PJFINASERR > 0 THEN 1 ELSE 0 END) AS problems
           FROM ${sap.table('TSP02')} WHERE PJCREATIME >= '${sap.moment(86_400)}'${sap.ofClient('PJCLIENT')}
          GROUP BY PJDEST ORDER BY COUNT(*) DESC`,
      )
      return {
        metrics: measured({
          requests: numberIn(all, 'amount'),
          numbers_used: shareOf(numberIn(all, 'amount'), settings.numbers),
          output: itemsIn(output, 'amount', ['device']),
          output_failed: itemsIn(output, 'failures', ['device']),
          output_problems: itemsIn(output, 'problems', ['device']),
          failures: sumIn(output, 'failures'),
        }),
      }
    })
  },
})
