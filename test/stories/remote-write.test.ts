import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startVictoriaMetrics } from '../servers/victoria-metrics.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'

const tasks = 5

/** A way to a server that can be closed and opened again: closed, connections are refused as if nothing ran there. */
class Way implements AsyncDisposable {
  readonly #to: number
  readonly #open = new Set<Socket>()
  #server: Server | undefined
  port = 0

  constructor(to: number) {
    this.#to = to
  }

  async open(): Promise<void> {
    const server = createServer((from) => {
      const to = connect(this.#to, '127.0.0.1')
      for (const socket of [from, to]) {
        this.#open.add(socket)
        socket.on('error', () => undefined)
        socket.once('close', () => {
          this.#open.delete(socket)
          from.destroy()
          to.destroy()
        })
      }
      from.pipe(to).pipe(from)
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
    this.port = (server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    for (const socket of this.#open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

test('a store elsewhere gets every value, also those of the time in which it was away and of before a crash', async () => {
  await using target = await CountingTarget.start()
  const store = await startVictoriaMetrics()
  await using way = new Way(Number(new URL(store.url).port))
  await way.open()
  await using instance = await TestInstance.start()
  try {
    await instance.call('applyConfiguration', {
      query: {},
      body: {
        ...countingDocument(target.url, tasks),
        plugins: [
          {
            name: 'store',
            plugin: 'prometheus-remote-write',
            settings: { url: `http://127.0.0.1:${way.port}/api/v1/write` },
            sends: ['metrics'],
          },
        ],
      },
    })

    /** `connector metric time value` of everything before a moment, as our own API shows it. */
    const ours = async (before: number): Promise<string[]> => {
      const found: string[] = []
      for (const metric of ['hits', 'status']) {
        const series = await instance.call('listSeries', { query: { match: `${metric}{group="acme"}` } })
        for (const { id, labels } of series) {
          const { points } = await instance.call('queryMetrics', { query: { series: id } })
          for (const { at, value } of points)
            if (Date.parse(at) < before) found.push(`${labels['connector']} ${metric} ${Date.parse(at)} ${value}`)
        }
      }
      return found.sort()
    }
    /** The same as the store has it. What was sent twice counts once. */
    const theirs = async (before: number): Promise<string[]> => {
      const found = new Set<string>()
      for (const { labels, values, timestamps } of await store.exported('{group="acme"}')) {
        const metric = /^farwatch_http_response_(hits|status)$/.exec(labels['__name__']!)?.[1]
        timestamps.forEach((at, i) => {
          if (metric !== undefined && at < before) found.add(`${labels['connector']} ${metric} ${at} ${values[i]}`)
        })
      }
      return [...found].sort()
    }
    const measuredSince = async (moment: number, runs: number) =>
      until(
        `${runs} more runs of each`,
        async () => {
          const later = (await ours(Infinity)).filter((line) => Number(line.split(' ')[2]) > moment)
          return [...Map.groupBy(later, (line) => line.split(' ', 2).join(' ')).values()].map(({ length }) => length)
        },
        (counts) => counts.length === 2 * tasks && counts.every((count) => count >= runs),
      )
    const plugin = async () => (await instance.call('listPlugins'))[0]!

    await until(
      'the first values arrive',
      () => theirs(Infinity),
      (found) => found.length > 2 * tasks,
    )
    await way.close()
    const away = Date.now()
    await measuredSince(away, 3)
    await until(
      'the plugin says so',
      plugin,
      ({ failuresInARow, lastError }) => failuresInARow > 0 && lastError !== null,
    )
    await instance.kill()
    await instance.start()
    await instance.signIn()
    await measuredSince(Date.now(), 2)
    await way.open()
    await until('it has caught up', plugin, ({ metrics }) => metrics!.behind === 0 && metrics!.sentPoints > 0)

    const moment = Date.now()
    await measuredSince(moment, 2)
    const expected = await ours(moment)
    const stored = await until(
      'all of it is there',
      () => theirs(moment),
      ({ length }) => length >= expected.length,
    )
    expect(stored).toEqual(expected)
    expect(expected.filter((line) => Number(line.split(' ')[2]) > away).length).toBeGreaterThanOrEqual(2 * tasks * 5)
    expect((await plugin()).metrics).toMatchObject({ droppedPoints: 0, skippedBatches: 0 })
  } finally {
    await store.stop()
  }
})
