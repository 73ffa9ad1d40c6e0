/** From `npm start` on a clone where everything is installed and built to the first result that the API shows. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { scratch } from '../test/servers/processes.ts'
import { ApiClient } from './api.ts'
import { median, sleep, type BenchRow } from './row.ts'

const password = 'bench of the first result'
const boundMs = 60_000

interface Times {
  readonly readyMs: number
  readonly resultMs: number
}

async function once(): Promise<Times> {
  const directory = await scratch('first-result')
  const began = performance.now()
  // A group of its own: npm puts a shell between itself and the program, and both must end with it.
  const child = spawn(
    'npm',
    ['start', '--', '--data', `${directory.path}/data`, '--host', '127.0.0.1', '--port', '0'],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, FARWATCH_ADMIN_PASSWORD: password },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    },
  )
  let api: ApiClient | undefined
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let printed = ''
      child.stdout.on('data', (part: Buffer) => {
        printed += part.toString('utf8')
        const found = /^farwatch ready (\S+)/m.exec(printed)
        if (found !== null) resolve(found[1]!)
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`npm start ended with ${code}: ${printed}`)))
    })
    const readyMs = performance.now() - began
    api = new ApiClient(url)
    await api.signIn('admin', password)
    for (;;) {
      const tasks = await api.ask<{ id: string; lastOutcome: string | null }[]>('GET', '/tasks')
      const ran = tasks.find(({ lastOutcome }) => lastOutcome === 'ran')
      if (ran !== undefined) {
        const results = await api.ask<{ metrics: unknown[] }[]>('GET', `/tasks/${ran.id}/results`)
        if (results.some(({ metrics }) => metrics.length > 0)) break
      }
      if (performance.now() - began > boundMs) throw new Error(`no result within ${boundMs} ms`)
      await sleep(50)
    }
    return { readyMs, resultMs: performance.now() - began }
  } finally {
    api?.close()
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    const insist = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), 10_000)
    await gone
    clearTimeout(insist)
    await directory.remove()
  }
}

export const firstResultRow: BenchRow = {
  name: 'first-result',
  about: 'time from `npm start` on a warm clone to the first stored result',
  async run() {
    const seen: Times[] = []
    for (let i = 0; i < 3; i++) seen.push(await once())
    return [
      { name: 'npm start to the ready line', value: median(seen.map(({ readyMs }) => readyMs)), unit: 'ms' },
      {
        name: 'npm start to the first stored result',
        value: median(seen.map(({ resultMs }) => resultMs)),
        unit: 'ms',
        note: 'a slot of the shortest task (10 s) must fall due first',
      },
    ]
  },
}
