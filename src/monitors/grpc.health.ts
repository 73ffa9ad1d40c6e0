import { defineMonitor, type Item } from '../sdk/index.ts'

const metrics = {
  serving: { title: 'The service serves (1) or not (0)', unit: '', items: ['service'] },
  duration: { title: 'From the question to the answer', unit: 'ms', items: ['service'] },
  connect: { title: 'Time until the connection was open', unit: 'ms' },
  tls: { title: 'TLS handshake', unit: 'ms' },
  certificate_days: { title: 'Days until the certificate ends', unit: 'd' },
} as const

const dayMs = 86_400_000
const whole = 'server'

export default defineMonitor({
  id: 'grpc.health',
  title: 'gRPC health',
  summary: 'Asks a gRPC server by the standard health checking protocol whether it and its services serve.',
  connector: 'grpc',
  settings: {
    services: {
      kind: 'list',
      label: 'Services',
      help: 'Full names, such as `shop.v1.Orders`. The server as a whole is asked for where none is named.',
      of: { kind: 'text', label: 'Service', maxLength: 200 },
      maxItems: 50,
      default: [],
    },
  },
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'not serving', metric: 'serving', thresholds: { CRITICAL: '< 1' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 1s', MAJOR: '> 5s' }, for: '2m' },
    { name: 'certificate ends', metric: 'certificate_days', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
  ],
  thresholdsFrom:
    'The catalogue: NOT_SERVING is critical. A second is our own judgement of a question that costs nothing.',
  needs: 'A server that offers `grpc.health.v1.Health`; most frameworks bring it along.',
  tryIt:
    '`farwatch check grpc.health --set host=shop --set port=50051 --set tls=false`; a service that is set to NOT_SERVING raises.',
  async collect({ services }, { client, signal, now }) {
    const seen = await client.health(services.length === 0 ? [''] : [...new Set(services)], signal)
    const each = (value: (one: (typeof seen.services)[number]) => number): Item[] =>
      seen.services.map((one) => ({ labels: { service: one.service === '' ? whole : one.service }, value: value(one) }))
    const ill = seen.services.filter((one) => one.state !== 'SERVING')
    return {
      metrics: {
        serving: each((one) => Number(one.state === 'SERVING')),
        duration: each((one) => one.duration),
        connect: seen.connect,
        ...(seen.tls === undefined ? {} : { tls: seen.tls }),
        ...(seen.certificate === undefined ? {} : { certificate_days: (seen.certificate.validTo - now()) / dayMs }),
      },
      facts: seen.certificate === undefined ? {} : { certificate: seen.certificate.subject },
      message:
        ill.length === 0
          ? 'serving'
          : ill
              .map((one) => `${one.service === '' ? whole : one.service} is ${one.state}`)
              .join(', ')
              .slice(0, 500),
    }
  },
})
