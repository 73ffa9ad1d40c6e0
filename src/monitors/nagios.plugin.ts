import { defineMonitor } from '../sdk/index.ts'
import { firstLine, pluginMetrics, pluginRules, readPlugin } from './formats/plugin.ts'

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
  metrics: { ...pluginMetrics, duration: { title: 'Run time of the plugin', unit: 'ms' } },
  openMetrics: '`perfdata` with the label `label`: the values of the performance data in seconds, bytes or percent.',
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  thresholdsFrom: 'The plugin itself: its state and the thresholds in its performance data.',
  tryIt:
    '`farwatch check nagios.plugin --set command=check_dummy --set args=2` with Debian’s monitoring-plugins shows “plugin state” as CRITICAL.',
  rules: pluginRules,
  needs: 'The plugin on the agent’s machine, such as Debian’s package monitoring-plugins.',
  grant: 'apt-get install monitoring-plugins-basic   # on the agent’s machine',
  async candidates(_, { client, signal }) {
    return { command: await client.programs(signal) }
  },
  async collect({ command, arguments: args, maxOutput }, { client, signal }) {
    const seen = await client.run({ command, args, maxOutputBytes: maxOutput }, signal)
    const line = firstLine(seen)
    const read = readPlugin(seen)
    if (read === undefined) {
      return {
        metrics: { duration: seen.duration },
        failure: {
          reason: 'protocol' as const,
          message: `${command} ended with ${seen.exit}, which is no state of a plugin${line === '' ? '' : `: ${line}`}`,
        },
      }
    }
    return {
      metrics: { ...read.metrics, duration: seen.duration },
      more: read.more,
      facts: { state: read.state, ...(seen.truncated ? { truncated: true } : {}) },
      message: line,
    }
  },
})
