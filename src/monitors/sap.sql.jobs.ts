import { defineMonitor, sqlConnectors, type Item, type SqlRow } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'
import { itemsIn, sumIn, textIn } from './formats/sql-parts.ts'

/** Background jobs (SM37), from the table TBTCO. */
export default defineMonitor({
  id: 'sap.sql.jobs',
  title: 'ABAP background jobs (SQL)',
  summary: 'Jobs that were cancelled within an hour, that run, and that wait although their time has come.',
  connector: sqlConnectors,
  settings: {
    ...sapSettings,
    jobs: includeSetting('Jobs', 'Their names, or patterns of them.'),
    excludeJobs: excludeSetting('Jobs left out', 'Their names, or patterns of them.'),
  },
  metrics: {
    aborted: { title: 'Jobs cancelled within an hour', unit: '' },
    aborted_job: { title: 'Times that a job was cancelled within an hour', unit: '', items: ['job'] },
    running: { title: 'Jobs that run', unit: '' },
    running_longest: { title: 'Time of the job that runs longest', unit: 's' },
    running_time: { title: 'Time that a job has been running for', unit: 's', items: ['job'] },
    delayed: { title: 'Jobs that wait although their time has come', unit: '' },
    delay_longest: { title: 'Longest wait of a job whose time has come', unit: 's' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'jobs cancelled', metric: 'aborted', thresholds: { WARNING: '>= 1', CRITICAL: '>= 5' } },
    { name: 'jobs wait', metric: 'delay_longest', thresholds: { WARNING: '> 60s', CRITICAL: '> 600s' }, of: '2 of 3' },
    { name: 'job runs long', metric: 'running_longest', thresholds: { WARNING: '> 1d' } },
  ],
  needs: sapNeeds('TBTCO'),
  grant: sapGrant('TBTCO'),
  thresholdsFrom: 'check_sap_health, the mini checks of SAP Note 1999993; times of waiting: AppDynamics for SAP',
  tryIt: `${sapTry('sap.sql.jobs')}; to see it raise, cancel a job`,
  check: ({ jobs, excludeJobs }, path) => selectionProblems({ jobs, excludeJobs }, path),
  collect(settings, { client, signal }) {
    return readSap(settings, client, signal, async (sap) => {
      const wanted = selects(settings.jobs, settings.excludeJobs)
      const chosen = (rows: readonly SqlRow[] | undefined) => rows?.filter((row) => wanted(textIn(row, 'job')))
      const from = `FROM ${sap.table('TBTCO')} WHERE`
      const ours = sap.ofClient('AUTHCKMAN')
      const aborted = chosen(
        await sap.parts.read(
          'cancelled jobs',
          `SELECT JOBNAME AS job, COUNT(*) AS amount ${from} STATUS = 'A'${ours} AND ${sap.within(3_600, 'ENDDATE', 'ENDTIME')}
            GROUP BY JOBNAME ORDER BY JOBNAME`,
        ),
      )
      const running = chosen(
        await sap.parts.read(
          'running jobs',
          `SELECT JOBNAME AS job, CONCAT(STRTDATE, STRTTIME) AS since ${from} STATUS = 'R'${ours} ORDER BY STRTDATE, STRTTIME`,
          5_000,
        ),
      )
      // Released by time or ready, and no process took it; a job without a time waits for an event or another job.
      const waiting = chosen(
        await sap.parts.read(
          'waiting jobs',
          `SELECT JOBNAME AS job, CONCAT(SDLSTRTDT, SDLSTRTTM) AS planned ${from} STATUS IN ('S', 'Y')${ours}
              AND ${sap.olderThan(1, 'SDLSTRTDT', 'SDLSTRTTM')} ORDER BY SDLSTRTDT, SDLSTRTTM`,
          5_000,
        ),
      )
      const runs: Item[] = (running ?? []).flatMap((row) => {
        const value = sap.age(row, 'since')
        return value === undefined ? [] : [{ labels: { job: textIn(row, 'job') }, value }]
      })
      const delays = (waiting ?? []).flatMap((row) => sap.age(row, 'planned') ?? [])
      return {
        metrics: measured({
          aborted: sumIn(aborted, 'amount'),
          aborted_job: itemsIn(aborted, 'amount', ['job']),
          running: running?.length,
          running_longest: running === undefined ? undefined : Math.max(0, ...runs.map(({ value }) => value)),
          running_time: longestOfEach(runs),
          delayed: waiting?.length,
          delay_longest: waiting === undefined ? undefined : Math.max(0, ...delays),
        }),
      }
    })
  },
})

/** One job may run several times at once. */
function longestOfEach(runs: readonly Item[]): Item[] {
  const longest = new Map<string, Item>()
  for (const run of runs) {
    const job = run.labels['job'] ?? ''
    if ((longest.get(job)?.value ?? -1) < run.value) longest.set(job, run)
  }
  return [...longest.values()].slice(0, 500)
}
