import { defineMonitor, type Sample } from '../sdk/index.ts'
import { firstLine, pluginMetrics, pluginRules, readPlugin } from './formats/plugin.ts'

/** A command of the user's own on a host. Everything else that monitors run on hosts is fixed by them; this is why it needs leave. */
export default defineMonitor({
  id: 'ssh.command',
  title: 'Command of one’s own by SSH',
  summary: 'Runs a command on a host by SSH and reads its exit code, its performance data or its numbers.',
  connector: 'ssh',
  settings: {
    command: {
      kind: 'text',
      label: 'Command',
      help: 'What the shell of the host runs, with the rights of the account. Everybody on the host can see it while it runs: no secrets.',
      multiline: true,
      maxLength: 8_000,
      example: '/usr/lib/nagios/plugins/check_mailq -w 50 -c 200',
    },
    output: {
      kind: 'choice',
      label: 'Output',
      help: 'plugin: of a monitoring plugin, exit code 0 to 3 and performance data. number: one number. lines: a name and a number in each line, such as `queue 7`; what is more in a line is a label.',
      of: ['plugin', 'number', 'lines'],
      default: 'plugin',
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
    ...pluginMetrics,
    exit: { title: 'Exit code', unit: '' },
    duration: { title: 'Run time of the command', unit: 'ms' },
    value: { title: 'The number it printed', unit: '' },
  },
  openMetrics:
    '`perfdata` with the label `label`, in seconds, bytes or percent; with `lines` the names that the command prints, with the label `item`.',
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  runsCommands: true,
  thresholdsFrom: 'The plugin’s own.',
  rules: pluginRules,
  needs:
    'Leave in the group: an administrator of all groups sets `ownCommands: allowed` there. The account should be one that can do little; a command that only root may run is best given to it with sudo, by its full line.',
  grant: '# /etc/sudoers.d/farwatch\nfarwatch ALL=(root) NOPASSWD: /usr/lib/nagios/plugins/check_mailq -w 50 -c 200',
  tryIt: "farwatch check ssh.command --set host=db1 --set username=farwatch --set 'command=echo WARNING; exit 1' …",
  async collect({ command, output, maxOutput }, { client, signal }) {
    const seen = await client.run({ words: ['sh', '-c', command], maxOutputBytes: maxOutput }, signal)
    const { exit, duration } = seen
    const metrics = { duration, ...(typeof exit === 'number' ? { exit } : {}) }
    const facts = seen.truncated ? { truncated: true } : {}
    const line = firstLine(seen)
    const failure = (message: string) => ({
      metrics,
      facts,
      failure: { reason: 'protocol' as const, message: `the command ${message}${line === '' ? '' : `: ${line}`}` },
    })
    if (output === 'plugin') {
      const read = readPlugin(seen)
      if (read === undefined) return failure(`ended with ${exit}, which is no state of a plugin`)
      return {
        metrics: { ...metrics, ...read.metrics },
        more: read.more,
        facts: { ...facts, state: read.state },
        message: line,
      }
    }
    if (exit !== 0) return failure(`ended with ${exit}`)
    if (output === 'number') {
      const value = numberIn(seen.stdout)
      return value === undefined ? failure('did not print one number') : { metrics: { ...metrics, value }, facts }
    }
    const more = samplesIn(seen.stdout)
    return typeof more === 'string' ? failure(more) : { metrics, more, facts }
  },
})

function numberIn(text: string): number | undefined {
  const trimmed = text.trim()
  return /^[+-]?\d{1,17}(\.\d{1,17})?(e[+-]?\d{1,2})?$/i.test(trimmed) ? Number(trimmed) : undefined
}

const maxSamples = 2_000

/** `name number` or `name item number`; empty lines and those that begin with `#` say nothing. @returns words where a line is none of them */
function samplesIn(text: string): Sample[] | string {
  const samples: Sample[] = []
  const taken = new Set<string>()
  for (const line of text.split('\n')) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const found = /^([a-z][a-z0-9_]{0,59})(?:\s+(\S.*?))?\s+(\S+)$/.exec(trimmed.slice(0, 1_000))
    const value = found === null ? undefined : numberIn(found[3]!)
    if (found === null || value === undefined) return 'printed a line that is not a name and a number'
    const [, name = '', item] = found
    if (ownNames.has(name)) return `printed the name ${name}, which this monitor has already`
    if (taken.has(`${name} ${item ?? ''}`)) return `printed ${name} twice`
    if (samples.length >= maxSamples) return `printed more than ${maxSamples} numbers`
    taken.add(`${name} ${item ?? ''}`)
    samples.push({ name, labels: item === undefined ? {} : { item: item.slice(0, 200) }, value })
  }
  return samples.length === 0 ? 'printed no number' : samples
}

const ownNames = new Set(['exit', 'state', 'duration', 'value', 'perfdata_state', 'perfdata', 'failed'])
