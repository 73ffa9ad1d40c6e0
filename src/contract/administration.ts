import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { UncoveredGroup, WeakGroup } from './placement.ts'
import { Cursor, Done, Id, Limit, Moment, Name, Nullable, Timestamp, exact } from './schemas.ts'

/** One object that an apply adds, changes or removes. Secrets appear as `***`. */
export const Change = exact({
  action: Type.Enum(['add', 'change', 'remove']),
  kind: Type.String(),
  path: Type.String({ description: 'groups["acme"].systems["shop"]' }),
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown()),
})

/** The difference an apply made, or would make. `revision` is the one that holds it; null where nothing changed or it was a dry run. */
export const Difference = exact({
  applied: Type.Boolean(),
  revision: Nullable(Type.Integer()),
  summary: exact({ add: Type.Integer(), change: Type.Integer(), remove: Type.Integer() }),
  changes: Type.Array(Change),
})
export type Difference = Static<typeof Difference>

export const Revision = exact({
  revision: Type.Integer(),
  at: Timestamp,
  author: Type.String(),
  comment: Type.String(),
  summary: Difference.properties.summary,
})
export const Snapshot = exact({
  id: Id,
  name: Type.String(),
  at: Timestamp,
  author: Type.String(),
  revision: Type.Integer(),
})
export const AuditEntry = exact({
  id: Type.Integer(),
  at: Timestamp,
  who: Type.String(),
  action: Type.String(),
  what: Type.String(),
  before: Nullable(Type.Unknown()),
  after: Nullable(Type.Unknown()),
})

export const PluginStatus = exact({
  name: Name,
  plugin: Name,
  sends: Type.Array(Type.String()),
  queued: Type.Integer(),
  inFlight: Type.Integer(),
  delivered: Type.Integer({ description: 'As many as the ledger remembers' }),
  dead: Type.Integer(),
  failuresInARow: Type.Integer(),
  lastError: Nullable(Type.String()),
  oldestQueuedAt: Nullable(Timestamp),
  metrics: Nullable(
    exact({
      behind: Type.Integer({ description: 'Batches of results still to be sent' }),
      sentPoints: Type.Integer(),
      droppedPoints: Type.Integer({ description: 'Refused by the receiver for good' }),
      skippedBatches: Type.Integer({ description: 'Never sent, because the feed was too far behind' }),
    }),
  ),
})
export type PluginStatus = Static<typeof PluginStatus>

export const Delivery = exact({
  id: Id,
  plugin: Name,
  key: Type.String({ description: 'The Idempotency-Key' }),
  state: Type.Enum(['queued', 'delivered', 'dead', 'discarded']),
  alarm: Type.String(),
  event: Type.String(),
  attempts: Type.Integer(),
  queuedAt: Timestamp,
  notBefore: Nullable(Timestamp),
  finishedAt: Nullable(Timestamp),
  message: Type.String(),
})

export const ConnectorEntry = exact({
  id: Name,
  title: Type.String(),
  summary: Type.String(),
  settings: Type.Unknown(),
  params: Type.Unknown(),
  credentials: Type.Array(exact({ type: Type.String(), title: Type.String(), fields: Type.Unknown() })),
  credentialRequired: Type.Boolean(),
  canBeDiscovered: Type.Boolean(),
  defaultProfile: Nullable(exact({ name: Name, monitors: Type.Array(Name) })),
})
export const MonitorEntry = exact({
  id: Name,
  title: Type.String(),
  summary: Type.String(),
  connectors: Type.Array(Name, { description: 'The connector types it runs on' }),
  period: Type.String(),
  timeout: Type.String(),
  settings: Type.Unknown(),
  params: Type.Unknown(),
  metrics: Type.Array(
    exact({
      name: Type.String(),
      title: Type.String(),
      unit: Type.String(),
      kind: Type.String(),
      items: Type.Array(Type.String()),
    }),
  ),
  openMetrics: Nullable(Type.String()),
  rules: Type.Array(Type.Unknown()),
  needs: Nullable(Type.String({ description: 'Privileges on the target, programs on the agent’s machine' })),
  grant: Nullable(Type.String({ description: 'The least privileges, as they are pasted on the target' })),
  thresholdsFrom: Nullable(Type.String({ description: 'Where the default thresholds come from' })),
  tryIt: Nullable(Type.String({ description: 'How to see it work' })),
  optIn: Nullable(Type.String({ description: 'Why it is in no default profile' })),
  tested: Type.Enum(['real server', 'recorded data', 'schema only']),
})
export const PluginEntry = exact({
  id: Name,
  title: Type.String(),
  summary: Type.String(),
  settings: Type.Unknown(),
  params: Type.Unknown(),
  sends: Type.Array(Type.String()),
  honoursIdempotencyKey: Type.Boolean(),
})

const Flag = Type.Boolean()
const byId = exact({ id: Id })
const page = { cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) }

export const administrationOperations = {
  showConfiguration: {
    method: 'GET',
    path: '/configuration',
    tag: 'Configuration',
    summary: 'The whole configuration as one document; secrets are { keep: true }',
    allowed: 'viewer',
    answer: Type.Unknown(),
  },
  applyConfiguration: {
    method: 'PUT',
    path: '/configuration',
    tag: 'Configuration',
    summary: 'Applies a document, all or nothing; what it does not name stays unless prune',
    allowed: 'editor',
    query: exact({
      dryRun: Type.Optional(Flag),
      prune: Type.Optional(Flag),
      comment: Type.Optional(Type.String({ maxLength: 500 })),
      base: Type.Optional(
        Type.Integer({ minimum: 0, description: 'Refused where what it changes was changed after this revision' }),
      ),
    }),
    body: Type.Unknown(),
    answer: Difference,
  },
  listRevisions: {
    method: 'GET',
    path: '/configuration/revisions',
    tag: 'Configuration',
    summary: 'Revisions, newest first',
    allowed: 'viewer',
    query: exact(page),
    answer: Type.Array(Revision),
    paged: true,
  },
  listSnapshots: {
    method: 'GET',
    path: '/snapshots',
    tag: 'Configuration',
    summary: 'Saved copies of the configuration',
    allowed: 'viewer',
    answer: Type.Array(Snapshot),
  },
  createSnapshot: {
    method: 'POST',
    path: '/snapshots',
    tag: 'Configuration',
    summary: 'Saves a copy of the configuration',
    allowed: 'editor',
    body: exact({ name: Name }),
    answer: Snapshot,
  },
  showSnapshot: {
    method: 'GET',
    path: '/snapshots/{id}',
    tag: 'Configuration',
    summary: 'The document in a snapshot',
    allowed: 'viewer',
    params: byId,
    answer: exact({ snapshot: Snapshot, document: Type.Unknown() }),
  },
  diffSnapshot: {
    method: 'GET',
    path: '/snapshots/{id}/diff',
    tag: 'Configuration',
    summary: 'What restoring it would change; or what is different in it against another snapshot',
    allowed: 'viewer',
    params: byId,
    query: exact({ against: Type.Optional(Id) }),
    answer: Difference,
  },
  restoreSnapshot: {
    method: 'POST',
    path: '/snapshots/{id}/restore',
    tag: 'Configuration',
    summary: 'Makes the configuration as it was',
    allowed: 'admin',
    params: byId,
    answer: Difference,
  },
  removeSnapshot: {
    method: 'DELETE',
    path: '/snapshots/{id}',
    tag: 'Configuration',
    summary: 'Removes a snapshot',
    allowed: 'admin',
    params: byId,
    answer: Done,
  },
  listAudit: {
    method: 'GET',
    path: '/audit',
    tag: 'Configuration',
    summary: 'Who changed what, newest first',
    allowed: 'admin',
    query: exact({
      who: Type.Optional(Name),
      text: Type.Optional(
        Type.String({ maxLength: 200, description: 'A part of what was done, or of what it was done to' }),
      ),
      from: Type.Optional(Moment),
      to: Type.Optional(Moment),
      ...page,
    }),
    answer: Type.Array(AuditEntry),
    paged: true,
  },
  listAssociations: {
    method: 'GET',
    path: '/associations',
    tag: 'Configuration',
    summary: 'Which agents run which group',
    allowed: 'viewer',
    answer: exact({ associations: Type.Array(exact({ group: Name, agents: Type.Array(Name) })) }),
  },
  replaceAssociations: {
    method: 'PUT',
    path: '/associations',
    tag: 'Configuration',
    summary: 'Replaces all associations, and says which groups that leaves to nobody',
    allowed: 'admin',
    query: exact({ dryRun: Type.Optional(Flag), comment: Type.Optional(Type.String({ maxLength: 500 })) }),
    body: exact({
      associations: Type.Array(exact({ group: Name, agents: Type.Array(Name, { maxItems: 1_000 }) }), {
        maxItems: 10_000,
      }),
    }),
    answer: exact({
      uncovered: Type.Array(UncoveredGroup, {
        description: 'Groups that were run until now and are, or would be, run by nobody, wholly or in part',
      }),
      becomeCovered: Type.Array(Name),
      moves: Type.Integer({ minimum: 0, description: 'Connectors whose agent may not run them afterwards' }),
      weak: Type.Array(WeakGroup, { description: 'What the loss of one agent would then do' }),
      difference: Difference,
    }),
  },
  listMonitors: {
    method: 'GET',
    path: '/library/monitors',
    tag: 'Library',
    summary: 'Monitors that can be configured',
    allowed: 'viewer',
    answer: Type.Array(MonitorEntry),
  },
  listConnectors: {
    method: 'GET',
    path: '/library/connectors',
    tag: 'Library',
    summary: 'Ways in',
    allowed: 'viewer',
    answer: Type.Array(ConnectorEntry),
  },
  listPluginTypes: {
    method: 'GET',
    path: '/library/plugins',
    tag: 'Library',
    summary: 'Plugins that can be configured',
    allowed: 'viewer',
    answer: Type.Array(PluginEntry),
  },
  listPlugins: {
    method: 'GET',
    path: '/plugins',
    tag: 'Plugins',
    summary: 'Configured plugins and their queues',
    allowed: 'viewer',
    answer: Type.Array(PluginStatus),
  },
  testPlugin: {
    method: 'POST',
    path: '/plugins/{name}/test',
    tag: 'Plugins',
    summary: 'Sends an example alarm now, answers with what became of it',
    allowed: 'operator',
    params: exact({ name: Name }),
    answer: exact({ delivered: Type.Boolean(), message: Type.String() }),
  },
  listDeliveries: {
    method: 'GET',
    path: '/plugins/{name}/deliveries',
    tag: 'Plugins',
    summary: 'What was or is to be delivered, newest first',
    allowed: 'viewer',
    params: exact({ name: Name }),
    query: exact({ state: Type.Optional(Type.Enum(['queued', 'delivered', 'dead', 'discarded'])), ...page }),
    answer: Type.Array(Delivery),
    paged: true,
  },
  retryDelivery: {
    method: 'POST',
    path: '/deliveries/{id}/retry',
    tag: 'Plugins',
    summary: 'Puts a dead letter back in its queue',
    allowed: 'operator',
    params: byId,
    answer: Done,
  },
  discardDelivery: {
    method: 'POST',
    path: '/deliveries/{id}/discard',
    tag: 'Plugins',
    summary: 'Takes a queued or dead delivery away',
    allowed: 'operator',
    params: byId,
    answer: Done,
  },
} as const satisfies Record<string, Operation>
