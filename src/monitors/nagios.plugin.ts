import { defineMonitor, type Item, type Sample } from '../sdk/index.ts'
import { alerts, parsePerfdata, splitPluginOutput } from './formats/perfdata.ts'

const words = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN']

/** Any monitoring plugin. Its own thresholds judge by default: the state it ends with, and those in its performance data. */
export default defineMonitor({
  id: 'nagios.plugin',
  title: 'Monitoring plugin',
  summary: 'Runs any monitoring plugin (Nagios, Icinga, …) and takes its state and its performance data.',
  connector: 'exec',
  settings: {
    command: {
      kind: 'text',
      label: 'Plugin',
      help: 'The program’s name in the connector’s directory. No shell reads it.',
      example: 'check_disk',
      pattern: '[^\\s|;&<>`]+',
      maxLength: 500,
      candidates: true,
    },
    arguments: {
      kind: 'list',
      label: 'Arguments',
      help: 'One entry for each, exactly as the plugin shall see it: no quotes, nothing is expanded. Everybody on the agent’s machine can see them while it runs.',
      of: { kind: 'text', label: 'Argument' },
      maxItems: 200,
      default: [],
    },
    maxOutput: {
      kind: 'size',
      label: 'Largest output',
      help: 'The rest is thrown away.',
      default: '64KiB',
      min: '1KiB',
      max: '4MiB',
    },
  },
  metrics: {
    state: { title: 'State: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN', unit: '' },
    duration: { title: 'Run time of the plugin', unit: 'ms' },
    perfdata_state: {
      title: 'What the plugin’s own thresholds say: 0 neither, 1 warning, 2 critical',
      unit: '',
      items: ['label'],
    },
  },
  openMetrics: '`perfdata` with the label `label`: the values of the performance data in seconds, bytes or percent.',
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  rules: [
    { name: 'cannot run', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'plugin state', metric: 'state', thresholds: { WARNING: '== 1', MINOR: '== 3', CRITICAL: '== 2' } },
    {
      name: 'plugin threshold',
      metric: 'perfdata_state',
      thresholds: { WARNING: '== 1', CRITICAL: '== 2' },
      alarm: false,
    },
  ],
  needs: 'The plugin on the agent’s machine, such as Debian’s package monitoring-plugins.',
  async candidates(_, { client, signal }) {
    return { command: await client.programs(signal) }
  },
  async collect({ command, arguments: args, maxOutput }, { client, signal }) {
    const seen = await client.run({ command, args, maxOutputBytes: maxOutput }, signal)
    const { text, perfdata } = splitPluginOutput(seen.stdout)
    const line = (text || seen.stderr.split('\n')[0]?.trim() || '').slice(0, 800)
    if (typeof seen.exit !== 'number' || seen.exit < 0 || seen.exit > 3) {
      return {
        metrics: { duration: seen.duration },
        failure: {
          reason: 'protocol' as const,
          message: `${command} ended with ${seen.exit}, which is no state of a plugin${line === '' ? '' : `: ${line}`}`,
        },
      }
    }
    const values = parsePerfdata(perfdata)
    const judged: Item[] = []
    for (const { label, value, warning, critical } of values) {
      if (warning === undefined && critical === undefined) continue
      judged.push({ labels: { label }, value: alerts(critical, value) ? 2 : alerts(warning, value) ? 1 : 0 })
    }
    return {
      metrics: { state: seen.exit, duration: seen.duration, perfdata_state: judged },
      more: values.map(({ label, value, unit, counter }): Sample => ({
        name: 'perfdata',
        labels: { label },
        value,
        unit,
        ...(counter ? { kind: 'counter' as const } : {}),
      })),
      facts: { state: words[seen.exit] ?? 'UNKNOWN', ...(seen.truncated ? { truncated: true } : {}) },
      message: line,
    }
  },
})
