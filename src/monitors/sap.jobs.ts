import { defineMonitor } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { colourTitle, inAlertTree, leavesNamed, ofAlertTree, worstColour, worstValue } from './formats/sap.ts'

const background = /\/Background/i

/** Background processing of an ABAP instance (SM37), as the alert monitor sees it. */
export default defineMonitor({
  id: 'sap.jobs',
  title: 'SAP background jobs',
  summary:
    'Aborted jobs, jobs that wait, and use of the batch work processes of an ABAP instance, from its alert monitor.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    aborted: { title: 'Aborted jobs', unit: '' },
    waiting: { title: 'Jobs that are due and wait for a work process', unit: '' },
    utilisation: { title: 'Use of the batch work processes', unit: '%' },
    errors: { title: 'Errors in batch work processes', unit: '', kind: 'counter' },
    state: { title: `Colour of the aborted jobs: ${colourTitle}`, unit: '' },
  },
  period: '5m',
  timeout: '60s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'jobs aborted', metric: 'aborted', thresholds: { WARNING: '>= 1', CRITICAL: '>= 5' } },
    { name: 'jobs yellow', metric: 'state', thresholds: { WARNING: '== 3' } },
    { name: 'jobs red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
    { name: 'batch used up', metric: 'utilisation', thresholds: { WARNING: '> 90%' }, for: '30m' },
  ],
  ...ofAlertTree,
  thresholdsFrom: 'Our own judgement; the colours are SAP’s own.',
  tryIt: 'Let a test job end in an error, then: `farwatch check sap.jobs --set host=… --set username=… --set secret=…`',
  collect(_, { client, signal }) {
    return inAlertTree(client, signal, (leaves) => {
      const below = leaves.filter(({ path }) => background.test(path))
      const aborted = leavesNamed(leaves, /^AbortedJobs$/i, background)
      return {
        metrics: measured({
          aborted: worstValue(aborted),
          waiting: worstValue(leavesNamed(below, /^QueueLength$/i)),
          utilisation: worstValue(leavesNamed(below, /^Utili[sz]ation$/i).filter(({ unit }) => unit === '%')),
          errors: worstValue(leavesNamed(leaves, /^ErrorsInWpBTC$/i)),
          state: worstColour(aborted),
        }),
        message: aborted[0] === undefined ? 'the tree has no aborted jobs' : `aborted: ${aborted[0].text || 'none'}`,
      }
    })
  },
})
