import { defineMonitor, type SapRow } from '../sdk/index.ts'
import { colourOf, colourTitle, namedItems, namesOf, noUserNeeded, secondsOf, spared } from './formats/sap.ts'

/** The processes of one instance. The one monitor that goes on asking while the instance starts and stops. */
export default defineMonitor({
  id: 'sap.processes',
  title: 'SAP processes',
  summary: 'State, run time and restarts of the processes of an SAP instance.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    state: { title: `State of a process: ${colourTitle}`, unit: '', items: ['process'] },
    uptime: { title: 'Time since the process was started', unit: 's', items: ['process'] },
    restarted: {
      title: 'The process has another id than at the run before (1) or not (0)',
      unit: '',
      items: ['process'],
    },
    processes: { title: 'Processes', unit: '' },
    not_green: { title: 'Processes that are not green', unit: '' },
  },
  period: '1m',
  timeout: '10s',
  tested: 'recorded data',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'process red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
    { name: 'process stopped', metric: 'state', thresholds: { CRITICAL: '<= 1' } },
    { name: 'process yellow', metric: 'state', thresholds: { WARNING: '== 3' }, of: '2 of 2' },
    { name: 'process restarted', metric: 'restarted', thresholds: { WARNING: '> 0' } },
    { name: 'no processes', metric: 'processes', thresholds: { CRITICAL: '< 1' } },
  ],
  needs: noUserNeeded,
  thresholdsFrom: 'The colours of the start service.',
  tryIt:
    '`farwatch check sap.processes --set host=sapapp1.example --set instance=0`; stop one process of a test instance to see it raise.',
  async collect(_, { client, signal, previous, remember }) {
    const seen = await client.read('GetProcessList', signal)
    if (seen.is === 'not asked') return spared(seen)
    const { rows } = seen
    const names = namesOf(rows, ({ name, description }) => name ?? description)
    const before = readPids(previous)
    const pids = new Map(rows.map(({ pid }, place) => [names[place] ?? '', pid]))
    remember(Object.fromEntries([...pids].filter(([, pid]) => running(pid)).slice(0, 200)))
    const wrong = rows.flatMap((row, place) =>
      colourOf(row.dispstatus) === 2 ? [] : [stateWords(names[place] ?? '', row)],
    )
    return {
      metrics: {
        state: namedItems(rows, 'process', names, ({ dispstatus }) => colourOf(dispstatus)),
        uptime: namedItems(rows, 'process', names, ({ elapsedtime }) => secondsOf(elapsedtime)),
        restarted: namedItems(rows, 'process', names, ({ pid }, place) => {
          const former = before.get(names[place] ?? '')
          if (!running(pid) || former === undefined) return undefined
          return former === pid ? 0 : 1
        }),
        processes: rows.length,
        not_green: wrong.length,
      },
      message: wrong.length === 0 ? `${rows.length} processes are green` : wrong.join('; ').slice(0, 900),
    }
  },
})

function stateWords(name: string, { dispstatus, textstatus }: SapRow<'GetProcessList'>): string {
  const colour = dispstatus?.replace(/^SAPControl-/, '') ?? 'without a state'
  return `${name} is ${colour}${textstatus ? ` (${textstatus})` : ''}`
}

/** A process that does not run has no id, or -1, or 0. */
function running(pid: string | null): pid is string {
  return pid !== null && /^[1-9]\d{0,9}$/.test(pid)
}

function readPids(previous: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof previous === 'object' && previous !== null ? Object.entries(previous) : [])
}
