/** Prometheus' storage: blocks made by promtool, served by a Prometheus that scrapes nothing. */
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { inPath } from '../../scripts/programs.mjs'
import { freePort, listening, run, scratch, type Running } from '../../test/servers/processes.ts'
import { endedChildrenMs } from '../process-tree.ts'
import { sleep } from '../row.ts'
import { directoryBytes } from './directory-bytes.ts'
import type { Program } from './peer.ts'
import { PrometheusApi } from './prometheus-api.ts'
import type { Piece, RunningStore, SampleStore } from './sample-store.ts'

export const prometheusProgram: Program = {
  package: 'prometheus',
  isThere: () => inPath('prometheus') && inPath('promtool'),
}

function lines({ times, series }: Piece): string {
  return series
    .map(({ name, task, values }) => {
      const labels = `${name}{task="${task}",item="a"} `
      return values.map((value, i) => `${labels}${value} ${times[i]! / 1_000}\n`).join('')
    })
    .join('')
}

function isReady(api: PrometheusApi): Promise<boolean> {
  return api.send('GET', '/-/ready').then(
    () => true,
    () => false,
  )
}

async function start(): Promise<RunningStore> {
  const directory = await scratch('prometheus')
  const file = (name: string) => join(directory.path, name)
  const input = createWriteStream(file('input'))
  let cpuMs: number | undefined
  let serving: { readonly server: Running; readonly api: PrometheusApi } | undefined

  const make = async () => {
    input.end('# EOF\n')
    await finished(input)
    const before = endedChildrenMs()
    const words = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', '--max-block-duration=54h']
    const promtool = run('/usr/bin/promtool', [...words, file('input'), file('data')])
    const [code] = (await once(promtool.child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`promtool ended with ${code}: ${promtool.output()}`)
    return endedChildrenMs() - before
  }
  const serve = async () => {
    const port = await freePort()
    await writeFile(file('prometheus.yml'), '{}')
    const server = run('/usr/bin/prometheus', [
      `--config.file=${file('prometheus.yml')}`,
      `--storage.tsdb.path=${file('data')}`,
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ])
    const api = new PrometheusApi(`http://127.0.0.1:${port}`)
    serving = { server, api }
    await listening(port, server)
    // It listens before it has read its blocks.
    for (let attempt = 0; !(await isReady(api)); attempt++) {
      if (attempt > 600) throw new Error(`it does not become ready: ${server.output()}`)
      await sleep(50)
    }
    return serving
  }
  return {
    async take(piece) {
      if (!input.write(lines(piece))) await once(input, 'drain')
    },
    settled: async () => (cpuMs ??= await make()),
    packed: () => directoryBytes(file('data')),
    async values({ name, task }, from, to) {
      const { api } = serving ?? (await serve())
      return (await api.range(`${name}{task="${task}"}`, { from, to: to - 60_000, stepMs: 60_000 })).points
    },
    async means(name, from, to, stepMs) {
      const { api } = serving ?? (await serve())
      return (await api.range(`avg_over_time(${name}[${stepMs / 1_000}s])`, { from: from + stepMs, to, stepMs })).series
    },
    async [Symbol.asyncDispose]() {
      input.destroy()
      serving?.api.close()
      await serving?.server.stop()
      await directory.remove()
    },
  }
}

export const prometheus: SampleStore = {
  name: 'prometheus',
  programs: [prometheusProgram],
  does: 'blocks of 54 hours made by promtool of a text, which stores nothing as it comes',
  days: 4.5,
  start,
}
