import { defineMonitor, type Item, type MqttMessage } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { numberIn } from './formats/number.ts'

const metrics = {
  connect: { title: 'Time until a session was ready', unit: 'ms' },
  clients: { title: 'Clients connected', unit: '' },
  clients_away: { title: 'Clients disconnected whose sessions the broker keeps', unit: '' },
  subscriptions: { title: 'Subscriptions', unit: '' },
  retained: { title: 'Retained messages', unit: '' },
  stored: { title: 'Messages in store', unit: '' },
  stored_bytes: { title: 'Messages in store, their size', unit: 'B' },
  received: { title: 'Packets received', unit: '', kind: 'counter' },
  sent: { title: 'Packets sent', unit: '', kind: 'counter' },
  published: { title: 'Messages that clients published', unit: '', kind: 'counter' },
  dropped: { title: 'Messages thrown away because a queue was full', unit: '', kind: 'counter' },
  received_bytes: { title: 'Received', unit: 'B', kind: 'counter' },
  sent_bytes: { title: 'Sent', unit: 'B', kind: 'counter' },
  memory: { title: 'Memory in use', unit: 'B' },
  uptime: { title: 'Time since the start', unit: 's' },
  bridge: { title: 'A bridge to another broker is up (1) or not (0)', unit: '', items: ['bridge'] },
} as const

/** Below `$SYS/broker/`; Mosquitto publishes them every ten seconds and keeps them for whoever comes. */
const topics = {
  clients: 'clients/connected',
  clients_away: 'clients/disconnected',
  subscriptions: 'subscriptions/count',
  retained: 'retained messages/count',
  stored: 'store/messages/count',
  stored_bytes: 'store/messages/bytes',
  received: 'messages/received',
  sent: 'messages/sent',
  published: 'publish/messages/received',
  dropped: 'publish/messages/dropped',
  received_bytes: 'bytes/received',
  sent_bytes: 'bytes/sent',
  memory: 'heap/current',
  uptime: 'uptime',
} as const satisfies Partial<Record<keyof typeof metrics, string>>

const root = '$SYS/broker/'
const bridges = `${root}connection/+/state`
const version = `${root}version`
const wanted = [...Object.values(topics).map((topic) => root + topic), version]

export default defineMonitor({
  id: 'mqtt.broker',
  title: 'MQTT broker',
  summary:
    'Whether clients can sign in, and what the broker says of itself: clients, messages, what it threw away, bridges.',
  connector: 'mqtt',
  settings: {
    patience: {
      kind: 'duration',
      label: 'Patience',
      help: 'How long to wait for figures that the broker keeps ready; a broker that lacks one of them costs so long at every run.',
      default: '2s',
      min: '100ms',
      max: '30s',
    },
  },
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'messages thrown away', metric: 'dropped', thresholds: { WARNING: '> 0' }, for: '2m' },
    { name: 'bridge down', metric: 'bridge', thresholds: { CRITICAL: '< 1' }, for: '2m' },
    { name: 'slow', metric: 'connect', thresholds: { WARNING: '> 5s' }, for: '2m' },
  ],
  thresholdsFrom:
    'A message that was thrown away and a bridge that is down are losses; 5 s are the catalogue’s bound for a sign-in.',
  needs:
    'A user that may read `$SYS/broker/#`. The figures are those of Mosquitto; with another broker, or without the right, the sign-in alone is measured.',
  grant: 'user farwatch\ntopic read $SYS/broker/#',
  tryIt:
    '`farwatch check mqtt.broker --set host=mq1 --set username=farwatch --set secret=…`; without TLS add `--set port=1883 --set tls=false`.',
  async collect({ patience }, { client, signal }) {
    const heard = await client.listen(
      {
        // A broker sends what it keeps in the order in which it was asked: bridges, of which nobody knows how many there are, come first.
        filters: [bridges, ...wanted],
        patienceMs: patience,
        maxMessages: 1_000,
        enough: (messages) => wanted.every((topic) => messages.some((message) => message.topic === topic)),
      },
      signal,
    )
    const newest = new Map(heard.messages.map((message) => [message.topic, message.payload]))
    const value = (topic: string) => numberIn(newest.get(root + topic))
    const figures = Object.entries(topics).map(([name, topic]) => [name, value(topic)] as const)
    const known = figures.filter(([, found]) => found !== undefined).length
    const bridge = bridgesIn(heard.messages)
    const program = newest.get(version)?.slice(0, 200)
    return {
      metrics: {
        connect: heard.connect,
        // The names are those of `topics`, which are metrics.
        ...measured(Object.fromEntries(figures)),
        ...(bridge.length === 0 ? {} : { bridge }),
      },
      facts: program === undefined ? {} : { version: program },
      message:
        known === 0
          ? `signed in; the broker shows no figures below ${root} to this user`
          : `signed in; ${value(topics.clients) ?? 'some'} clients`,
    }
  },
})

function bridgesIn(messages: readonly MqttMessage[]): Item[] {
  const states = new Map<string, number>()
  for (const { topic, payload } of messages) {
    const name = /^\$SYS\/broker\/connection\/([^/]+)\/state$/.exec(topic)?.[1]
    if (name !== undefined) states.set(name.slice(0, 200), payload.trim() === '1' ? 1 : 0)
  }
  return [...states].map(([name, value]) => ({ labels: { bridge: name }, value }))
}
