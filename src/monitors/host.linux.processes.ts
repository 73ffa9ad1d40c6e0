import { defineMonitor, matches, parseMatcher, TargetError, type Problem, type SshClient } from '../sdk/index.ts'
import { itemsOf, measured, numbersBefore } from './formats/measured.ts'
import { parsePs, type PsLine } from './formats/ps.ts'
import { sshGrant } from './formats/ssh-account.ts'

const columns = ['-o', 'stat=', '-o', 'rss=', '-o', 'etime=', '-o', 'time=', '-o', 'args=']

/** Processes of a Linux machine, counted by their command lines. */
export default defineMonitor({
  id: 'host.linux.processes',
  title: 'Processes of a Linux machine',
  summary:
    'How many processes there are, how many of chosen kinds, and what those use of processors and memory, by SSH.',
  connector: 'ssh',
  settings: {
    processes: {
      kind: 'map',
      label: 'Processes',
      help: 'A name, and what the command line looks like: `*` stands for anything, `/…/` is a regular expression. `web` = `nginx: worker*`.',
      keyPattern: '[\\p{L}\\p{N}][\\p{L}\\p{N} ._:-]{0,59}',
      maxItems: 100,
      default: {},
    },
  },
  metrics: {
    processes: { title: 'Processes', unit: '' },
    zombies: { title: 'Processes that ended and that nobody asked after', unit: '' },
    process_count: { title: 'Processes of this kind', unit: '', items: ['process'] },
    process_memory: {
      title: 'Memory of all of this kind; what they share counts several times',
      unit: 'B',
      items: ['process'],
    },
    process_cpu: {
      title: 'Processor time of all of this kind, 100 % for each processor',
      unit: '%',
      items: ['process'],
    },
    process_age: { title: 'Age of the youngest of this kind', unit: 's', items: ['process'] },
  },
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  thresholdsFrom: 'Our own judgement.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'process missing', metric: 'process_count', thresholds: { CRITICAL: '< 1' } },
    { name: 'zombies', metric: 'zombies', thresholds: { WARNING: '> 20' }, for: '15m' },
  ],
  needs:
    'An account that may sign in by SSH. Where /proc is mounted with hidepid it sees its own processes alone, and must be in the group that may see all.',
  grant: sshGrant,
  tryIt:
    'Name a process that does not run: farwatch check host.linux.processes --set processes.none="no such program*" …',
  check({ processes }, path) {
    const problems: Problem[] = []
    for (const [name, pattern] of Object.entries(processes)) {
      const read = parseMatcher(pattern, `${path}.processes.${name}`)
      if (!read.ok) problems.push(...read.problems)
    }
    return problems
  },
  async collect({ processes }, { client, signal, now, previous, remember }) {
    const all = await readProcesses(client, signal)
    const at = now()
    const before = numbersBefore(previous)
    const kinds = Object.entries(processes).map(([name, pattern]) => {
      const read = parseMatcher(pattern, '')
      return { name, lines: read.ok ? all.filter(({ args }) => matches(read.value, args)) : [] }
    })
    const spent = Object.fromEntries(kinds.map(({ name, lines }) => [`cpu ${name}`, sum(lines, ({ cpu }) => cpu)]))
    remember({ at, ...spent })
    const seconds = (at - (before['at'] ?? Number.NaN)) / 1_000
    const labels = ({ name }: { readonly name: string }) => ({ process: name })
    return {
      metrics: measured({
        processes: all.length,
        zombies: all.filter(({ state }) => state.startsWith('Z')).length,
        process_count: itemsOf(kinds, labels, ({ lines }) => lines.length),
        process_memory: itemsOf(kinds, labels, ({ lines }) => sum(lines, ({ memory }) => memory)),
        process_cpu: itemsOf(kinds, labels, ({ name }) => {
          // One that ended took its time with it; the sum then says nothing.
          const grown = (spent[`cpu ${name}`] ?? 0) - (before[`cpu ${name}`] ?? Number.NaN)
          return grown >= 0 && seconds > 0 ? (100 * grown) / seconds : undefined
        }),
        process_age: itemsOf(kinds, labels, ({ lines }) =>
          lines.length === 0 ? undefined : lines.reduce((least, { age }) => Math.min(least, age), Infinity),
        ),
      }),
    }
  },
})

async function readProcesses(client: SshClient, signal: AbortSignal): Promise<readonly PsLine[]> {
  const seen = await client.run({ words: ['ps', '-e', '-ww', ...columns], maxOutputBytes: 8 * 1024 * 1024 }, signal)
  const all = parsePs(seen.stdout)
  if (all.length > 0) return all
  throw new TargetError('protocol', `${client.target} shows no processes: ps ended with ${seen.exit}`)
}

function sum(lines: readonly PsLine[], value: (line: PsLine) => number): number {
  return lines.reduce((total, line) => total + value(line), 0)
}
