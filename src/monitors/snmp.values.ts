import { defineMonitor, TargetError, type Problem, type Sample, type SnmpValue } from '../sdk/index.ts'

const oidPattern = /^\.?1(\.\d{1,10}){1,127}$/

/** Variables of one's own choice: what a maker's MIB has and no other monitor knows. */
export default defineMonitor({
  id: 'snmp.values',
  title: 'SNMP variables of one’s own',
  summary: 'Reads single variables and columns of tables by their OIDs; each becomes a metric.',
  connector: 'snmp',
  settings: {
    get: {
      kind: 'map',
      label: 'Single variables',
      help: 'The name of the metric and the complete OID, which mostly ends in `.0`: `battery` = `1.3.6.1.4.1.318.1.1.1.2.2.1.0`.',
      keyPattern: '[a-z][a-z0-9_]{0,59}',
      maxItems: 200,
      default: {},
    },
    walk: {
      kind: 'map',
      label: 'Columns of tables',
      help: 'The name of the metric and the OID of the column: one value for each row, with the label `item`.',
      keyPattern: '[a-z][a-z0-9_]{0,59}',
      maxItems: 50,
      default: {},
    },
    itemNames: {
      kind: 'text',
      label: 'Column with the names of the rows',
      help: 'The OID of a column of the same table, such as ifName. Without it the label `item` is the index of the row.',
      optional: true,
      example: '1.3.6.1.2.1.31.1.1.1.1',
    },
    scale: {
      kind: 'map',
      label: 'Factors',
      help: 'The name of a metric and what its value is multiplied by: `temperature` = `0.1`, where the device counts tenths.',
      keyPattern: '[a-z][a-z0-9_]{0,59}',
      maxItems: 250,
      default: {},
    },
    maxRows: { kind: 'number', label: 'Rows at most', integer: true, min: 1, max: 5_000, default: 500 },
  },
  metrics: {
    missing: { title: 'Names that the device has no number for', unit: '' },
  },
  openMetrics: 'The names in `get`, and those in `walk` with the label `item`.',
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'variables missing', metric: 'missing', thresholds: { WARNING: '> 0' }, for: '5m' },
  ],
  optIn: 'It reads what is named in it, and nothing else.',
  thresholdsFrom: 'None for values of one’s own: add rules for their names.',
  needs: 'A community or a user that may read these OIDs.',
  grant: '# /etc/snmp/snmpd.conf, for each of the OIDs\nview systemonly included .1.3.6.1.4.1.318',
  tryIt:
    'farwatch check snmp.values --set host=switch1 --set secret=public --set get.uptime=1.3.6.1.2.1.1.3.0 --set walk.status=1.3.6.1.2.1.2.2.1.8',
  check({ get, walk, itemNames, scale }, path) {
    const problems: Problem[] = []
    const oid = (place: string, text: string) => {
      if (!oidPattern.test(text))
        problems.push({ path: place, message: 'is no OID', hint: 'For example: 1.3.6.1.2.1.1.3.0' })
    }
    for (const [name, text] of Object.entries(get)) oid(`${path}.get.${name}`, text)
    for (const [name, text] of Object.entries(walk)) {
      oid(`${path}.walk.${name}`, text)
      if (Object.hasOwn(get, name))
        problems.push({ path: `${path}.walk.${name}`, message: 'is a name in `get` as well' })
    }
    if (itemNames !== undefined) oid(`${path}.itemNames`, itemNames)
    for (const [name, text] of Object.entries(scale)) {
      if (!/^-?\d{1,15}(\.\d{1,15})?(e-?\d{1,2})?$/i.test(text))
        problems.push({ path: `${path}.scale.${name}`, message: 'is no number', hint: 'For example: 0.1' })
      else if (!Object.hasOwn(get, name) && !Object.hasOwn(walk, name))
        problems.push({ path: `${path}.scale.${name}`, message: 'is no name in `get` or `walk`' })
    }
    for (const name of [...Object.keys(get), ...Object.keys(walk)])
      if (name === 'missing' || name === 'failed')
        problems.push({ path: `${path}.get.${name}`, message: 'is the name of a metric that there is already' })
    return problems
  },
  async collect({ get, walk, itemNames, scale, maxRows }, { client, signal }) {
    if (Object.keys(get).length + Object.keys(walk).length === 0)
      throw new TargetError('configuration', 'no variable is named in `get` or `walk`')
    const more: Sample[] = []
    const facts: Record<string, string> = {}
    const missing: string[] = []
    const factor = (name: string) => (Object.hasOwn(scale, name) ? Number(scale[name]) : 1)
    const wanted = Object.entries(get).map(([name, oid]) => [name, plain(oid)] as const)
    const single =
      wanted.length === 0 ? undefined : await client.get([...new Set(wanted.map(([, oid]) => oid))], signal)
    for (const [name, oid] of wanted) {
      const found = single?.get(oid)
      const number = numberIn(found)
      if (number !== undefined) more.push(sample(name, {}, number * factor(name), found!))
      else if (typeof found?.value === 'string' && found.value !== '') facts[name] = found.value.slice(0, 500)
      else missing.push(name)
    }
    const base = itemNames === undefined ? undefined : plain(itemNames)
    const named = base === undefined ? undefined : await client.walk(base, maxRows, signal)
    const labels = new Map(named?.values.map((one) => [one.oid.slice(base!.length + 1), String(one.value)]))
    let cut = named?.more === true
    for (const [name, oid] of Object.entries(walk)) {
      const column = plain(oid)
      const { values, more: isCut } = await client.walk(column, maxRows, signal)
      cut ||= isCut
      const taken = new Set<string>()
      let numbers = 0
      for (const found of values) {
        const number = numberIn(found)
        if (number === undefined) continue
        numbers++
        const index = found.oid.slice(column.length + 1)
        const called = (labels.get(index) ?? '').trim() || index
        const item = (taken.has(called) ? `${called} #${index}` : called).slice(0, 200)
        taken.add(item)
        more.push(sample(name, { item }, number * factor(name), found))
      }
      if (numbers === 0) missing.push(name)
    }
    const words = [
      ...(missing.length === 0 ? [] : [`no number for: ${missing.join(', ')}`]),
      ...(cut ? [`only the first ${maxRows} rows are read`] : []),
    ]
    return {
      metrics: { missing: missing.length },
      more,
      facts,
      ...(words.length === 0 ? {} : { message: words.join('; ') }),
    }
  },
})

function plain(oid: string): string {
  return oid.replace(/^\./, '')
}

/** Devices write numbers as texts where they have fractions: `"23.5"`. Text around a number makes it none. */
function numberIn(value: SnmpValue | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value.value === 'number') return value.type === 'ticks' ? value.value / 100 : value.value
  return /^\s*[+-]?\d{1,15}(\.\d{1,15})?\s*$/.test(value.value) ? Number(value.value) : undefined
}

function sample(name: string, labels: Readonly<Record<string, string>>, value: number, from: SnmpValue): Sample {
  switch (from.type) {
    case 'ticks':
      return { name, labels, value, unit: 's' }
    case 'counter32':
    case 'counter64':
      return { name, labels, value, kind: 'counter' }
    case 'integer':
    case 'gauge':
    case 'text':
    case 'oid':
    case 'address':
      return { name, labels, value }
  }
}
