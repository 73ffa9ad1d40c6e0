import { defineMonitor } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { colourTitle, inAlertTree, leavesNamed, ofAlertTree, worstColour, worstValue } from './formats/sap.ts'

/** Where the times of dialog steps are kept; the names are used elsewhere in the tree as well. */
const dialog = /\/Dialog\//i

/** Response times of an ABAP instance, as the alert monitor has them of the last minutes. */
export default defineMonitor({
  id: 'sap.response',
  title: 'SAP response times',
  summary: 'Response, waiting, database and network times of dialog steps of an ABAP instance, from its alert monitor.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    response: { title: 'Response time of dialog steps', unit: 'ms' },
    response_dialog: { title: 'Response time of dialog steps without those by RFC', unit: 'ms' },
    response_rfc: { title: 'Response time of dialog steps by RFC', unit: 'ms' },
    response_http: { title: 'Response time of dialog steps by HTTP', unit: 'ms' },
    response_standard: { title: 'Response time of the standard transaction', unit: 'ms' },
    queue: { title: 'Time that steps wait for a work process', unit: 'ms' },
    database: { title: 'Time that steps wait for the database', unit: 'ms' },
    frontend: { title: 'Response time as the front end sees it', unit: 'ms' },
    long_runners: { title: 'Dialog steps that run for long', unit: '' },
    state: { title: `Worst of their colours: ${colourTitle}`, unit: '' },
  },
  period: '2m',
  timeout: '60s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'slow dialog',
      metric: ['response', 'response_dialog'],
      thresholds: { WARNING: '> 1000ms', CRITICAL: '> 2000ms' },
      of: '3 of 5',
    },
    { name: 'steps wait', metric: 'queue', thresholds: { WARNING: '> 50ms', CRITICAL: '> 500ms' }, of: '3 of 5' },
    { name: 'slow database', metric: 'database', thresholds: { WARNING: '> 600ms' }, of: '3 of 5' },
  ],
  ...ofAlertTree,
  thresholdsFrom:
    'SAP’s guideline for dialog steps: below a second altogether, waiting below 50 ms, the database below 600 ms.',
  tryIt: '`farwatch check sap.response --set host=… --set instance=… --set username=… --set secret=…`',
  collect(_, { client, signal }) {
    return inAlertTree(client, signal, (leaves) => {
      const find = (name: RegExp) => leavesNamed(leaves, name, dialog)
      const time = (name: RegExp) =>
        worstValue(find(name).map((leaf) => (leaf.unit === 's' ? { ...leaf, value: (leaf.value ?? 0) * 1_000 } : leaf)))
      const metrics = measured({
        response: time(/^ResponseTime$/i),
        response_dialog: time(/^ResponseTimeDialog$/i),
        response_rfc: time(/^ResponseTimeDialogRFC$/i),
        response_http: time(/^ResponseTimeHTTP$/i),
        response_standard: time(/^(ResponseTime)?StandardTran\.?$/i),
        queue: time(/^QueueTime$/i),
        database: time(/^DBRequestTime$/i),
        frontend: time(/^Frontend(ResponseTime|NetTime)$/i),
        long_runners: worstValue(find(/^LongRunners$/i)),
        state: worstColour(find(/^(ResponseTime(Dialog)?|QueueTime|DBRequestTime)$/i)),
      })
      const response = metrics.response_dialog ?? metrics.response
      return {
        metrics,
        message: response === undefined ? 'the tree has no response times' : `${Math.round(response)} ms`,
      }
    })
  },
})
