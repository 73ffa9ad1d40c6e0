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
  /** The server's time minus its own wall clock. */
  readonly clockOffsetMs: number | undefined
  readonly connectors: number
  readonly tasks: number | undefined
  /** Runs under way. */
  readonly running: number | undefined
  /** What it has to do, by what it can: 1 is all. */
  readonly load: number
}

/** Farwatch about itself, in OpenMetrics text. Series are by agent, monitor and plugin at most: never by task or system. */
export function selfMetrics(facts: SelfFacts): string {
  const { server, agent } = facts
  return openMetricsText([
    {
      name: 'farwatch_build',
      type: 'info',
      help: 'Which program this is',
      points: [{ labels: { version: facts.version, uuid: facts.uuid }, value: 1 }],
    },
    seconds('farwatch_uptime', 'Since the start', facts.upMs),
    bytes('farwatch_resident_memory', 'Of the main process', facts.rssBytes),
    seconds('farwatch_event_loop_delay_p99', 'How late the main event loop was', facts.loopP99Ms),
    ...(agent === undefined ? [] : ownAgentFamilies(agent.status, agent.counts)),
    ...(server === undefined ? [] : serverFamilies(server)),
  ])
}

function gauge(name: string, help: string, value: number): Family {
  return { name, type: 'gauge', help, points: [{ labels: {}, value }] }
}

function counter(name: string, help: string, value: number): Family {
  return { ...gauge(name, help, value), type: 'counter' }
}

function bytes(name: string, help: string, value: number): Family {
  return { ...gauge(`${name}_bytes`, help, value), unit: 'bytes' }
}

function seconds(name: string, help: string, ms: number): Family {
  return { ...gauge(`${name}_seconds`, help, ms / 1_000), unit: 'seconds' }
}

function ownAgentFamilies(status: AgentStatus, counts: AgentCounts): readonly Family[] {
  return [
    {
      name: 'farwatch_runs',
      type: 'counter',
      help: 'Runs of the local agent by outcome',
      points: outcomes.flatMap((outcome) =>
        counts.byOutcome[outcome] === undefined ? [] : [{ labels: { outcome }, value: counts.byOutcome[outcome] }],
      ),
    },
    gauge('farwatch_running', 'Runs under way', status.running),
    gauge('farwatch_waiting', 'Slots that wait for their turn', status.waiting),
    counter('farwatch_processes_killed', 'Monitoring processes that had to be ended', counts.killed),
    gauge('farwatch_spool_entries', 'Results that wait for the server', status.spool.entries),
    bytes('farwatch_spool', 'Size of the spool on disk', status.spool.bytes),
  ]
}

function serverFamilies({ tasks, history, plugins, alarms, monitors, agents }: ServerFacts): readonly Family[] {
  return [
    gauge('farwatch_tasks', 'Tasks of the configuration', tasks),
    counter('farwatch_results_stored', 'Results that counted', history.results),
    counter('farwatch_results_repeated', 'Results that came again and changed nothing', history.repeated),
    counter('farwatch_samples_stored', 'Values stored', history.samples),
    gauge('farwatch_series', 'Series known', history.series),
    bytes('farwatch_history', 'Size of results and metrics on disk', history.diskBytes),
    {
      name: 'farwatch_alarms_open',
      type: 'gauge',
      help: 'Open alarms by severity',
      points: Object.entries(alarms).map(([severity, value]) => ({ labels: { severity }, value })),
    },
    {
      name: 'farwatch_deliveries_queued',
      type: 'gauge',
      help: 'Notifications that wait',
      points: plugins.map(({ name, alarms }) => ({ labels: { plugin: name }, value: alarms?.queued ?? 0 })),
    },
    {
      name: 'farwatch_deliveries_dead',
      type: 'gauge',
      help: 'Notifications that were given up',
      points: plugins.map(({ name, alarms }) => ({ labels: { plugin: name }, value: alarms?.dead ?? 0 })),
    },
    ...monitorFamilies(monitors),
    ...agentFamilies(agents),
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
  const each = (
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
  const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000)
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
    each('online', '1 while the agent calls', ({ isOnline }) => (isOnline ? 1 : 0)),
    each('cpu', 'Processor time in use on its machine', ({ cpuShare }) => cpuShare, 'ratio'),
    each('memory_used', 'Memory in use on its machine', ({ memory }) => memory?.usedBytes, 'bytes'),
    each('memory_size', 'Memory of its machine', ({ memory }) => memory?.totalBytes, 'bytes'),
    each('disk_free', 'Room on the disk of its data directory', ({ disk }) => disk?.freeBytes, 'bytes'),
    each('disk_size', 'Size of the disk of its data directory', ({ disk }) => disk?.totalBytes, 'bytes'),
    each('spool_entries', 'Results that wait for the server', ({ spool }) => spool?.entries),
    each('spool', 'Size of its spool on disk', ({ spool }) => spool?.bytes, 'bytes'),
    each(
      'spool_oldest_age',
      'How long the oldest result waits for the server',
      // Nothing waits: that is no age that is not known.
      ({ spool }) => (spool === undefined ? undefined : inSeconds(spool.oldestAgeMs ?? 0)),
      'seconds',
    ),
    each('send', 'How long its last upload took', ({ sendMs }) => inSeconds(sendMs), 'seconds'),
    each('since_poll', 'How long ago it called', ({ sincePollMs }) => inSeconds(sincePollMs), 'seconds'),
    each(
      'clock_offset',
      'The time of the server minus its clock',
      ({ clockOffsetMs }) => inSeconds(clockOffsetMs),
      'seconds',
    ),
    each('connectors', 'Connectors that it has', ({ connectors }) => connectors),
    each('tasks', 'Tasks that it has', ({ tasks }) => tasks),
    each('running', 'Runs under way on it', ({ running }) => running),
    each('load', 'What it has to do, by what it can', ({ load }) => load, 'ratio'),
  ]
}
