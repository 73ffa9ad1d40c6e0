import { defineMonitor } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { alertLeaves, colourTitle, spared, unprotected, userNeeded, worstColour, worstValue } from './formats/sap.ts'

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
  needs: userNeeded('Local monitoring by CCMS in the SAP system, as it is delivered. To see its tree:'),
  grant: unprotected('GetAlertTree'),
  thresholdsFrom: '50 and 100 dumps a day as in check_sap_health; the colours are SAP’s own.',
  tryIt:
    'Let a test program end in a dump some times, then: `farwatch check sap.dumps --set host=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const seen = await client.read('GetAlertTree', signal)
    if (seen.is === 'not asked') return spared(seen)
    const leaves = alertLeaves(seen.rows).filter(
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
  },
})
