/** A client of the HTTP API that keeps its connection, as a browser does. */
import { Agent, request } from 'node:https'

export class ApiClient {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  token = ''

  constructor(url: string) {
    this.#url = url
  }

  /** @returns the answer's body; the caller says its shape, as the contract has it. @throws Error for an answer that is not 200 */
  ask<T>(method: string, path: string, body?: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(this.token === '' ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      }
      const sent = request(`${this.#url}/api/v1${path}`, { method, agent: this.#agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.once('error', reject)
        response.once('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as T)
          else reject(new Error(`${method} ${path} was answered with ${response.statusCode}: ${text.slice(0, 500)}`))
        })
      })
      sent.once('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async signIn(username: string, password: string): Promise<void> {
    this.token = (await this.ask<{ token: string }>('POST', '/sessions', { username, password })).token
  }

  close(): void {
    this.#agent.destroy()
  }
}
