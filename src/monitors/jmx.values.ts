import { at, defineMonitor, type Sample } from '../sdk/index.ts'
import { objectOf, valueAt } from './formats/json.ts'
import { numberOf } from './formats/number.ts'
import { nameProblems, namedValues } from './formats/named-values.ts'

const metrics = {
  values: { title: 'Values found', unit: '' },
} as const

const maxItems = 1_000

export default defineMonitor({
  id: 'jmx.values',
  title: 'JMX values',
  summary: 'Any numbers out of the JMX beans of a Java process: pools, caches, queues, whatever the program shows.',
  connector: 'jolokia',
  settings: {
    values: {
      kind: 'map',
      label: 'Values',
      help: 'Name of the metric: bean#attribute, and further names after slashes for a part of it: `java.lang:type=Memory#HeapMemoryUsage/used`. With `*` in the bean’s name each bean is an item, told apart by the label `bean`.',
      keyPattern: '[A-Za-z_][A-Za-z0-9_.:\\-]*',
      maxItems: 50,
      default: {},
    },
    counters: {
      kind: 'list',
      label: 'Counters',
      help: 'Names of those values that only grow; charts and rules look at their rate.',
      of: { kind: 'text', label: 'Name of the metric' },
      maxItems: 50,
      default: [],
    },
  },
  metrics,
  ...namedValues,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  needs: 'The Jolokia agent in the process, allowed to read the beans.',
  grant:
    '<restrict>\n  <commands><command>read</command></commands>\n  <allow><mbean><name>java.lang:*</name><attribute mode="read">*</attribute></mbean></allow>\n</restrict>',
  tryIt:
    '`farwatch check jmx.values --set url=http://app1:8778/jolokia --set "values.threads=java.lang:type=Threading#ThreadCount"`. A bean that does not exist fails with its name.',
  check({ values, counters }, path) {
    const problems = nameProblems(values, metrics, path)
    for (const [name, where] of Object.entries(values)) {
      const place = at(`${path}.values`, name)
      if (readWhere(where) === undefined)
        problems.push({
          path: place,
          message: 'does not name a bean and an attribute',
          hint: 'For example: java.lang:type=Memory#HeapMemoryUsage/used',
        })
    }
    for (const [i, name] of counters.entries())
      if (!Object.hasOwn(values, name))
        problems.push({ path: at(`${path}.counters`, i), message: 'is not one of the values' })
    return problems
  },
  async collect({ values, counters }, { client, signal }) {
    const wanted = Object.entries(values).flatMap(([name, where]) => {
      const read = readWhere(where)
      return read === undefined ? [] : [{ name, where, ...read }]
    })
    if (wanted.length === 0) return { metrics: { values: 0 }, message: 'no values are asked for' }
    const answers = await client.read(
      wanted.map(({ mbean, attribute }) => ({ mbean, attributes: [attribute] })),
      signal,
    )
    const more: Sample[] = []
    const missing: string[] = []
    for (const [i, { name, where, mbean, attribute, path }] of wanted.entries()) {
      const answer = answers[i]
      if (answer === undefined || 'refused' in answer) {
        missing.push(`${where}: ${answer?.refused ?? 'no answer'} (${name})`)
        continue
      }
      const kind = counters.includes(name) ? { kind: 'counter' as const } : {}
      const found = beansIn(mbean, answer.value).flatMap(({ labels, bean }): Sample[] => {
        const value = numberOf(valueAt(bean, attribute, ...path))
        return value === undefined ? [] : [{ name, labels, value, ...kind }]
      })
      if (found.length === 0) missing.push(`${where}: there is no number (${name})`)
      else more.push(...found)
    }
    return {
      metrics: { values: more.length },
      more,
      message: `${more.length} values`,
      ...(missing.length === 0
        ? {}
        : { failure: { reason: 'assertion' as const, message: `${client.url}: ${missing.join('; ')}` } }),
    }
  },
})

interface Where {
  readonly mbean: string
  readonly attribute: string
  readonly path: readonly string[]
}

/** `domain:key=value,…#attribute/part/part`. A bean's name may hold `#`, an attribute's hardly. */
function readWhere(text: string): Where | undefined {
  const cut = text.lastIndexOf('#')
  const mbean = text.slice(0, cut)
  const [attribute = '', ...path] = text.slice(cut + 1).split('/')
  return cut > 0 && /^[^:]+:.*=/.test(mbean) && attribute !== '' ? { mbean, attribute, path } : undefined
}

/** With a pattern the answer holds the beans by their names, else the attributes of the one. */
function beansIn(mbean: string, value: unknown): { labels: Record<string, string>; bean: unknown }[] {
  if (!/[*?]/.test(mbean)) return [{ labels: {}, bean: value }]
  return Object.entries(objectOf(value) ?? {})
    .slice(0, maxItems)
    .map(([name, bean]) => ({ labels: { bean: name.replace(/^[^:]*:/, '').slice(0, 200) }, bean }))
}
