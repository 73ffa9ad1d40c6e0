import { defineMonitor } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { colourTitle, inAlertTree, leavesNamed, ofAlertTree, worstColour, worstValue } from './formats/sap.ts'

const update = /\/Update/i

/** Updates of an ABAP instance (SM13), as the alert monitor sees them. */
export default defineMonitor({
  id: 'sap.updates',
  title: 'SAP updates',
  summary: 'Updates that ended in an error and the state of the update of an ABAP instance, from its alert monitor.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    errors: { title: 'Updates that ended in an error', unit: '' },
    wp_errors: { title: 'Errors in update work processes', unit: '', kind: 'counter' },
    waiting: { title: 'Updates that wait for a work process', unit: '' },
    state: { title: `Worst colour of the update: ${colourTitle}`, unit: '' },
  },
  period: '5m',
  timeout: '60s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'updates failed', metric: 'errors', thresholds: { WARNING: '> 10', CRITICAL: '> 20' } },
    { name: 'update yellow', metric: 'state', thresholds: { WARNING: '== 3' } },
    { name: 'update red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
    { name: 'update process died', metric: 'wp_errors', thresholds: { WARNING: '> 0/s' } },
  ],
  ...ofAlertTree,
  thresholdsFrom: '10 and 20 failed updates as in check_sap_health; the colours are SAP’s own.',
  tryIt:
    'Let an update of a test program fail, then: `farwatch check sap.updates --set host=… --set username=… --set secret=…`',
  collect(_, { client, signal }) {
    return inAlertTree(client, signal, (leaves) => {
      const failed = leavesNamed(leaves, /^AbapErrorInUpdate$/i)
      const processes = leavesNamed(leaves, /^ErrorsInWp(UPD|UP2|UPD2)$/i)
      return {
        metrics: measured({
          errors: worstValue(failed),
          wp_errors: worstValue(processes),
          waiting: worstValue(
            leavesNamed(
              leaves.filter(({ path }) => update.test(path)),
              /^QueueLength$/i,
            ),
          ),
          state: worstColour([...failed, ...processes]),
        }),
        message: failed[0] === undefined ? 'the tree has no failed updates' : `failed: ${failed[0].text || 'none'}`,
      }
    })
  },
})
