import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './processes.ts'

const program = '/usr/bin/victoria-metrics'

export interface VictoriaMetrics {
  readonly url: string
  readonly pid: number
  /** Where it keeps what it is given. */
  readonly directory: string
  /** Every sample of the series that match, as exported: `[{ labels, values, timestamps }]`, sorted by labels. */
  exported(match: string): Promise<readonly Exported[]>
  stop(): Promise<void>
}

export interface Exported {
  readonly labels: Readonly<Record<string, string>>
  readonly values: readonly number[]
  readonly timestamps: readonly number[]
}

/** A single-node VictoriaMetrics on a free port with a directory of its own. @param flags such as `-maxLabelsPerTimeseries=1` */
export async function startVictoriaMetrics(flags: readonly string[] = []): Promise<VictoriaMetrics> {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-victoria-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    program,
    [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${directory}`,
      '-retentionPeriod=100y',
      '-memory.allowedBytes=64MB',
      '-loggerLevel=ERROR',
      ...flags,
    ],
    { stdio: 'ignore' },
  )
  const ended = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await Promise.race([
      healthy(url),
      ended.then(([code]) => Promise.reject(new Error(`victoria-metrics ended with ${String(code)}`))),
    ])
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return {
    url,
    pid: child.pid ?? 0,
    directory,
    stop,
    async exported(match) {
      // Fresh samples are in memory until they are flushed to where queries look.
      await fetch(`${url}/internal/force_flush`)
      const answer = await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent(match)}`)
      const lines = (await answer.text()).split('\n').filter((line) => line !== '')
      return lines
        .map((line) => JSON.parse(line) as { metric: Record<string, string>; values: number[]; timestamps: number[] })
        .map(({ metric, values, timestamps }) => ({ labels: metric, values, timestamps }))
        .sort((a, b) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1))
    },
  }
}

async function healthy(url: string): Promise<void> {
  const until = Date.now() + 60_000
  while (Date.now() < until) {
    const answered = await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (answered) return
    // The program has no other way to say that it is ready.
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('victoria-metrics did not become healthy within a minute')
}
