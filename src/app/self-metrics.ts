import type { AgentStatus } from '../agent/index.ts'
import type { Alarms } from '../alarms/index.ts'
import type { PluginStatus } from '../delivery/index.ts'
import { outcomes } from '../model/index.ts'
import type { AgentCounts } from './agent-counts.ts'
import type { HistoryFacts } from './history.ts'

export interface SelfFacts {
  readonly version: string
  readonly uuid: string
  readonly upMs: number
  readonly loopP99Ms: number
  readonly rssBytes: number
  /** In the role of a server. */
  readonly server: ServerFacts | undefined
  /** In the role of an agent. */
  readonly agent: { readonly status: AgentStatus; readonly counts: AgentCounts } | undefined
}

export interface ServerFacts {
  readonly tasks: number
  readonly history: HistoryFacts
  readonly plugins: readonly PluginStatus[]
  readonly alarms: ReturnType<Alarms['counts']>
}

interface Family {
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'info'
  readonly help: string
  readonly values: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[]
}

/** Farwatch about itself, in OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/). */
export function selfMetrics(facts: SelfFacts): string {
  const { server, agent } = facts
  const families: readonly Family[] = [
    {
      name: 'farwatch_build',
      type: 'info',
      help: 'Which program this is',
      values: [[{ version: facts.version, uuid: facts.uuid }, 1]],
    },
    { name: 'farwatch_uptime_seconds', type: 'gauge', help: 'Since the start', values: one(facts.upMs / 1_000) },
    { name: 'farwatch_resident_memory_bytes', type: 'gauge', help: 'Of the main process', values: one(facts.rssBytes) },
    {
      name: 'farwatch_event_loop_delay_p99_seconds',
      type: 'gauge',
      help: 'How late the main event loop was',
      values: one(facts.loopP99Ms / 1_000),
    },
    ...(agent === undefined ? [] : agentFamilies(agent.status, agent.counts)),
    ...(server === undefined ? [] : serverFamilies(server)),
  ]
  return `${families.map(text).join('')}# EOF\n`
}

function one(value: number): Family['values'] {
  return [[{}, value]]
}

function agentFamilies(status: AgentStatus, counts: AgentCounts): readonly Family[] {
  return [
    {
      name: 'farwatch_runs',
      type: 'counter',
      help: 'Runs of the local agent by outcome',
      values: outcomes.flatMap((outcome) =>
        counts.byOutcome[outcome] === undefined ? [] : [[{ outcome }, counts.byOutcome[outcome]] as const],
      ),
    },
    { name: 'farwatch_running', type: 'gauge', help: 'Runs under way', values: one(status.running) },
    {
      name: 'farwatch_waiting',
      type: 'gauge',
      help: 'Slots that wait for their turn',
      values: one(status.waiting),
    },
    {
      name: 'farwatch_processes_killed',
      type: 'counter',
      help: 'Monitoring processes that had to be ended',
      values: one(counts.killed),
    },
    {
      name: 'farwatch_spool_entries',
      type: 'gauge',
      help: 'Results that wait for the server',
      values: one(status.spool.entries),
    },
    {
      name: 'farwatch_spool_bytes',
      type: 'gauge',
      help: 'Size of the spool on disk',
      values: one(status.spool.bytes),
    },
  ]
}

function serverFamilies(facts: ServerFacts): readonly Family[] {
  return [
    { name: 'farwatch_tasks', type: 'gauge', help: 'Tasks of the configuration', values: one(facts.tasks) },
    {
      name: 'farwatch_results_stored',
      type: 'counter',
      help: 'Results that counted',
      values: one(facts.history.results),
    },
    {
      name: 'farwatch_results_repeated',
      type: 'counter',
      help: 'Results that came again and changed nothing',
      values: one(facts.history.repeated),
    },
    { name: 'farwatch_samples_stored', type: 'counter', help: 'Values stored', values: one(facts.history.samples) },
    { name: 'farwatch_series', type: 'gauge', help: 'Series known', values: one(facts.history.series) },
    {
      name: 'farwatch_history_bytes',
      type: 'gauge',
      help: 'Size of results and metrics on disk',
      values: one(facts.history.diskBytes),
    },
    {
      name: 'farwatch_alarms_open',
      type: 'gauge',
      help: 'Open alarms by severity',
      values: Object.entries(facts.alarms).map(([severity, count]) => [{ severity }, count] as const),
    },
    {
      name: 'farwatch_deliveries_queued',
      type: 'gauge',
      help: 'Notifications that wait',
      values: facts.plugins.map(({ name, alarms }) => [{ plugin: name }, alarms?.queued ?? 0] as const),
    },
    {
      name: 'farwatch_deliveries_dead',
      type: 'gauge',
      help: 'Notifications that were given up',
      values: facts.plugins.map(({ name, alarms }) => [{ plugin: name }, alarms?.dead ?? 0] as const),
    },
  ]
}

function text({ name, type, help, values }: Family): string {
  const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : ''
  const lines = values.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(
      ([key, label]) => `${key}="${label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
  })
  return `# TYPE ${name} ${type}\n# HELP ${name} ${help}\n${lines.join('')}`
}
