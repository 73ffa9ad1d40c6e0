import { defineMonitor, type SapRow } from '../sdk/index.ts'
import { namedItems, namesOf, numberOf, secondsOf, spared, unprotected, userNeeded } from './formats/sap.ts'

/** The processes of the Java server of an instance. */
export default defineMonitor({
  id: 'sap.java.process',
  title: 'SAP Java processes',
  summary: 'State, restarts, errors and processor use of the server processes of an AS Java instance.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    running: { title: 'The process runs (1) or not (0)', unit: '', items: ['process'] },
    restarts: { title: 'Restarts', unit: '', kind: 'counter', items: ['process'] },
    errors: { title: 'Errors', unit: '', kind: 'counter', items: ['process'] },
    cpu: { title: 'Processor use', unit: '%', items: ['process'] },
    uptime: { title: 'Time since the process was started', unit: 's', items: ['process'] },
  },
  period: '1m',
  timeout: '15s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'process does not run', metric: 'running', thresholds: { CRITICAL: '< 1' } },
    { name: 'process restarted', metric: 'restarts', thresholds: { WARNING: '> 0/s' } },
  ],
  needs: userNeeded('An AS Java instance. To see its processes:'),
  grant: unprotected('J2EEGetProcessList2'),
  thresholdsFrom: 'The states of the Java server.',
  tryIt:
    'Restart one server process of a test instance, then: `farwatch check sap.java.process --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const seen = await client.read('J2EEGetProcessList2', signal)
    if (seen.is === 'not asked') return spared(seen)
    const { rows } = seen
    const names = namesOf(rows, ({ name }) => name)
    const wrong = rows.flatMap((row, place) =>
      isRunning(row) ? [] : [`${names[place]} is ${row.statetext || stateOf(row) || 'without a state'}`],
    )
    return {
      metrics: {
        running: namedItems(rows, 'process', names, (row) => (isRunning(row) ? 1 : 0)),
        restarts: namedItems(rows, 'process', names, ({ restartCount }) => numberOf(restartCount)),
        errors: namedItems(rows, 'process', names, ({ errorCount }) => numberOf(errorCount)),
        cpu: namedItems(rows, 'process', names, ({ cpu }) => numberOf(cpu?.replace(/\s*%$/, ''))),
        uptime: namedItems(rows, 'process', names, ({ elapsedTime }) => secondsOf(elapsedTime)),
      },
      message: wrong.length === 0 ? `${rows.length} processes run` : wrong.join('; ').slice(0, 900),
    }
  },
})

type Process = SapRow<'J2EEGetProcessList2'>

/** `J2EE-RUNNING`, with or without what stands before it. */
function stateOf({ state }: Process): string {
  return (state ?? '').replace(/^(SAPControl-)?J2EE-(PSTATE-)?/i, '').toUpperCase()
}

/** A core that runs has the applications still to start. */
function isRunning(row: Process): boolean {
  return stateOf(row) === 'RUNNING'
}
