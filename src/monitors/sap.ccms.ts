import { at, defineMonitor, matches, parseMatcher, type Item } from '../sdk/index.ts'
import { added, type AlertLeaf, colourTitle, inAlertTree, namesOf, ofAlertTree, ownColours } from './formats/sap.ts'

const colourNames: Readonly<Record<number, string>> = { 1: 'grey', 2: 'green', 3: 'yellow', 4: 'red' }

/** The whole tree of alerts of an instance, judged by the thresholds that SAP keeps itself. */
export default defineMonitor({
  id: 'sap.ccms',
  title: 'SAP alert monitor (CCMS)',
  summary: 'Every node of the alert monitor (RZ20) of an instance: its colour, and its number in the unit it has.',
  connector: 'sapcontrol',
  settings: {
    nodes: {
      kind: 'list',
      label: 'Nodes',
      help: 'Which paths are taken, such as `*/Dialog/*`, `!*/Filesystems/*`. As in rules: exact, with `*`, or a regular expression between slashes.',
      of: { kind: 'text', label: 'Path', maxLength: 500 },
      maxItems: 200,
      default: ['*'],
    },
    most: {
      kind: 'number',
      label: 'At most so many nodes',
      help: 'The rest is counted by colour alone, those without an alert first. Each node makes up to two series.',
      min: 10,
      max: 4_000,
      integer: true,
      default: 1_000,
    },
  },
  metrics: {
    state: { title: `Colour of a node: ${colourTitle}`, unit: '', items: ['path'] },
    nodes: { title: 'Nodes by colour', unit: '', items: ['colour'] },
    left_out: { title: 'Nodes that are counted alone, being too many', unit: '' },
    time: { title: 'Nodes that hold a time', unit: 'ms', items: ['path'] },
    share: { title: 'Nodes that hold a percentage', unit: '%', items: ['path'] },
    bytes: { title: 'Nodes that hold a size', unit: 'B', items: ['path'] },
    rate: { title: 'Nodes that hold a frequency', unit: '/s', items: ['path'] },
    value: { title: 'Nodes that hold another number', unit: '', items: ['path'] },
  },
  period: '2m',
  timeout: '60s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'CCMS yellow', metric: 'state', thresholds: { WARNING: '== 3' } },
    { name: 'CCMS red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
  ],
  ...ofAlertTree,
  thresholdsFrom: ownColours,
  tryIt:
    '`farwatch check sap.ccms --set host=… --set username=… --set secret=…`; lower a threshold in RZ20 of a test system to see it raise.',
  check({ nodes }, path) {
    const checked = parseMatcher(nodes, at(path, 'nodes'))
    return checked.ok ? [] : checked.problems
  },
  collect({ nodes, most }, { client, signal }) {
    return inAlertTree(client, signal, (tree) => {
      const wanted = parseMatcher(nodes, '')
      const leaves = tree.filter(({ path }) => wanted.ok && matches(wanted.value, path))
      const byColour = new Map<string, number>()
      for (const { colour } of leaves) added(byColour, colourNames[colour ?? 1] ?? 'grey', 1)
      // What has an alert comes first, and the order of the tree decides among the others.
      const taken = [...leaves].sort((a, b) => (b.colour ?? 0) - (a.colour ?? 0)).slice(0, most)
      const paths = namesOf(taken, ({ path }) => path)
      const alerts = taken.flatMap((leaf, place) => ((leaf.colour ?? 0) > 2 ? [`${paths[place]}: ${leaf.text}`] : []))
      const valued = (of: (leaf: AlertLeaf) => number | undefined): Item[] =>
        taken.flatMap((leaf, place) => {
          const value = of(leaf)
          return value === undefined ? [] : [{ labels: { path: paths[place] ?? '' }, value }]
        })
      const inUnit = (unit: AlertLeaf['unit']) => valued((leaf) => (leaf.unit === unit ? leaf.value : undefined))
      return {
        metrics: {
          state: valued(({ colour }) => colour),
          nodes: [...byColour].map(([colour, value]) => ({ labels: { colour }, value })),
          left_out: leaves.length - taken.length,
          time: valued(({ unit, value }) =>
            value === undefined || (unit !== 'ms' && unit !== 's') ? undefined : unit === 's' ? value * 1_000 : value,
          ),
          share: inUnit('%'),
          bytes: inUnit('B'),
          rate: inUnit('/s'),
          value: inUnit(''),
        },
        message: alerts.length === 0 ? `${leaves.length} nodes, none with an alert` : alerts.join('; ').slice(0, 900),
      }
    })
  },
})
