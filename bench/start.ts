/** What a start costs: the command as it is, an empty data directory, and the same directory once more. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { scratch } from '../test/servers/processes.ts'
import { processTree, treeCpuMs } from './process-tree.ts'
import { median, sleep, type BenchRow } from './row.ts'

const launcher = fileURLToPath(new URL('../bin/farwatch', import.meta.url))
const times = 5
/** What is begun by a start and not awaited by it, such as monitoring processes that load, has ended by then. */
const settledMs = 3_000

interface Start {
  readonly readyMs: number
  readonly readyCpuMs: number
  readonly settledCpuMs: number
  readonly ownBytes: number
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = ''
    child.stdout?.on('data', (part: Buffer) => {
      printed += part.toString('utf8')
      if (/^farwatch ready /m.test(printed)) resolve()
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before it was ready: ${printed}`)))
  })
}

async function once(data: string): Promise<Start> {
  const began = performance.now()
  const child = spawn(launcher, ['start', '--data', data, '--host', '127.0.0.1', '--port', '0'], {
    env: { ...process.env, FARWATCH_ADMIN_PASSWORD: 'bench of the start' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const pid = child.pid ?? 0
  try {
    await ready(child)
    const readyMs = performance.now() - began
    const readyCpuMs = treeCpuMs(pid)
    await sleep(settledMs)
    const settledCpuMs = treeCpuMs(pid)
    const ownBytes = processTree(pid).reduce((sum, use) => sum + use.ownBytes, 0)
    return { readyMs, readyCpuMs, settledCpuMs, ownBytes }
  } finally {
    child.kill('SIGTERM')
    await gone
  }
}

export const startRow: BenchRow = {
  name: 'start',
  about: 'what one start of a standalone instance costs, the first of a data directory and later ones',
  async run() {
    const first: Start[] = []
    const later: Start[] = []
    for (let i = 0; i < times; i++) {
      const directory = await scratch('start')
      try {
        first.push(await once(`${directory.path}/data`))
        later.push(await once(`${directory.path}/data`))
      } finally {
        await directory.remove()
      }
    }
    return [
      { which: 'first start', starts: first },
      { which: 'later start', starts: later },
    ].flatMap(({ which, starts }) => {
      const middle = (of: (start: Start) => number) => median(starts.map(of))
      return [
        { name: `${which}: to the ready line`, value: middle(({ readyMs }) => readyMs), unit: 'ms' },
        { name: `${which}: CPU to the ready line`, value: middle(({ readyCpuMs }) => readyCpuMs), unit: 'ms' },
        {
          name: `${which}: CPU to ${settledMs / 1_000} s after it`,
          value: middle(({ settledCpuMs }) => settledCpuMs),
          unit: 'ms',
        },
        {
          name: `${which}: memory, shared pages once`,
          value: middle(({ ownBytes }) => ownBytes) / 1024 ** 2,
          unit: 'MiB',
        },
      ]
    })
  },
}
