import { defineConnector, isPlainObject, TargetError, type Closable, type KubernetesClient } from '../sdk/index.ts'
import { httpService, httpSettings } from './http.ts'
import { httpBeginning } from './network/first-words.ts'
import { JsonService } from './network/json-service.ts'
import { hostPort } from './network/target.ts'

/** A pod is some ten kilobytes of JSON, so that a page stays below a few megabytes. */
const pageSize = 250
const maxObjects = 50_000

/** A Kubernetes cluster by its API server; nothing but reading is ever asked for. */
export default defineConnector({
  id: 'kubernetes',
  title: 'Kubernetes',
  summary: 'A Kubernetes cluster, through its API server.',
  settings: {
    ...httpSettings,
    url: {
      kind: 'url',
      label: 'URL of the API server',
      help: 'The `server` of a kubeconfig; its authority belongs into the further authorities.',
      protocols: ['https', 'http'],
      example: 'https://k8s.example:6443',
    },
  },
  credentials: ['token', 'certificate'],
  ...httpService,
  discovery: {
    at: { tcp: [6443, 16443] },
    async identify(place, signal) {
      // Whom it does not know it answers as well, in its own words.
      const answer = await httpBeginning(place, { path: '/version', tls: true }, signal)
      if (answer === undefined || !/"(gitVersion|kind)"\s*:\s*"(v\d|Status)/.test(answer.body)) return []
      return [
        {
          name: 'kubernetes',
          title: `Kubernetes API server, port ${place.port}`,
          settings: { url: `https://${hostPort(place.host, place.port)}` },
          seen: `port ${place.port} answered in the words of Kubernetes`,
          certainty: 'identified',
          credential: 'token',
        },
      ]
    },
  },
  open: (settings, credential) => new ApiServer(new JsonService(httpService.open(settings, credential))),
})

class ApiServer implements KubernetesClient, Closable {
  readonly url: string
  readonly #service: JsonService

  constructor(service: JsonService) {
    this.#service = service
    this.url = service.url
  }

  get(path: string, signal: AbortSignal): Promise<unknown> {
    return this.#service.ask({ path }, signal)
  }

  async list<T>(path: string, pick: (object: unknown) => T | undefined, signal: AbortSignal): Promise<T[]> {
    const kept: T[] = []
    let seen = 0
    let next = ''
    do {
      const from = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
      const page = await this.#service.ask({ path: `${path}?limit=${pageSize}${from}` }, signal)
      if (!isPlainObject(page) || !Array.isArray(page['items']))
        throw new TargetError('protocol', `${this.url} answers to ${path} with something that is no list`)
      for (const object of page['items'] as unknown[]) {
        const picked = pick(object)
        if (picked !== undefined) kept.push(picked)
      }
      seen += page['items'].length
      if (seen > maxObjects) throw new TargetError('too large', `${path} lists more than ${maxObjects} objects`)
      const about = page['metadata']
      const given = isPlainObject(about) ? about['continue'] : undefined
      // The same place twice, or a page of nothing, would go on for ever.
      const isStuck = given === next || page['items'].length === 0
      next = typeof given === 'string' && !isStuck ? given : ''
    } while (next !== '')
    return kept
  }

  close(): void | Promise<void> {
    return this.#service.close()
  }
}
