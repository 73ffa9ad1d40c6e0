import { defineMonitor } from '../sdk/index.ts'
import { colourOf, colourTitle, namedItems, namesOf, noUserNeeded, spared, targetFacts } from './formats/sap.ts'

/** An instance that was taken away on purpose is forgotten after so long. */
const forgetAfterMs = 86_400_000

/** The instances of a system as one of their start services sees them. */
export default defineMonitor({
  id: 'sap.instances',
  title: 'SAP instances',
  summary: 'State of every instance of an SAP system, as the start service of one of them sees it.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    state: { title: `State of an instance: ${colourTitle}`, unit: '', items: ['instance'] },
    instances: { title: 'Instances of the system', unit: '' },
    not_green: { title: 'Instances that are not green', unit: '' },
    vanished: { title: 'Instances seen within a day that are not in the list any more', unit: '' },
  },
  period: '1m',
  timeout: '20s',
  tested: 'recorded data',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'instance red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
    { name: 'instance stopped', metric: 'state', thresholds: { CRITICAL: '<= 1' } },
    { name: 'instance yellow', metric: 'state', thresholds: { WARNING: '== 3' } },
    { name: 'instance vanished', metric: 'vanished', thresholds: { CRITICAL: '> 0' } },
  ],
  needs: noUserNeeded,
  thresholdsFrom: 'The colours of the start services.',
  tryIt: '`farwatch check sap.instances --set host=sapapp1.example --set instance=0`',
  async collect(_, { client, signal, now, previous, remember }) {
    const seen = await client.read('GetSystemInstanceList', signal)
    if (seen.is === 'not asked') {
      remember(previous)
      return spared(seen)
    }
    const { rows } = seen
    const names = namesOf(rows, ({ hostname, instanceNr }) =>
      hostname === null ? null : `${hostname}_${(instanceNr ?? '').padStart(2, '0')}`,
    )
    const at = now()
    const lastSeen = new Map(readLastSeen(previous).filter(([, when]) => at - when < forgetAfterMs))
    const gone = [...lastSeen.keys()].filter((name) => !names.includes(name))
    for (const name of names) lastSeen.set(name, at)
    remember(Object.fromEntries([...lastSeen].slice(-200)))
    const state = namedItems(rows, 'instance', names, ({ dispstatus }) => colourOf(dispstatus))
    return {
      metrics: {
        state,
        instances: rows.length,
        not_green: rows.filter(({ dispstatus }) => colourOf(dispstatus) !== 2).length,
        vanished: gone.length,
      },
      facts: targetFacts(rows.map(({ features }, place) => [names[place] ?? '', features ?? ''])),
      message:
        gone.length === 0 ? `${rows.length} instances` : `not in the list any more: ${gone.join(', ')}`.slice(0, 900),
    }
  },
})

/** What the run before handed over: when each instance was last seen. */
function readLastSeen(previous: unknown): [string, number][] {
  if (typeof previous !== 'object' || previous === null) return []
  return Object.entries(previous).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
}
