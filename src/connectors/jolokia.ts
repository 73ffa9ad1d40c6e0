import {
  defineConnector,
  isPlainObject,
  StatementRefused,
  TargetError,
  type Closable,
  type JolokiaAnswer,
  type JolokiaClient,
  type JolokiaRead,
} from '../sdk/index.ts'
import { httpService, httpSettings } from './http.ts'
import { httpBeginning } from './network/first-words.ts'
import { JsonService } from './network/json-service.ts'
import { hostPort } from './network/target.ts'

/** A Java process, by JMX through the agent named Jolokia, which speaks HTTP and JSON. */
export default defineConnector({
  id: 'jolokia',
  title: 'Java (JMX by Jolokia)',
  summary: 'A Java process with the Jolokia agent, which shows its JMX beans over HTTP.',
  settings: {
    ...httpSettings,
    url: {
      kind: 'url',
      label: 'URL of the agent',
      help: 'With its path: /jolokia for the JVM agent, /api/jolokia for ActiveMQ, /actuator/jolokia for Spring Boot.',
      protocols: ['http', 'https'],
      example: 'http://app1.example:8778/jolokia',
    },
  },
  credentials: ['basic', 'token', 'header', 'certificate'],
  ...httpService,
  discovery: {
    at: { tcp: [8778, 8161] },
    async identify(place, signal) {
      const path = place.port === 8161 ? '/api/jolokia/' : '/jolokia/'
      const answer = await httpBeginning(place, { path, tls: false }, signal)
      const isAgent = answer?.status === 200 && /"agent"\s*:/.test(answer.body) && /"protocol"\s*:/.test(answer.body)
      // The agent of a JVM alone listens on 8778, so that one which asks for a password first is still known by its port.
      const asks = answer?.status === 401
      if (!isAgent && !asks) return []
      return [
        {
          name: 'jolokia',
          title: `Java process with Jolokia, port ${place.port}`,
          settings: { url: `http://${hostPort(place.host, place.port)}${path}` },
          seen: isAgent
            ? `port ${place.port} answered in the words of Jolokia`
            : `port ${place.port}, which is Jolokia’s, asks for a password`,
          certainty: isAgent ? 'identified' : 'guessed',
          ...(asks ? { credential: 'basic' as const } : {}),
        },
      ]
    },
  },
  open: (settings, credential) => new Agent(new JsonService(httpService.open(settings, credential))),
})

/** Errors in place of the attributes that have one, no stack traces, and no more of an object than a value needs. */
const options = {
  ignoreErrors: 'true',
  includeStackTrace: 'false',
  canonicalNaming: 'false',
  maxDepth: '4',
  maxCollectionSize: '1000',
  maxObjects: '20000',
}

/**
 * The one thing that is called and not read. It changes nothing; the process stops for a moment to look at its threads.
 * There is no other way to write a call than this constant.
 */
const deadlocked = { type: 'exec', mbean: 'java.lang:type=Threading', operation: 'findDeadlockedThreads' }

class Agent implements JolokiaClient, Closable {
  readonly url: string
  readonly #service: JsonService

  constructor(service: JsonService) {
    this.#service = service
    this.url = service.url
  }

  async read(reads: readonly JolokiaRead[], signal: AbortSignal): Promise<readonly JolokiaAnswer[]> {
    const body = reads.map((read) =>
      read === 'deadlocked threads'
        ? deadlocked
        : { type: 'read', mbean: read.mbean, attribute: read.attributes, config: options },
    )
    // Without the slash at its end the agent redirects, and what was asked would be lost on the way.
    const path = this.url.endsWith('/') ? '' : '/'
    let answers: unknown
    try {
      answers = await this.#service.ask({ path, body }, signal)
    } catch (thrown) {
      if (!(thrown instanceof StatementRefused)) throw thrown
      throw thrown.code === '404'
        ? new TargetError('configuration', `there is no agent at ${this.url}`, { cause: thrown })
        : new TargetError('credentials', `${this.url} does not let this user read`, { cause: thrown })
    }
    if (!Array.isArray(answers) || answers.length !== reads.length)
      throw new TargetError('protocol', `${this.url} does not answer as Jolokia should`)
    return answers.map(answerOf)
  }

  close(): void | Promise<void> {
    return this.#service.close()
  }
}

/** Its words name the bean and the Java exception; what else the agent may write is left out. */
function answerOf(answer: unknown): JolokiaAnswer {
  if (!isPlainObject(answer)) return { refused: 'no answer' }
  if (answer['status'] === 200) return { value: answer['value'] }
  const type = typeof answer['error_type'] === 'string' ? answer['error_type'].slice(0, 100) : ''
  switch (type.replace(/^.*\./, '')) {
    case 'InstanceNotFoundException':
      return { refused: 'there is no such bean' }
    case 'AttributeNotFoundException':
      return { refused: 'there is no such attribute' }
    case 'MalformedObjectNameException':
      return { refused: 'the name is not one of a bean' }
    case 'SecurityException':
      return { refused: 'not allowed' }
    default:
      return {
        refused:
          answer['status'] === 403 ? 'not allowed' : `Jolokia answers ${String(answer['status'])} ${type}`.trim(),
      }
  }
}
