import { Type, type Static } from 'typebox'
import { PairRole, PairState } from './failover.ts'
import type { Operation } from './operation.ts'
import { Count, LogBytes, Moment, Name, Nullable, SeverityOrClear, Timestamp, exact } from './schemas.ts'

/** How a server stands in a pair, for whoever asks anything else. */
const InPair = exact({
  role: PairRole,
  state: PairState,
  acts: Type.Boolean(),
  term: Count,
  message: Nullable(Type.String({ description: 'Why it does not act; null where it does' })),
  activeUrl: Nullable(Type.String({ description: 'Where the server that acts is found' })),
})

export const Instance = exact({
  uuid: Type.String(),
  name: Type.String(),
  version: Type.String(),
  roles: exact({ server: Type.Boolean(), agent: Type.Boolean() }),
  servers: Type.Array(Type.String()),
  proxy: Nullable(
    Type.String({ description: 'Through which the servers are reached; a password in it is shown as ***' }),
  ),
  roleGivenBy: Nullable(
    Type.Enum(['flag', 'environment', 'file'], {
      description: 'The roles cannot be changed here, as they are given there',
    }),
  ),
  fingerprint: Type.String({ description: "SHA-256 of the instance's public key" }),
  startedAt: Timestamp,
  portalUrl: Type.String(),
  failover: Nullable(InPair),
})
export type Instance = Static<typeof Instance>

/** One setting as it is in force. */
export const Setting = exact({
  name: Type.String(),
  value: Type.Unknown(),
  default: Type.Unknown(),
  source: Type.Enum(['flag', 'environment', 'file', 'stored', 'default']),
  scope: Type.Enum(['travels', 'server', 'local'], { description: '`travels`: goes from the server to every agent' }),
  change: Type.Enum(['at once', 'restart', 'start']),
  overruledBy: Type.Optional(
    Type.Enum(['flag', 'environment', 'file'], { description: 'A change is stored, and holds once this is gone' }),
  ),
  allowed: Type.String(),
  help: Type.String(),
  kind: Type.Enum(['text', 'choice', 'flag', 'urls', 'number', 'proxy', 'result-retention']),
  choices: Type.Optional(Type.Array(Type.String())),
  unit: Type.Optional(
    Type.String({ description: 'Of a number: what a plain one means; a duration or a size may be written as well' }),
  ),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
  tooSmall: Type.Optional(Type.String({ description: 'What goes wrong where it is too small' })),
  tooLarge: Type.Optional(Type.String()),
  variable: Type.String({ description: 'The environment variable that gives it' }),
  flag: Type.Optional(Type.String()),
  retention: Type.Optional(Type.Literal(true)),
})
export type Setting = Static<typeof Setting>

export const Status = exact({
  instance: Instance,
  term: Type.Integer(),
  agents: exact({
    online: Type.Integer({ minimum: 0, description: 'Those that are being drained among them' }),
    offline: Count,
    draining: Count,
    pending: Count,
    rejected: Count,
    off: Type.Integer({ minimum: 0, description: 'Accepted and deactivated; counted as online or offline, too' }),
  }),
  tasks: Count,
  systems: Count,
  coverage: exact({
    share: Nullable(
      Type.Number({
        description: 'Null where no slot has ended, and while those of very many tasks are counted for the first time',
      }),
    ),
    from: Timestamp,
    to: Timestamp,
    outcomes: Type.Record(Type.String(), Count),
  }),
  alarms: exact({ INFO: Count, WARNING: Count, MINOR: Count, MAJOR: Count, CRITICAL: Count }),
  worst: SeverityOrClear,
  storage: exact({
    bytes: Count,
    freeBytes: Nullable(Count),
    series: Count,
    samplesPerSecond: Type.Number(),
    writable: Type.Boolean(),
  }),
  process: exact({ rssBytes: Count, uptimeMs: Type.Number(), eventLoopP99Ms: Type.Number() }),
})
export type Status = Static<typeof Status>

export const LogLine = exact({
  at: Timestamp,
  level: Type.String(),
  event: Type.String(),
  fields: Type.Record(Type.String(), Type.Unknown()),
})

const tag = 'Instance'

export const instanceOperations = {
  showInstance: {
    method: 'GET',
    path: '/instance',
    tag,
    summary: 'Who this instance is',
    allowed: 'viewer',
    answer: Instance,
  },
  changeInstance: {
    method: 'PUT',
    path: '/instance',
    tag,
    summary: 'Changes the name, the roles, and how servers are reached; roles change without a restart',
    allowed: 'admin',
    isLocal: true,
    body: exact({
      name: Type.Optional(Name),
      roles: Type.Optional(exact({ server: Type.Boolean(), agent: Type.Boolean() })),
      servers: Type.Optional(Type.Array(Type.String({ maxLength: 2_000 }), { maxItems: 20 })),
      proxy: Type.Optional(Type.String({ maxLength: 2_000, description: 'http://name:port; empty for none' })),
    }),
    answer: Instance,
  },
  showSettings: {
    method: 'GET',
    path: '/settings',
    tag,
    summary: 'Every setting with its value and where that came from',
    allowed: 'viewer',
    query: exact({ details: Type.Optional(Type.Boolean()) }),
    answer: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Array(Setting)]),
  },
  changeSettings: {
    method: 'PUT',
    path: '/settings',
    tag,
    summary: 'Stores settings; null takes a stored one back',
    allowed: 'admin',
    isLocal: true,
    body: Type.Record(Type.String(), Type.Unknown()),
    answer: Type.Record(Type.String(), Type.Unknown()),
  },
  showStatus: {
    method: 'GET',
    path: '/status',
    tag,
    summary: 'Everything on one screen',
    allowed: 'viewer',
    answer: Status,
  },
  listLogs: {
    method: 'GET',
    path: '/logs',
    tag,
    summary: 'The last lines of the log',
    allowed: 'admin',
    query: exact({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_000 })),
      level: Type.Optional(Type.Enum(['error', 'warn', 'info', 'debug'])),
    }),
    answer: Type.Array(LogLine),
  },
  downloadLogs: {
    method: 'GET',
    path: '/logs/download',
    tag,
    summary: 'The log of this instance, newest lines last, one JSON object a line',
    allowed: 'admin',
    query: exact({ maxBytes: Type.Optional(LogBytes) }),
    isText: true,
    answer: Type.String(),
  },
  agentStatistics: {
    method: 'GET',
    path: '/statistics/agents',
    tag,
    summary: 'What each agent did in the last 24 hours unless asked otherwise, and how it stands',
    allowed: 'viewer',
    query: exact({ from: Type.Optional(Moment), to: Type.Optional(Moment) }),
    answer: Type.Array(
      exact({
        agent: Type.String(),
        runs: Count,
        failed: Count,
        late: Count,
        skipped: Count,
        timeouts: Count,
        p50Ms: Nullable(Type.Number()),
        p95Ms: Nullable(Type.Number()),
        maxMs: Nullable(Type.Number()),
        latenessP95Ms: Nullable(Type.Number()),
        running: Nullable(Count),
        waiting: Nullable(Count),
        spoolEntries: Nullable(Count),
        spoolBytes: Nullable(Count),
        sendMs: Nullable(Type.Number({ description: 'How long its last upload took' })),
        killed: Nullable(
          Type.Integer({
            description: "Monitoring processes that had to be ended since the start; of the server's own agent",
          }),
        ),
      }),
    ),
  },
} as const satisfies Record<string, Operation>
