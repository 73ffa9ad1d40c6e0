/**
 * Which thread the CPU of a check is spent in: `npm run bench -- threads` carries a load and tells each thread's share, as the kernel counts
 * it. The kernel counts in steps of 10 ms, hence the long window.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { loads, withServer, type LoadKind } from './load.ts'
import { tickMs } from './process-tree.ts'
import type { BenchRow, Figure } from './row.ts'
import { Watched } from './watch-load.ts'

const windowMs = 15_000
const rate = 1_000
/** What takes less of a check is left out. */
const leastUs = 2

/** Milliseconds of CPU by thread, as `main/MainThread`; threads of one name are one. */
function threadsOf(watched: Watched): ReadonlyMap<string, number> {
  const spent = new Map<string, number>()
  for (const { pid, command } of watched.processes()) {
    const process = command.includes('monitoring-process')
      ? 'monitoring'
      : pid === watched.instance.pid
        ? 'main'
        : 'other'
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      const name = `${process}/${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))}`
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      spent.set(name, (spent.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) * tickMs)
    }
  }
  return spent
}

async function shares(kind: LoadKind): Promise<readonly Figure[]> {
  return withServer(async (port) => {
    await using watched = await Watched.start()
    await watched.carry(loads[kind], (rate * loads[kind].periodMs) / 1_000, port, 8_000)
    const before = threadsOf(watched)
    const { checksPerSecond } = await watched.measure(windowMs)
    const after = threadsOf(watched)
    const checks = (checksPerSecond * (windowMs + loads[kind].periodMs / 2 + 1_500)) / 1_000
    return [...after]
      .map(([name, ms]) => ({ name, us: (1_000 * (ms - (before.get(name) ?? 0))) / checks }))
      .filter(({ us }) => us >= leastUs)
      .toSorted((a, b) => b.us - a.us)
      .map(({ name, us }) => ({ name: `${kind}, ${rate}/s: ${name}`, value: us, unit: 'us a check' }))
  })
}

export const threadRows: readonly BenchRow[] = (['http-new', 'tcp'] as const).map((kind) => ({
  name: `threads-${kind}`,
  about: `which thread the CPU of a check is spent in: ${loads[kind].title} (not part of the whole bench)`,
  run: () => shares(kind),
}))
