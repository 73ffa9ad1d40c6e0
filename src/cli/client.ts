import { readFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { FarwatchError, errorCatalogue, messageOf, systemCodeOf, type ErrorCode } from '../base/index.ts'
import {
  operations,
  type AnswerOf,
  type BodyOf,
  type ErrorAnswer,
  type Operation,
  type OperationName,
  type Operations,
  type ParamsOf,
  type QueryOf,
} from '../contract/index.ts'
import type { Terminal } from './terminal.ts'

export interface ClientOptions {
  readonly url?: string
  readonly token?: string
  readonly data?: string
  readonly fingerprint?: string
}

/** How a running instance is reached. */
interface Destination {
  readonly url: string
  readonly token: string
  readonly fingerprint: string | undefined
}

type Input<O extends Operation> = {
  readonly params?: ParamsOf<O>
  readonly query?: QueryOf<O>
  readonly body?: BodyOf<O>
}

/** Speaks to a running instance with the contract's operations. */
export interface Client {
  readonly url: string
  call<N extends OperationName>(name: N, input?: Input<Operations[N]>): Promise<AnswerOf<Operations[N]>>
}

/**
 * Finds the instance: `--url` and `--token`, else FARWATCH_URL and FARWATCH_TOKEN, else what the instance that runs on the data
 * directory left there for its own machine's administrator.
 * @throws FarwatchError `wrong-use`, `unreachable`
 */
export async function openClient(terminal: Terminal, options: ClientOptions): Promise<Client> {
  const destination = await findDestination(terminal, options)
  return {
    url: destination.url,
    call: async (name, input = {}) => {
      const operation: Operation = operations[name]
      const given = input as { params?: Record<string, string>; query?: Record<string, unknown>; body?: unknown }
      const path = operation.path.replace(/\{(\w+)\}/g, (_, key: string) =>
        encodeURIComponent(given.params?.[key] ?? ''),
      )
      const query = Object.entries(given.query ?? {}).filter(([, value]) => value !== undefined)
      const search =
        query.length === 0
          ? ''
          : `?${query.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')}`
      // The server answers with what the operation declares, or with an error.
      const { status, text } = await exchange(destination, operation.method, `/api/v1${path}${search}`, given.body)
      return (operation.isText === true && status < 400 ? text : readAnswer(status, text)) as never
    },
  }
}

async function findDestination(terminal: Terminal, options: ClientOptions): Promise<Destination> {
  const url = options.url ?? terminal.env['FARWATCH_URL']
  const token = options.token ?? terminal.env['FARWATCH_TOKEN']
  if (url !== undefined && token !== undefined)
    return { url: url.replace(/\/+$/, ''), token, fingerprint: options.fingerprint }
  const directory = options.data ?? terminal.env['FARWATCH_DATA'] ?? 'data'
  const file = join(directory, 'local-access.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    const why =
      systemCodeOf(thrown) === 'EACCES'
        ? `${file} belongs to another user`
        : `no instance runs on the data directory ${directory}`
    throw new FarwatchError(
      url === undefined ? 'unreachable' : 'wrong-use',
      url === undefined ? why : 'a token is needed as well',
      {
        hint: 'Give --url and --token (or FARWATCH_URL and FARWATCH_TOKEN), or --data with the directory of an instance that runs on this machine.',
        cause: thrown,
      },
    )
  }
  // Written by a running instance for this very purpose.
  const local = JSON.parse(text) as Destination
  return url === undefined ? local : { ...local, url: url.replace(/\/+$/, '') }
}

interface Exchanged {
  readonly status: number
  readonly text: string
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

function exchange(destination: Destination, method: string, path: string, body: unknown): Promise<Exchanged> {
  const url = new URL(destination.url + path)
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const request = httpsRequest(
      url,
      {
        method,
        agent: false,
        // To this very machine the connection crosses no network, and the certificate made at first start has no authority behind it.
        // A fingerprint is compared below, before anything is sent.
        rejectUnauthorized: destination.fingerprint === undefined && !loopback.test(url.hostname),
        headers: {
          authorization: `Bearer ${destination.token}`,
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('error', (thrown) => reject(unreachable(url, thrown)))
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        )
      },
    )
    request.once('error', (thrown) => reject(unreachable(url, thrown)))
    if (destination.fingerprint === undefined) return request.end(payload)
    request.once('socket', (socket) =>
      socket.once('secureConnect', () => {
        const seen = (socket as TLSSocket).getPeerCertificate().fingerprint256
        if (seen === destination.fingerprint) request.end(payload)
        else
          request.destroy(
            new FarwatchError(
              'untrusted-certificate',
              `${url.host} shows a certificate with the fingerprint ${seen}, not ${destination.fingerprint}`,
              {
                hint: 'Somebody else may be answering there. Compare the fingerprint with the one in the portal.',
              },
            ),
          )
      }),
    )
  })
}

function unreachable(url: URL, thrown: unknown): Error {
  if (thrown instanceof FarwatchError) return thrown
  const code = systemCodeOf(thrown) ?? ''
  if (/CERT|SIGNED|ALTNAME|ISSUER/.test(code)) {
    return new FarwatchError(
      'untrusted-certificate',
      `the certificate of ${url.host} is not trusted here: ${messageOf(thrown)}`,
      {
        hint: 'Give --fingerprint with the SHA-256 fingerprint that the portal of that instance shows.',
        cause: thrown,
      },
    )
  }
  return new FarwatchError('unreachable', `${url.host} cannot be reached: ${messageOf(thrown)}`, {
    hint: 'Is Farwatch running there?',
    cause: thrown,
  })
}

function readAnswer(status: number, text: string): unknown {
  let answer: unknown
  try {
    answer = text === '' ? undefined : JSON.parse(text)
  } catch {
    throw new FarwatchError('unreachable', `the answer (status ${status}) is not JSON`, {
      hint: 'Is the URL that of a Farwatch instance?',
    })
  }
  if (status < 400) return answer
  const { error } = answer as Partial<ErrorAnswer>
  if (error === undefined) throw new FarwatchError('unreachable', `the instance answered with status ${status}`)
  throw new FarwatchError(error.code in errorCatalogue ? (error.code as ErrorCode) : 'internal', error.message, {
    hint: error.hint,
    problems: Array.isArray(error.details) ? error.details : [],
  })
}
