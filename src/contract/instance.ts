import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Name, Nullable, SeverityOrClear, Timestamp, exact } from './schemas.ts'

export const Instance = exact({
  uuid: Type.String(),
  name: Type.String(),
  version: Type.String(),
  roles: exact({ server: Type.Boolean(), agent: Type.Boolean() }),
  servers: Type.Array(Type.String()),
  fingerprint: Type.String({ description: "SHA-256 of the instance's public key" }),
  startedAt: Timestamp,
  portalUrl: Type.String(),
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
})

export const Agent = exact({
  id: Type.String(),
  name: Type.String(),
  local: Type.Boolean(),
  registration: Type.Enum(['PENDING', 'ACCEPTED', 'REJECTED']),
  admin: Type.Enum(['ON', 'OFF']),
  runtime: Type.Enum(['ONLINE', 'OFFLINE', 'DRAINING']),
  fingerprint: Type.String(),
  version: Type.String(),
  groups: Type.Array(Type.String()),
  connectors: Type.Integer(),
  tasks: Type.Integer(),
  running: Type.Integer(),
  processes: Type.Integer(),
  spool: exact({ entries: Type.Integer(), bytes: Type.Integer(), oldestAt: Nullable(Timestamp) }),
  lastSeenAt: Nullable(Timestamp),
})

const Count = Type.Integer({ minimum: 0 })

export const Status = exact({
  instance: Instance,
  term: Type.Integer(),
  agents: exact({ online: Count, offline: Count, pending: Count }),
  tasks: Count,
  systems: Count,
  coverage: exact({
    share: Nullable(Type.Number()),
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
    summary: 'Names the instance',
    allowed: 'admin',
    body: exact({
      name: Type.Optional(Name),
      roles: Type.Optional(exact({ server: Type.Boolean(), agent: Type.Boolean() })),
      servers: Type.Optional(Type.Array(Type.String({ maxLength: 2_000 }), { maxItems: 20 })),
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
    body: Type.Record(Type.String(), Type.Unknown()),
    answer: Type.Record(Type.String(), Type.Unknown()),
  },
  listAgents: {
    method: 'GET',
    path: '/agents',
    tag,
    summary: 'All agents this server knows',
    allowed: 'viewer',
    answer: Type.Array(Agent),
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
  agentStatistics: {
    method: 'GET',
    path: '/statistics/agents',
    tag,
    summary: 'What each agent did',
    allowed: 'viewer',
    answer: Type.Array(
      exact({
        agent: Type.String(),
        runs: Count,
        failed: Count,
        skipped: Count,
        running: Count,
        waiting: Count,
        killed: Count,
        spoolEntries: Count,
        spoolBytes: Count,
        uploads: Count,
      }),
    ),
  },
} as const satisfies Record<string, Operation>
