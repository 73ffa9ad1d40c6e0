import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import type { GapRecord, RunResult } from '../model/index.ts'
import type { HttpClient } from '../sdk/index.ts'
import { collectOnce } from '../sdk/testing.ts'
import { library } from './library.ts'
import { MonitorCounts } from './monitor-counts.ts'
import { selfMetrics, type AgentMetrics, type SelfFacts, type ServerFacts } from './self-metrics.ts'

const server: ServerFacts = {
  tasks: 2,
  history: {
    position: 1,
    sealed: 1,
    released: 1,
    tasks: 2,
    series: 4,
    headSamples: 0,
    logBytes: 0,
    results: 3,
    samples: 5,
    repeated: 0,
    tooOld: 0,
    samplesPerSecond: 0,
    refused: [],
    databaseBytes: 0,
    diskBytes: 4_096,
  },
  plugins: [],
  alarms: { INFO: 0, WARNING: 1, MINOR: 0, MAJOR: 0, CRITICAL: 0 },
  monitors: [],
  agents: [],
}

const facts: SelfFacts = {
  version: '1.2.3',
  uuid: 'server',
  upMs: 1_500,
  loopP99Ms: 2,
  rssBytes: 1_000_000,
  server,
  agent: {
    status: {
      assignment: undefined,
      source: undefined,
      unsafe: 0,
      tasks: 2,
      running: 1,
      waiting: 0,
      isolated: false,
      pool: { processes: [], waiting: 0 },
      spool: { entries: 0, unsafe: 0, bytes: 0, oldestAt: undefined, waiting: 0 },
      upload: { reached: true, behind: 0, answeredAt: -Infinity, silentMs: 0 },
    },
    counts: { byOutcome: { ran: 2, failed: 1 }, killed: 0, uploads: 1 },
  },
}

const silent: AgentMetrics = {
  id: '1',
  name: 'north',
  version: undefined,
  isOnline: false,
  cpuShare: undefined,
  memory: undefined,
  disk: undefined,
  spool: undefined,
  sendMs: undefined,
  sincePollMs: undefined,
  clockOffsetMs: undefined,
  connectors: 0,
  tasks: 0,
  running: undefined,
  load: 0,
}

/** What a scrape sees that refuses whatever is not OpenMetrics to the letter: `name{label=value} value`. */
async function scraped(text: string, include: string): Promise<readonly string[]> {
  const client: HttpClient = {
    url: 'https://farwatch/',
    request: async () => ({
      status: 200,
      headers: { 'content-type': 'application/openmetrics-text; version=1.0.0' },
      body: new TextEncoder().encode(text),
      text: () => text,
      phases: { firstByte: 1, total: 2 },
      redirects: 0,
      finalUrl: 'https://farwatch/metrics',
    }),
  }
  const seen = await collectOnce(library.monitors.get('prometheus.scrape')!, { include: [include] }, { client })
  if (seen.failure !== undefined) throw new Error(seen.failure.message)
  return (seen.more ?? []).map(
    ({ name, labels, value }) =>
      `${name}{${Object.entries(labels).map(([key, label]) => `${key}=${label}`)}} ${Number(value.toFixed(3))}`,
  )
}

function run(task: string, durationMs: number, about: Partial<RunResult> = {}): RunResult {
  return {
    kind: 'run',
    task,
    slot: 60_000,
    outcome: 'ran',
    startedAt: 60_250,
    durationMs,
    samples: [],
    ...about,
  }
}

test('agents are told with what they said, whatever their names are; what they did not say is left out', async () => {
  const full: AgentMetrics = {
    id: '2',
    name: 'Lager "Süd"\\1\n2',
    version: '1.2.2',
    isOnline: true,
    cpuShare: 0.25,
    memory: { usedBytes: 1_000, totalBytes: 4_000 },
    disk: { freeBytes: 5_000, totalBytes: 6_000 },
    spool: { entries: 3, bytes: 700, oldestAgeMs: 1_500 },
    sendMs: 40,
    sincePollMs: 2_000,
    clockOffsetMs: -300,
    connectors: 4,
    tasks: 9,
    running: 2,
    load: 0.5,
  }
  const agents = [silent, full, { ...silent, id: '3', name: 'twin' }, { ...silent, id: '4', name: 'twin' }]
  const seen = await scraped(selfMetrics({ ...facts, server: { ...server, agents } }), 'farwatch_agent_*')
  const of = (agent: string) =>
    seen.flatMap((line) =>
      line.includes(`{agent=${agent}}`) ? [line.replace('farwatch_agent_', '').replace(/\{.*\}/s, '')] : [],
    )
  expect({
    silent: of('north'),
    full: of(full.name),
    twins: seen.filter((line) => line.includes('_online{agent=twin')),
    build: seen.filter((line) => line.includes('_build')),
  }).toEqual({
    silent: ['online 0', 'connectors 0', 'tasks 0', 'load_ratio 0'],
    full: [
      'online 1',
      'cpu_ratio 0.25',
      'memory_used_bytes 1000',
      'memory_size_bytes 4000',
      'disk_free_bytes 5000',
      'disk_size_bytes 6000',
      'spool_entries 3',
      'spool_bytes 700',
      'spool_oldest_age_seconds 1.5',
      'send_seconds 0.04',
      'since_poll_seconds 2',
      'clock_offset_seconds -0.3',
      'connectors 4',
      'tasks 9',
      'running 2',
      'load_ratio 0.5',
    ],
    twins: ['farwatch_agent_online{agent=twin (3)} 0', 'farwatch_agent_online{agent=twin (4)} 0'],
    build: [`farwatch_agent_build_info{agent=${full.name},uuid=2,version=1.2.2} 1`],
  })
})

test('monitors are told with how their slots ended, and with quantiles of the last minutes only', async () => {
  const clock = new ManualClock()
  const counts = new MonitorCounts((task) => (task === 'gone' ? undefined : task.split('/')[0]), clock)
  const gap: GapRecord = {
    kind: 'gap',
    task: 'ping/1',
    from: 0,
    to: 180_000,
    outcome: 'skipped',
    periodMs: 60_000,
    reason: 'overload',
  }
  counts.count([
    run('http.response/1', 100),
    run('http.response/2', 8_000, { outcome: 'failed', reason: 'timed out', message: 'no answer within 8 s' }),
    gap,
    run('gone', 1),
  ])
  const first = await scraped(
    selfMetrics({ ...facts, server: { ...server, monitors: counts.facts() } }),
    'farwatch_monitor_*',
  )
  clock.advance(25 * 60_000)
  counts.count([run('ping/1', 2)])
  const later = await scraped(
    selfMetrics({ ...facts, server: { ...server, monitors: counts.facts() } }),
    'farwatch_monitor_duration*',
  )
  expect({ first: first.filter((line) => !line.endsWith(' 0')), later }).toEqual({
    first: [
      'farwatch_monitor_slots_total{monitor=http.response,outcome=ran} 1',
      'farwatch_monitor_slots_total{monitor=http.response,outcome=failed} 1',
      'farwatch_monitor_slots_total{monitor=ping,outcome=skipped} 4',
      'farwatch_monitor_timeouts_total{monitor=http.response} 1',
      'farwatch_monitor_duration_seconds{monitor=http.response,quantile=0.5} 0.103',
      'farwatch_monitor_duration_seconds{monitor=http.response,quantile=0.95} 7.845',
      'farwatch_monitor_duration_seconds_sum{monitor=http.response} 8.1',
      'farwatch_monitor_duration_seconds_count{monitor=http.response} 2',
      'farwatch_monitor_lateness_seconds{monitor=http.response,quantile=0.5} 0.245',
      'farwatch_monitor_lateness_seconds{monitor=http.response,quantile=0.95} 0.245',
      'farwatch_monitor_lateness_seconds_sum{monitor=http.response} 0.5',
      'farwatch_monitor_lateness_seconds_count{monitor=http.response} 2',
    ],
    later: [
      'farwatch_monitor_duration_seconds_sum{monitor=http.response} 8.1',
      'farwatch_monitor_duration_seconds_count{monitor=http.response} 2',
      'farwatch_monitor_duration_seconds{monitor=ping,quantile=0.5} 0.002',
      'farwatch_monitor_duration_seconds{monitor=ping,quantile=0.95} 0.002',
      'farwatch_monitor_duration_seconds_sum{monitor=ping} 0.002',
      'farwatch_monitor_duration_seconds_count{monitor=ping} 1',
    ],
  })
})

test('everything else of it is OpenMetrics to the letter, too', async () => {
  const seen = await scraped(selfMetrics(facts), 'farwatch_*')
  expect(seen.filter((line) => /uptime|memory|runs|build|history_bytes/.test(line))).toEqual([
    'farwatch_build_info{version=1.2.3,uuid=server} 1',
    'farwatch_uptime_seconds{} 1.5',
    'farwatch_resident_memory_bytes{} 1000000',
    'farwatch_runs_total{outcome=ran} 2',
    'farwatch_runs_total{outcome=failed} 1',
    'farwatch_history_bytes{} 4096',
  ])
})
