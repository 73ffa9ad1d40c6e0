import { defineMonitor, type SapRow } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { namedItems, namesOf, spared, unprotected, userNeeded } from './formats/sap.ts'

type Check = SapRow<'HACheckConfig'>

const states: Readonly<Record<string, number>> = { SUCCESS: 0, WARNING: 1, ERROR: 2 }

/** The connection of an instance with its cluster, as the start service checks it. */
export default defineMonitor({
  id: 'sap.ha',
  title: 'SAP high availability',
  summary: 'Checks of the cluster configuration of an instance, and on which node it is.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    active: { title: 'A cluster is connected (1) or not (0)', unit: '' },
    check: { title: 'A check: 0 success, 1 warning, 2 error', unit: '', items: ['check'] },
    checks: { title: 'Checks', unit: '' },
    node_changed: { title: 'The active node is another one than at the run before (1) or not (0)', unit: '' },
  },
  period: '1h',
  timeout: '60s',
  tested: 'schema only',
  optIn:
    'The start service runs scripts of the cluster for it. Asked every minute they have brought start services down; Farwatch asks once an hour at most, whatever the period, and never while the instance starts or stops.',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'check warns', metric: 'check', thresholds: { WARNING: '== 1' } },
    { name: 'check failed', metric: 'check', thresholds: { MAJOR: '>= 2' } },
    { name: 'node changed', metric: 'node_changed', thresholds: { WARNING: '> 0' } },
  ],
  needs: userNeeded('A cluster with SAP’s interface (sap_suse_cluster_connector or the like). To ask for its checks:'),
  grant: unprotected('HAGetFailoverConfig', 'HACheckConfig'),
  thresholdsFrom: 'The states of the checks.',
  tryIt: '`farwatch check sap.ha --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal, previous, remember }) {
    const configuration = await client.read('HAGetFailoverConfig', signal)
    if (configuration.is === 'not asked') {
      remember(previous)
      return spared(configuration)
    }
    const about = configuration.rows[0]
    const node = about?.HAActiveNode?.slice(0, 200) || undefined
    const before = typeof previous === 'string' ? previous : undefined
    remember(node ?? before)
    const isActive = /^(true|1)$/i.test(about?.HAActive ?? '')
    const facts = {
      product: (about?.HAProductVersion ?? '').slice(0, 500),
      interface: (about?.HASAPInterfaceVersion ?? '').slice(0, 500),
      nodes: (about?.HANodes ?? '').slice(0, 1_000),
      ...(node === undefined ? {} : { activeNode: node }),
    }
    // Without a cluster there is nothing to check.
    const checks = isActive ? await client.read('HACheckConfig', signal) : undefined
    const rows = checks?.is === 'answered' ? checks.rows : []
    const names = namesOf(rows, nameOf)
    const wrong = rows.filter((row) => (stateOf(row) ?? 0) > 0)
    return {
      metrics: measured({
        active: isActive ? 1 : 0,
        check: namedItems(rows, 'check', names, stateOf),
        checks: rows.length,
        node_changed: node === undefined || before === undefined ? undefined : node === before ? 0 : 1,
      }),
      facts,
      message:
        checks?.is === 'not asked'
          ? checks.message
          : wrong
              .map(({ description, comment }) => `${description ?? '?'}: ${comment ?? '?'}`)
              .join('; ')
              .slice(0, 900) || (isActive ? `${rows.length} checks are good` : 'no cluster is connected'),
    }
  },
})

function nameOf({ category, description }: Check): string {
  return [category?.replace(/^SAPControl-/, ''), description].filter((part) => part).join(': ')
}

function stateOf({ state }: Check): number | undefined {
  const name = (state ?? '').replace(/^(SAPControl-)?(HA-)?/i, '').toUpperCase()
  return Object.hasOwn(states, name) ? states[name] : undefined
}
