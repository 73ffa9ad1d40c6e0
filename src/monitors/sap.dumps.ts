import { defineMonitor } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { colourTitle, inAlertTree, ofAlertTree, worstColour, worstValue } from './formats/sap.ts'

/** Short dumps of an ABAP instance (ST22), as frequent as the alert monitor says. */
export default defineMonitor({
  id: 'sap.dumps',
  title: 'SAP short dumps',
  summary: 'How often programs of an ABAP instance end in a short dump, from its alert monitor.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    dumps_per_hour: { title: 'Short dumps in an hour, at the frequency of the last minutes', unit: '' },
    state: { title: `Colour of the node: ${colourTitle}`, unit: '' },
  },
  period: '5m',
  timeout: '60s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'many dumps', metric: 'dumps_per_hour', thresholds: { WARNING: '> 2.1', CRITICAL: '> 4.2' }, for: '1h' },
    { name: 'dumps yellow', metric: 'state', thresholds: { WARNING: '== 3' } },
    { name: 'dumps red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
  ],
  ...ofAlertTree,
  thresholdsFrom: '50 and 100 dumps a day as in check_sap_health; the colours are SAP’s own.',
  tryIt:
    'Let a test program end in a dump some times, then: `farwatch check sap.dumps --set host=… --set username=… --set secret=…`',
  collect(_, { client, signal }) {
    return inAlertTree(client, signal, (tree) => {
      const leaves = tree.filter(
        ({ name, parent }) =>
          /^short ?dumps? ?frequency$/i.test(name) || (/^frequency$/i.test(name) && /short ?dump/i.test(parent)),
      )
      const rate = worstValue(leaves.filter(({ unit }) => unit === '/s'))
      return {
        metrics: measured({
          dumps_per_hour: rate === undefined ? undefined : rate * 3_600,
          state: worstColour(leaves),
        }),
        message: leaves[0] === undefined ? 'the tree has no frequency of short dumps' : leaves[0].text,
      }
    })
  },
})
