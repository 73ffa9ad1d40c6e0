import { StatementRefused, TargetError, type Closable, type HttpAnswerSeen, type HttpClient } from '../../sdk/index.ts'
import { SignIn } from './sign-in.ts'

const defaultMaxBytes = 16 * 1024 * 1024

export interface JsonQuestion {
  /** Added to the service's URL. */
  readonly path: string
  /** Sent as JSON with POST where given; otherwise it is a GET. */
  readonly body?: unknown
  readonly maxBytes?: number
}

/** A service that answers questions over HTTP in JSON. Keeps its connection between runs. */
export class JsonService implements Closable {
  /** Where it is, without what may be secret. */
  readonly url: string
  readonly #http: HttpClient & Closable
  readonly #signIn = new SignIn()

  constructor(http: HttpClient & Closable) {
    this.#http = http
    this.url = http.url
  }

  /**
   * Answers with what JSON.parse made of the answer.
   * Throws StatementRefused (`403`, `404`) where this one question is not answered, TargetError otherwise: `credentials`, `protocol`, and
   * what the HTTP client throws.
   */
  ask(question: JsonQuestion, signal: AbortSignal): Promise<unknown> {
    return this.#signIn.try(() => this.#ask(question, signal), signal)
  }

  async #ask({ path, body, maxBytes }: JsonQuestion, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#http.request(
      {
        path,
        maxBodyBytes: maxBytes ?? defaultMaxBytes,
        // A kept connection may have ended in the moment it is used; what has a body is not simply sent again.
        reuseConnection: body === undefined,
        headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      },
      signal,
    )
    return this.#read(answer, path.split('?')[0]!)
  }

  // What the service says in its body is not repeated: it may quote what was sent.
  #read(answer: HttpAnswerSeen, path: string): unknown {
    const { status } = answer
    if (status === 401) throw new TargetError('credentials', `${this.url} refused the sign-in (HTTP 401)`)
    if (status === 403) throw new StatementRefused('403', `not allowed to read ${path}`)
    if (status === 404) throw new StatementRefused('404', `there is no ${path}`)
    if (status < 200 || status > 299)
      throw new TargetError('protocol', `${this.url} answers with HTTP ${status} to ${path}`)
    try {
      return JSON.parse(answer.text())
    } catch (thrown) {
      throw new TargetError('protocol', `${this.url} answers to ${path} with something that is not JSON`, {
        cause: thrown,
      })
    }
  }

  close(): void | Promise<void> {
    return this.#http.close?.()
  }
}
