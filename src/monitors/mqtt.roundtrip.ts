import { defineMonitor } from '../sdk/index.ts'

const metrics = {
  duration: { title: 'From publishing a message to receiving it', unit: 'ms' },
  connect: { title: 'Time until a session was ready', unit: 'ms' },
} as const

export default defineMonitor({
  id: 'mqtt.roundtrip',
  title: 'MQTT round trip',
  summary: 'Publishes a message on a topic of its own, and measures how long it takes until it comes back.',
  connector: 'mqtt',
  settings: {
    topic: {
      kind: 'text',
      label: 'Topic',
      help: 'One that nobody else uses. The message is not retained.',
      maxLength: 200,
      pattern: '[^+#\\x00]+',
      example: 'farwatch/roundtrip',
    },
    qos: { kind: 'choice', label: 'Quality of service', of: ['0', '1'], default: '0' },
  },
  metrics,
  period: '1m',
  timeout: '10s',
  optIn: 'It publishes: whoever subscribes to everything sees its messages.',
  tested: 'real server',
  rules: [
    { name: 'no round trip', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 1s', CRITICAL: '> 5s' }, for: '2m' },
  ],
  thresholdsFrom: 'Our own judgement: a broker passes a message on within milliseconds.',
  needs: 'A user that may write and read the topic. It is the one thing that this monitor writes.',
  grant: 'user farwatch\ntopic readwrite farwatch/roundtrip',
  tryIt:
    '`farwatch check mqtt.roundtrip --set host=mq1 --set topic=farwatch/roundtrip`; take the right to write away, and it fails with `timed out`.',
  async collect({ topic, qos }, { client, signal }) {
    const { connect, duration } = await client.roundTrip({ topic, qos: qos === '1' ? 1 : 0 }, signal)
    return { metrics: { connect, duration }, message: `back after ${Math.round(duration)} ms` }
  },
})
