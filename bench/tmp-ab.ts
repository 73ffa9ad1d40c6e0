import { loads, withServer } from './load.ts'
import { Watched } from './watch-load.ts'
import { processTree, tickMs } from './process-tree.ts'
import { readFileSync, readdirSync } from 'node:fs'
const kind = (process.env.KIND ?? 'tcp') as 'tcp'
const variants = process.argv.slice(2)
const rounds = Number(process.env.ROUNDS ?? 3)
const all: Record<string, Record<string, number[]>> = {}
function threads(pid: number) {
  const out = new Map<string, number>()
  for (const p of processTree(pid)) {
    const who = p.command.includes('monitoring-process') ? 'mon' : 'main'
    for (const t of readdirSync(`/proc/${p.pid}/task`)) {
      const stat = readFileSync(`/proc/${p.pid}/task/${t}/stat`, 'utf8')
      const name = `${who}/${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))}`
      const sched = readFileSync(`/proc/${p.pid}/task/${t}/schedstat`, 'utf8').split(' ')
      out.set(name, (out.get(name) ?? 0) + Number(sched[0]) / 1e3)
      out.set('all', (out.get('all') ?? 0) + Number(sched[0]) / 1e3)
    }
  }
  return out
}
for (let r = 0; r < rounds; r++)
  for (const v of variants) {
    const env = v === 'base' ? {} : Object.fromEntries(v.split(',').map((x) => [x.slice(0, x.indexOf('=')), x.slice(x.indexOf('=') + 1)]))
    for (const k of ['X_TICK', 'X_SPOOL', 'X_FLUSH', 'X_SEMI']) delete process.env[k]
    Object.assign(process.env, env)
    await withServer(async (port) => {
      await using w = await Watched.start()
      await w.carry(loads[kind], 5000, port, 6000)
      const runs = async () => (await w.instance.call('agentStatistics'))[0]?.runs ?? 0
      const ra = await runs()
      const a = threads(w.instance.pid)
      await new Promise((res) => setTimeout(res, 10000))
      const b = threads(w.instance.pid)
      const n = (await runs()) - ra
      console.error(v, n)
      const row = (all[v] ??= {})
      for (const [k, x] of b) (row[k] ??= []).push((x - (a.get(k) ?? 0)) / n)
    })
  }
for (const v of variants)
  console.log(
    v.padEnd(30),
    Object.entries(all[v]!)
      .map(([k, xs]) => [k, xs.sort((a, b) => a - b)[Math.floor(xs.length / 2)]!] as const)
      .filter(([, x]) => x > 2)
      .sort((a, b) => b[1] - a[1])
      .map(([k, x]) => `${k} ${x.toFixed(0)}`)
      .join(' '),
    '| all',
    all[v]!.all!.map((x) => x.toFixed(0)).join(','),
  )
