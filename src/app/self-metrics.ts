import type { AgentStatus } from '../agent/index.ts'
import type { Alarms } from '../alarms/index.ts'
import type { PluginStatus } from '../delivery/index.ts'
import { outcomes } from '../model/index.ts'
import type { AgentCounts } from './agent-counts.ts'
import type { HistoryFacts } from './history.ts'
import type { MonitorFacts, Summary } from './monitor-counts.ts'
import { openMetricsText, type Family, type Point } from './open-metrics.ts'

export interface SelfFacts {
  readonly version: string
  readonly uuid: string
  readonly tasks: number
  readonly upMs: number
  readonly loopP99Ms: number
  readonly rssBytes: number
  readonly history: HistoryFacts
  readonly agent: AgentStatus
  readonly counts: AgentCounts
  readonly plugins: readonly PluginStatus[]
  readonly alarms: ReturnType<Alarms['counts']>
  readonly monitors: readonly MonitorFacts[]
  readonly agents: readonly AgentMetrics[]
}

/** An agent as the server knows it. What it did not say, or not yet, is undefined and has no point. */
export interface AgentMetrics {
  readonly id: string
  /** What people call it. */
  readonly name: string
  readonly version: string | undefined
  readonly isOnline: boolean
  /** Processor time in use on its machine, 0 to 1. */
  readonly cpuShare: number | undefined
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number } | undefined
  /** Of the disk with its data directory. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined
  /** `oldestAgeMs`: how long the oldest result that the server does not have waits; undefined where none does. */
  readonly spool:
    | { readonly entries: number; readonly bytes: number; readonly oldestAgeMs: number | undefined }
    | undefined
  /** How long its last upload took, until it was acknowledged. */
  readonly sendMs: number | undefined
  readonly sincePollMs: number | undefined
  /** By how much its own wall clock is ahead of the server's. */
  readonly clockOffsetMs: number | undefined
  readonly connectors: number
  readonly tasks: number
  /** Runs under way. */
  readonly running: number | undefined
  /** What it has to do, by what it can: 1 is all. */
  readonly load: number
}

/** Farwatch about itself, in OpenMetrics text. Series are by agent, monitor and plugin at most: never by task or system. */
export function selfMetrics(facts: SelfFacts): string {
  return openMetricsText([...ownFamilies(facts), ...monitorFamilies(facts.monitors), ...agentFamilies(facts.agents)])
}

const one = (value: number): readonly Point[] => [{ labels: {}, value }]

function ownFamilies(facts: SelfFacts): readonly Family[] {
  return [
    {
      name: 'farwatch_build',
      type: 'info',
      help: 'Which program this is',
      points: [{ labels: { version: facts.version, uuid: facts.uuid }, value: 1 }],
    },
    {
      name: 'farwatch_uptime_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'Since the start',
      points: one(facts.upMs / 1_000),
    },
    {
      name: 'farwatch_resident_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Of the main process',
      points: one(facts.rssBytes),
    },
    {
      name: 'farwatch_event_loop_delay_p99_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How late the main event loop was',
      points: one(facts.loopP99Ms / 1_000),
    },
    { name: 'farwatch_tasks', type: 'gauge', help: 'Tasks of the configuration', points: one(facts.tasks) },
    {
      name: 'farwatch_runs',
      type: 'counter',
      help: 'Runs of the local agent by outcome',
      points: outcomes.flatMap((outcome) =>
        facts.counts.byOutcome[outcome] === undefined
          ? []
          : [{ labels: { outcome }, value: facts.counts.byOutcome[outcome] }],
      ),
    },
    { name: 'farwatch_running', type: 'gauge', help: 'Runs under way', points: one(facts.agent.running) },
    {
      name: 'farwatch_waiting',
      type: 'gauge',
      help: 'Slots that wait for their turn',
      points: one(facts.agent.waiting),
    },
    {
      name: 'farwatch_processes_killed',
      type: 'counter',
      help: 'Monitoring processes that had to be ended',
      points: one(facts.counts.killed),
    },
    {
      name: 'farwatch_spool_entries',
      type: 'gauge',
      help: 'Results that wait for the server',
      points: one(facts.agent.spool.entries),
    },
    {
      name: 'farwatch_spool_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Size of the spool on disk',
      points: one(facts.agent.spool.bytes),
    },
    {
      name: 'farwatch_results_stored',
      type: 'counter',
      help: 'Results that counted',
      points: one(facts.history.results),
    },
    {
      name: 'farwatch_results_repeated',
      type: 'counter',
      help: 'Results that came again and changed nothing',
      points: one(facts.history.repeated),
    },
    { name: 'farwatch_samples_stored', type: 'counter', help: 'Values stored', points: one(facts.history.samples) },
    { name: 'farwatch_series', type: 'gauge', help: 'Series known', points: one(facts.history.series) },
    {
      name: 'farwatch_history_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Size of results and metrics on disk',
      points: one(facts.history.diskBytes),
    },
    {
      name: 'farwatch_alarms_open',
      type: 'gauge',
      help: 'Open alarms by severity',
      points: Object.entries(facts.alarms).map(([severity, value]) => ({ labels: { severity }, value })),
    },
    {
      name: 'farwatch_deliveries_queued',
      type: 'gauge',
      help: 'Notifications that wait',
      points: facts.plugins.map(({ name, alarms }) => ({ labels: { plugin: name }, value: alarms?.queued ?? 0 })),
    },
    {
      name: 'farwatch_deliveries_dead',
      type: 'gauge',
      help: 'Notifications that were given up',
      points: facts.plugins.map(({ name, alarms }) => ({ labels: { plugin: name }, value: alarms?.dead ?? 0 })),
    },
  ]
}

function monitorFamilies(monitors: readonly MonitorFacts[]): readonly Family[] {
  return [
    {
      name: 'farwatch_monitor_slots',
      type: 'counter',
      help: 'Slots that ended, by monitor and outcome',
      points: monitors.flatMap(({ monitor, slots }) =>
        outcomes.map((outcome) => ({ labels: { monitor, outcome }, value: slots[outcome] })),
      ),
    },
    {
      name: 'farwatch_monitor_timeouts',
      type: 'counter',
      help: 'Runs that ended by their timeout',
      points: monitors.map(({ monitor, timeouts }) => ({ labels: { monitor }, value: timeouts })),
    },
    {
      name: 'farwatch_monitor_duration_seconds',
      type: 'summary',
      unit: 'seconds',
      help: 'How long runs took; quantiles of the last ten to twenty minutes',
      points: monitors.flatMap(({ monitor, durationMs }) => summaryPoints(monitor, durationMs)),
    },
    {
      name: 'farwatch_monitor_lateness_seconds',
      type: 'summary',
      unit: 'seconds',
      help: 'How long after their planned times runs began; quantiles of the last ten to twenty minutes',
      points: monitors.flatMap(({ monitor, latenessMs }) => summaryPoints(monitor, latenessMs)),
    },
  ]
}

function summaryPoints(monitor: string, { p50, p95, sum, count }: Summary): readonly Point[] {
  const quantiles: readonly (readonly [quantile: string, ms: number | undefined])[] = [
    ['0.5', p50],
    ['0.95', p95],
  ]
  return [
    ...quantiles.flatMap(([quantile, ms]) =>
      ms === undefined ? [] : [{ labels: { monitor, quantile }, value: ms / 1_000 }],
    ),
    { labels: { monitor }, value: sum / 1_000, ending: '_sum' },
    { labels: { monitor }, value: count, ending: '_count' },
  ]
}

function agentFamilies(agents: readonly AgentMetrics[]): readonly Family[] {
  const named = Map.groupBy(agents, ({ name }) => name)
  // Two series with the same labels would spoil the whole answer.
  const labelsOf = ({ id, name }: AgentMetrics) => ({ agent: named.get(name)!.length === 1 ? name : `${name} (${id})` })
  const gauge = (
    name: string,
    help: string,
    valueOf: (agent: AgentMetrics) => number | undefined,
    unit?: NonNullable<Family['unit']>,
  ): Family => ({
    name: `farwatch_agent_${name}${unit === undefined ? '' : `_${unit}`}`,
    type: 'gauge',
    ...(unit === undefined ? {} : { unit }),
    help,
    points: agents.flatMap((agent) => {
      const value = valueOf(agent)
      return value === undefined ? [] : [{ labels: labelsOf(agent), value }]
    }),
  })
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000)
  return [
    {
      name: 'farwatch_agent_build',
      type: 'info',
      help: 'Which program an agent is',
      points: agents.flatMap((agent) =>
        agent.version === undefined
          ? []
          : [{ labels: { ...labelsOf(agent), uuid: agent.id, version: agent.version }, value: 1 }],
      ),
    },
    gauge('online', '1 while the agent calls', ({ isOnline }) => (isOnline ? 1 : 0)),
    gauge('cpu', 'Processor time in use on its machine', ({ cpuShare }) => cpuShare, 'ratio'),
    gauge('memory_used', 'Memory in use on its machine', ({ memory }) => memory?.usedBytes, 'bytes'),
    gauge('memory_size', 'Memory of its machine', ({ memory }) => memory?.totalBytes, 'bytes'),
    gauge('disk_free', 'Room on the disk of its data directory', ({ disk }) => disk?.freeBytes, 'bytes'),
    gauge('disk_size', 'Size of the disk of its data directory', ({ disk }) => disk?.totalBytes, 'bytes'),
    gauge('spool_entries', 'Results that wait for the server', ({ spool }) => spool?.entries),
    gauge('spool', 'Size of its spool on disk', ({ spool }) => spool?.bytes, 'bytes'),
    gauge(
      'spool_oldest_age',
      'How long the oldest result waits for the server',
      // Nothing waits: that is no age that is not known.
      ({ spool }) => (spool === undefined ? undefined : seconds(spool.oldestAgeMs ?? 0)),
      'seconds',
    ),
    gauge('send', 'How long its last upload took', ({ sendMs }) => seconds(sendMs), 'seconds'),
    gauge('since_poll', 'How long ago it called', ({ sincePollMs }) => seconds(sincePollMs), 'seconds'),
    gauge('clock_offset', 'By how much its clock is ahead', ({ clockOffsetMs }) => seconds(clockOffsetMs), 'seconds'),
    gauge('connectors', 'Connectors that it has', ({ connectors }) => connectors),
    gauge('tasks', 'Tasks that it has', ({ tasks }) => tasks),
    gauge('running', 'Runs under way on it', ({ running }) => running),
    gauge('load', 'What it has to do, by what it can', ({ load }) => load, 'ratio'),
  ]
}
