/** The questions that Prometheus and VictoriaMetrics answer alike. */
import { Agent, request } from 'node:http'

interface Answer {
  readonly data: {
    readonly result: readonly { readonly value?: readonly [number, string]; readonly values?: readonly unknown[] }[]
  }
}

/** On a connection that is kept, as the questions to Farwatch are asked. */
export class PrometheusApi {
  readonly url: string
  readonly #agent = new Agent({ keepAlive: true })

  constructor(url: string) {
    this.url = url
  }

  send(method: string, path: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, { method, agent: this.#agent }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.once('error', reject)
        response.once('end', () => {
          if ((response.statusCode ?? 0) < 300) resolve(text)
          else reject(new Error(`${method} ${path} was answered with ${response.statusCode}: ${text.slice(0, 500)}`))
        })
      })
      sent.once('error', reject)
      sent.end(body)
    })
  }

  /** A query whose answer is one number at a moment, 0 where it has no answer. */
  async number(query: string, at: number): Promise<number> {
    const words = new URLSearchParams({ query, time: String(at / 1_000) })
    const { data } = JSON.parse(await this.send('GET', `/api/v1/query?${words}`)) as Answer
    return Number(data.result[0]?.value?.[1] ?? 0)
  }

  /** @returns how many series and points were answered */
  async range(
    query: string,
    range: { from: number; to: number; stepMs: number },
  ): Promise<{ series: number; points: number }> {
    const words = new URLSearchParams({
      query,
      start: String(range.from / 1_000),
      end: String(range.to / 1_000),
      step: String(range.stepMs / 1_000),
      // To VictoriaMetrics: find it anew each time. Prometheus keeps nothing and does not look at it.
      nocache: '1',
    })
    const { data } = JSON.parse(await this.send('GET', `/api/v1/query_range?${words}`)) as Answer
    return {
      series: data.result.length,
      points: data.result.reduce((sum, { values }) => sum + (values?.length ?? 0), 0),
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}
