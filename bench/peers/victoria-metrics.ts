/** VictoriaMetrics, a single node with its settings as they come. */
import { inPath } from '../../scripts/programs.mjs'
import { startVictoriaMetrics } from '../../test/servers/victoria-metrics.ts'
import { treeCpuMs } from '../process-tree.ts'
import { sleep } from '../row.ts'
import { directoryBytes } from './directory-bytes.ts'
import { PrometheusApi } from './prometheus-api.ts'
import type { Piece, RunningStore, SampleStore } from './sample-store.ts'

function lines({ times, series }: Piece): string {
  const timestamps = `[${times.join()}]`
  return series
    .map(
      ({ name, task, values }) =>
        `{"metric":{"__name__":"${name}","task":"${task}","item":"a"},"values":[${values.join()}],"timestamps":${timestamps}}\n`,
    )
    .join('')
}

async function start(): Promise<RunningStore> {
  // Where the tests spare memory, this takes what it likes.
  const server = await startVictoriaMetrics(['-memory.allowedBytes=0'])
  const api = new PrometheusApi(server.url)
  const startedMs = treeCpuMs(server.pid)
  const merging = async () => {
    const told = await api.send('GET', '/metrics')
    return [...told.matchAll(/^vm_active_merges\{.*\} (\d+)$/gm)].some(([, count]) => count !== '0')
  }
  // What was taken becomes visible with a flush, and leads to merges that begin a moment later.
  const settle = async () => {
    await api.send('GET', '/internal/force_flush')
    for (let quiet = 0; quiet < 5; quiet = (await merging()) ? 0 : quiet + 1) await sleep(300)
  }
  return {
    async take(piece) {
      await api.send('POST', '/api/v1/import', lines(piece))
    },
    async settled() {
      await settle()
      return treeCpuMs(server.pid) - startedMs
    },
    async packed() {
      await api.send('GET', '/internal/force_merge')
      await settle()
      return directoryBytes(server.directory)
    },
    async values({ name, task }, from, to) {
      return (await api.range(`${name}{task="${task}"}`, { from, to: to - 60_000, stepMs: 60_000 })).points
    },
    async means(name, from, to, stepMs) {
      return (await api.range(`avg_over_time(${name}[${stepMs / 1_000}s])`, { from: from + stepMs, to, stepMs })).series
    },
    async [Symbol.asyncDispose]() {
      api.close()
      await server.stop()
    },
  }
}

export const victoriaMetrics: SampleStore = {
  name: 'victoria-metrics',
  programs: [{ package: 'victoria-metrics', isThere: () => inPath('victoria-metrics') }],
  does: 'JSON to its import API; on the disk after a forced merge, without an index of results and roll-ups',
  days: 30,
  start,
}
