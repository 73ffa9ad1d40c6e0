/**
 * Where the CPU goes: `npm run bench -- profile` profiles the main thread, the threads of the databases and one monitoring process
 * of an instance under 1,000 HTTP checks a second, and prints the largest costs of each.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { loads, withServer } from './load.ts'
import type { BenchRow } from './row.ts'
import { Watched } from './watch-load.ts'

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface Cost {
  /** The function and its place. */
  readonly where: string
  readonly ms: number
}

/** Self time by function, the largest first; idle time and the program's own start left out. */
export function costsOf({ nodes, samples, timeDeltas }: Profile): {
  readonly busyMs: number
  readonly costs: readonly Cost[]
} {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || '(anonymous)'} ${url.startsWith('node:') ? url : basename(url)}${url === '' ? '' : `:${lineNumber + 1}`}`,
    ]),
  )
  const spent = new Map<string, number>()
  samples.forEach((id, i) => {
    // The first holds the time in which the profiler began, at the cost of whatever ran then.
    if (i === 0) return
    const name = names.get(id) ?? '?'
    spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[i] ?? 0) / 1_000)
  })
  spent.delete('(idle) ')
  const costs = [...spent].map(([where, ms]) => ({ where, ms })).sort((a, b) => b.ms - a.ms)
  return { busyMs: costs.reduce((sum, { ms }) => sum + ms, 0), costs }
}

/** Profiles for so long through the inspector, which SIGUSR1 opens in any Node; it listens on loopback until that process ends. */
export async function profileProcess(pid: number, ms: number): Promise<Profile> {
  const socket = new WebSocket(await inspectorOf(pid))
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true })
    socket.addEventListener('error', reject, { once: true })
  })
  let next = 1
  const ask = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve) => {
      const id = next++
      const listen = ({ data }: MessageEvent) => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: unknown }
        if (answer.id !== id) return
        socket.removeEventListener('message', listen)
        resolve(answer.result)
      }
      socket.addEventListener('message', listen)
      socket.send(JSON.stringify({ id, method, params }))
    })
  try {
    await ask('Profiler.enable')
    await ask('Profiler.setSamplingInterval', { interval: 500 })
    await ask('Profiler.start')
    await new Promise((resolve) => setTimeout(resolve, ms))
    return ((await ask('Profiler.stop')) as { profile: Profile }).profile
  } finally {
    socket.close()
  }
}

const inspectorPort = 9229

async function inspectors(): Promise<readonly { readonly webSocketDebuggerUrl: string }[]> {
  try {
    const answer = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`)
    // The inspector's own shape.
    return (await answer.json()) as { webSocketDebuggerUrl: string }[]
  } catch {
    return []
  }
}

/** Opens the inspector of a process. The port is the same for all, so that only one at a time can be had. */
async function inspectorOf(pid: number): Promise<string> {
  if ((await inspectors()).length > 0) throw new Error(`another program is inspected on port ${inspectorPort}`)
  process.kill(pid, 'SIGUSR1')
  const until = Date.now() + 10_000
  for (;;) {
    const [found] = await inspectors()
    if (found !== undefined) return found.webSocketDebuggerUrl
    if (Date.now() > until) throw new Error(`no inspector of process ${pid} on port ${inspectorPort}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const profiledMs = 10_000
const shownCosts = 25

function print(what: string, { busyMs, costs }: ReturnType<typeof costsOf>): void {
  console.log(`\n${what}: ${busyMs.toFixed(0)} ms busy`)
  for (const { where, ms } of costs.slice(0, shownCosts))
    console.log(`${((100 * ms) / busyMs).toFixed(1).padStart(7)} %  ${where}`)
}

export const profileRow: BenchRow = {
  name: 'profile',
  about: 'the largest costs by function under 1,000 HTTP checks a second (not part of the whole bench)',
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'farwatch-profile-'))
    try {
      await withServer(async (port) => {
        // The program and its threads write their profiles when they end; monitoring processes do not get the variable.
        process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${directory}`
        await using watched = await Watched.start().finally(() => delete process.env['NODE_OPTIONS'])
        await watched.carry(loads['http-new'], 5_000, port)
        const monitoring = watched.processes().find(({ command }) => command.includes('monitoring-process'))
        if (monitoring === undefined) throw new Error('no monitoring process is running')
        print('a monitoring process', costsOf(await profileProcess(monitoring.pid, profiledMs)))
      })
      for (const file of readdirSync(directory)) {
        // One of ours, in the format of V8.
        const seen = costsOf(JSON.parse(readFileSync(join(directory, file), 'utf8')) as Profile)
        // Threads that did next to nothing say nothing.
        if (seen.busyMs > 500)
          print(
            `main process, ${/\.\d+\.(\d+)\.\d+\.cpuprofile$/.exec(file)?.[1] === '0' ? 'main thread' : 'a thread'}, start included`,
            seen,
          )
      }
      return []
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
}
