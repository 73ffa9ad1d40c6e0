import type { Item, Sample } from '../../sdk/index.ts'
import { alerts, parsePerfdata, splitPluginOutput } from './perfdata.ts'

const words = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const

/** The metrics of a program that ends and prints as monitoring plugins do. */
export const pluginMetrics = {
  state: { title: 'State of a plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN', unit: '' },
  perfdata_state: {
    title: 'What the plugin’s own thresholds say: 0 neither, 1 warning, 2 critical',
    unit: '',
    items: ['label'],
  },
} as const

/** Its own thresholds judge: the state it ends with, and those in its performance data. */
export const pluginRules = [
  { name: 'cannot run', metric: 'failed', thresholds: { MAJOR: '> 0' } },
  { name: 'plugin state', metric: 'state', thresholds: { WARNING: '== 1', MINOR: '== 3', CRITICAL: '== 2' } },
  {
    name: 'plugin threshold',
    metric: 'perfdata_state',
    thresholds: { WARNING: '== 1', CRITICAL: '== 2' },
    alarm: false,
  },
] as const

interface Ended {
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
}

/** The first line that it printed, for people. */
export function firstLine({ stdout, stderr }: Ended): string {
  return (splitPluginOutput(stdout).text || stderr.split('\n')[0]?.trim() || '').slice(0, 800)
}

/** What it says; undefined where it did not end as a plugin ends. */
export function readPlugin(seen: Ended) {
  const { exit } = seen
  if (typeof exit !== 'number' || exit < 0 || exit > 3) return undefined
  const values = parsePerfdata(splitPluginOutput(seen.stdout).perfdata)
  const judged: Item[] = []
  for (const { label, value, warning, critical } of values) {
    if (warning === undefined && critical === undefined) continue
    judged.push({ labels: { label }, value: alerts(critical, value) ? 2 : alerts(warning, value) ? 1 : 0 })
  }
  return {
    metrics: { state: exit, perfdata_state: judged },
    more: values.map(({ label, value, unit, counter }): Sample => ({
      name: 'perfdata',
      labels: { label },
      value,
      unit,
      ...(counter ? { kind: 'counter' as const } : {}),
    })),
    state: words[exit] ?? 'UNKNOWN',
  }
}
