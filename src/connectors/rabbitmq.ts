import { defineConnector, type Closable, type RabbitmqClient } from '../sdk/index.ts'
import { httpService, httpSettings } from './http.ts'
import { httpBeginning } from './network/first-words.ts'
import { JsonService } from './network/json-service.ts'
import { hostPort } from './network/target.ts'

/** A RabbitMQ broker by the HTTP interface of its management plugin. */
export default defineConnector({
  id: 'rabbitmq',
  title: 'RabbitMQ',
  summary: 'A RabbitMQ broker, through its management interface (port 15672, or 15671 with TLS).',
  settings: {
    ...httpSettings,
    url: {
      kind: 'url',
      label: 'Management URL',
      help: 'Of one node; it answers for the whole cluster.',
      protocols: ['http', 'https'],
      example: 'http://mq1.example:15672',
    },
  },
  credentials: ['basic', 'token'],
  credentialRequired: true,
  ...httpService,
  discovery: {
    at: { tcp: [15672, 15671] },
    async identify(place, signal) {
      const tls = place.port === 15671
      const page = await httpBeginning(place, { path: '/', tls }, signal)
      if (page === undefined || !/<title>RabbitMQ Management/.test(page.body)) return []
      return [
        {
          name: 'rabbitmq',
          title: `RabbitMQ, port ${place.port}`,
          settings: { url: `${tls ? 'https' : 'http'}://${hostPort(place.host, place.port)}` },
          seen: `port ${place.port} shows the management page of RabbitMQ`,
          certainty: 'identified',
          credential: 'basic',
        },
      ]
    },
  },
  open: (settings, credential) => new Broker(new JsonService(httpService.open(settings, credential))),
})

class Broker implements RabbitmqClient, Closable {
  readonly url: string
  readonly #service: JsonService

  constructor(service: JsonService) {
    this.#service = service
    this.url = service.url
  }

  get(path: string, signal: AbortSignal): Promise<unknown> {
    return this.#service.ask({ path }, signal)
  }

  close(): void | Promise<void> {
    return this.#service.close()
  }
}
