import { at, compileJsonPath, defineMonitor, type MqttMessage, type Sample } from '../sdk/index.ts'
import { numberOf } from './formats/number.ts'
import { nameProblems, namedValues } from './formats/named-values.ts'

const metrics = {
  connect: { title: 'Time until a session was ready', unit: 'ms' },
  values: { title: 'Values found', unit: '' },
} as const

const maxMessages = 2_000

export default defineMonitor({
  id: 'mqtt.value',
  title: 'MQTT values',
  summary: 'Reads values that clients publish and the broker keeps (retained), or that come while it listens.',
  connector: 'mqtt',
  settings: {
    values: {
      kind: 'map',
      label: 'Values',
      help: 'Name of the metric: topic, such as `plant/boiler/temperature`. With `+` or `#` each topic is an item, told apart by the label `topic`.',
      keyPattern: '[A-Za-z_][A-Za-z0-9_.:\\-]*',
      maxItems: 50,
      default: {},
    },
    paths: {
      kind: 'map',
      label: 'Where in a JSON payload',
      help: 'Name of the metric: JSONPath, for values whose payload is JSON and not just a number.',
      keyPattern: '[A-Za-z_][A-Za-z0-9_.:\\-]*',
      maxItems: 50,
      default: {},
    },
    patience: {
      kind: 'duration',
      label: 'Patience',
      help: 'How long to wait for values that are not retained, and for the topics of a pattern. At most the timeout.',
      default: '2s',
      min: '100ms',
      max: '5m',
    },
  },
  metrics,
  ...namedValues,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  needs: 'A user that may read the topics.',
  grant: 'user farwatch\ntopic read plant/#',
  tryIt:
    '`mosquitto_pub -r -t plant/boiler -m 21.5`, then `farwatch check mqtt.value --set host=mq1 --set values.temperature=plant/boiler`. A topic without a value fails.',
  check({ values, paths }, path) {
    const problems = nameProblems(values, metrics, path)
    for (const [name, filter] of Object.entries(values)) {
      const place = at(`${path}.values`, name)
      if (!isFilter(filter))
        problems.push({ path: place, message: 'is not a topic', hint: 'For example: plant/+/temperature' })
    }
    for (const [name, jsonPath] of Object.entries(paths)) {
      const place = at(`${path}.paths`, name)
      if (!Object.hasOwn(values, name)) problems.push({ path: place, message: 'is not one of the values' })
      const compiled = compileJsonPath(jsonPath, place)
      if ('message' in compiled) problems.push(compiled)
    }
    return problems
  },
  async collect({ values, paths, patience }, { client, signal }) {
    const wanted = Object.entries(values)
    if (wanted.length === 0) return { metrics: { values: 0 }, message: 'no values are asked for' }
    const isOpen = wanted.some(([, filter]) => /[+#]/.test(filter))
    const heard = await client.listen(
      {
        filters: [...new Set(Object.values(values))],
        patienceMs: patience,
        maxMessages,
        // How many topics a pattern has nobody knows, so that it is listened to for as long as was said.
        enough: (messages) =>
          !isOpen && wanted.every(([, filter]) => messages.some((message) => message.topic === filter)),
      },
      signal,
    )
    const newest = new Map(heard.messages.map((message) => [message.topic, message]))
    const more: Sample[] = []
    const missing: string[] = []
    for (const [name, filter] of wanted) {
      const jsonPath = paths[name]
      const matching = [...newest.values()].filter(({ topic }) => topicMatches(filter, topic))
      const found = matching.flatMap((message): Sample[] => {
        const value = valueOf(message, jsonPath)
        const labels = /[+#]/.test(filter) ? { topic: message.topic.slice(0, 200) } : {}
        return value === undefined ? [] : [{ name, labels, value }]
      })
      if (found.length > 0) more.push(...found)
      else if (heard.refused.includes(filter)) missing.push(`the user may not read ${filter} (${name})`)
      else if (matching.length === 0) missing.push(`nothing came at ${filter} (${name})`)
      else missing.push(`what came at ${filter} is no number (${name})`)
    }
    return {
      metrics: { connect: heard.connect, values: more.length },
      more,
      message: `${more.length} values`,
      ...(missing.length === 0
        ? {}
        : { failure: { reason: 'assertion' as const, message: `${client.target}: ${missing.join('; ')}` } }),
    }
  },
})

/** MQTT 3.1.1, 4.7: `#` alone at the end, `+` alone between slashes. */
function isFilter(text: string): boolean {
  const levels = text.split('/')
  return (
    text !== '' &&
    text.length <= 1_000 &&
    levels.every((level, i) => !/[+#]/.test(level) || level === '+' || (level === '#' && i === levels.length - 1))
  )
}

export function topicMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  // What the broker says of itself is not meant by a pattern that begins with one.
  if (topic.startsWith('$') !== filter.startsWith('$')) return false
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (levels[i] === undefined || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

function valueOf({ payload }: MqttMessage, jsonPath: string | undefined): number | undefined {
  if (jsonPath === undefined) return numberOf(payload)
  const compiled = compileJsonPath(jsonPath)
  if (!('find' in compiled)) return undefined
  try {
    return numberOf(compiled.find(JSON.parse(payload))[0])
  } catch {
    return undefined
  }
}
