import { defineMonitor } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { colourTitle, inAlertTree, leavesNamed, ofAlertTree, worstColour, worstValue } from './formats/sap.ts'

/** The spool service of an ABAP instance, as the alert monitor sees it. */
export default defineMonitor({
  id: 'sap.spool',
  title: 'SAP spool',
  summary: 'Use of the list of output requests and errors of the spool work processes, from the alert monitor.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    list_used: { title: 'Use of the list of output requests to host printers', unit: '%' },
    wp_errors: { title: 'Errors in spool work processes', unit: '', kind: 'counter' },
    state: { title: `Worst colour of the two: ${colourTitle}`, unit: '' },
  },
  period: '5m',
  timeout: '60s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'spool list fills', metric: 'list_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'spool process died', metric: 'wp_errors', thresholds: { WARNING: '> 0/s' } },
    { name: 'spool red', metric: 'state', thresholds: { MAJOR: '>= 4' } },
  ],
  ...ofAlertTree,
  thresholdsFrom: 'Our own judgement.',
  tryIt: '`farwatch check sap.spool --set host=… --set instance=… --set username=… --set secret=…`',
  collect(_, { client, signal }) {
    return inAlertTree(client, signal, (leaves) => {
      const used = leavesNamed(leaves, /^HostspoolListUsed$/i)
      const errors = leavesNamed(leaves, /^ErrorsInWpSPO$/i)
      return {
        metrics: measured({
          list_used: worstValue(used.filter(({ unit }) => unit === '%' || unit === '')),
          wp_errors: worstValue(errors),
          state: worstColour([...used, ...errors]),
        }),
        message:
          used[0] === undefined && errors[0] === undefined
            ? 'the tree has no spool service'
            : `list used: ${used[0]?.text || '-'}`,
      }
    })
  },
})
