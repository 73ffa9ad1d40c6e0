import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Count, Name, Nullable, Timestamp, exact } from './schemas.ts'

export const PairRole = Type.Enum(['NONE', 'PRIMARY', 'SECONDARY'])
const PairMode = Type.Enum(['OFF', 'ACTIVE', 'STANDBY'])
export const PairState = Type.Enum(['active', 'standby', 'held', 'off'])

const settings = {
  role: PairRole,
  mode: PairMode,
  peerUrl: Type.String({ maxLength: 2_000, description: 'Of the PRIMARY; on the SECONDARY only' }),
  peerUuid: Type.String({ maxLength: 200, description: 'Of the SECONDARY; needed on the PRIMARY' }),
  timeoutMs: Type.Number({ description: 'Silent for so long the other side counts as lost' }),
  pollMs: Type.Number({ description: 'How often the SECONDARY polls the PRIMARY' }),
}

/** The pair as one side of it sees it. */
export const Failover = exact({
  ...settings,
  state: PairState,
  acts: Type.Boolean({ description: 'It is the active one, or there is no mechanism that would keep it from acting' }),
  term: Count,
  activeUrl: Nullable(
    Type.String({ description: 'Where the server that acts is found; null where that is not known' }),
  ),
  uuid: Type.String({ description: 'Of this server: what the PRIMARY is given of its SECONDARY' }),
  lag: exact({
    changes: Nullable(Type.Integer({ minimum: 0, description: 'Null where it is not known' })),
    seconds: Nullable(Type.Number({ minimum: 0, description: 'For how long the oldest of them waits' })),
  }),
  parts: Type.Array(
    exact({
      name: Type.String(),
      state: Type.Enum(['following', 'waiting', 'copying', 'unknown']),
      changes: Nullable(Count),
      seconds: Nullable(Type.Number({ minimum: 0 })),
      why: Nullable(Type.String({ description: 'Why it is copied; or why it waits, which it does for an upgrade' })),
    }),
    { description: 'What is replicated, each by itself: how far the side that does not act is' },
  ),
  peer: Nullable(
    exact({
      state: PairState,
      on: Type.Boolean(),
      acts: Type.Boolean(),
      term: Count,
      complete: Type.Boolean({ description: 'It has all that it needs to act' }),
      unsound: Nullable(Type.String({ description: 'Why its data is not to be relied on' })),
      heardMsAgo: Type.Number({ minimum: 0 }),
    }),
  ),
  peerFingerprint: Nullable(
    Type.String({ description: 'SHA-256 of the key with which the SECONDARY signs; known on the PRIMARY' }),
  ),
  pollProblem: Nullable(Type.String({ description: 'Why the last poll of the SECONDARY failed' })),
  handsOver: Type.Boolean(),
  witnesses: Type.Array(
    exact({
      agent: Type.String(),
      name: Nullable(Type.String()),
      says: Type.Enum(['lost', 'served', 'silent', 'knows a higher term']),
    }),
    { description: 'What the agents of the last minute say of the other server' },
  ),
  setUp: Type.Array(
    exact({ on: Type.Enum(['PRIMARY', 'SECONDARY', 'agents']), done: Type.Boolean(), message: Type.String() }),
    { description: 'What a pair needs, in the order in which it is done' },
  ),
  problems: Type.Array(
    exact({
      key: Type.String(),
      severity: Type.Enum(['WARNING', 'MINOR', 'MAJOR', 'CRITICAL']),
      message: Type.String(),
    }),
  ),
})
export type Failover = Static<typeof Failover>

/** What a forced take-over costs. */
export const ForcePrice = exact({
  missingChanges: Nullable(Type.Integer({ minimum: 0, description: 'Known to be missing here; null: nobody knows' })),
  lastContactMsAgo: Nullable(Type.Number({ minimum: 0, description: 'Null: never since the start' })),
  configuration: exact({
    here: Type.String(),
    there: Nullable(Type.String({ description: 'When it was last heard' })),
    same: Nullable(Type.Boolean()),
  }),
})
export type ForcePrice = Static<typeof ForcePrice>

const Switch = Nullable(
  exact({
    ms: Type.Number({ minimum: 0, description: 'From when it was asked for until the other acted' }),
    idleMs: Type.Number({ minimum: 0, description: 'Of these, how long neither acted at most' }),
  }),
)
export const Drill = exact({
  startedAt: Timestamp,
  endedAt: Timestamp,
  by: Name,
  there: Switch,
  back: Switch,
  resultsLost: Count,
  duplicates: Count,
  runsMissed: Count,
  notificationsRepeated: Count,
  problems: Type.Array(Type.String()),
})
export type Drill = Static<typeof Drill>

const tag = 'Failover'

export const failoverOperations = {
  showFailover: {
    method: 'GET',
    path: '/failover',
    tag,
    summary: 'The pair of servers: settings, who acts, how far the other is, what is wrong or missing',
    allowed: 'viewer',
    answer: Failover,
  },
  changeFailover: {
    method: 'PUT',
    path: '/failover',
    tag,
    summary:
      'Changes the settings of this side; what is left out stays. A SECONDARY that is active and set to STANDBY hands over',
    allowed: 'admin',
    isLocal: true,
    body: exact({
      role: Type.Optional(settings.role),
      mode: Type.Optional(settings.mode),
      peerUrl: Type.Optional(settings.peerUrl),
      peerUuid: Type.Optional(settings.peerUuid),
      timeoutMs: Type.Optional(settings.timeoutMs),
      pollMs: Type.Optional(settings.pollMs),
    }),
    answer: Failover,
  },
  handOver: {
    method: 'POST',
    path: '/failover/handover',
    tag,
    summary: 'Has the active side hand over to the other, with nothing lost; answers when that one acts',
    allowed: 'admin',
    isLocal: true,
    isLong: true,
    body: exact({}),
    isBodyOptional: true,
    answer: exact({
      active: Type.Enum(['PRIMARY', 'SECONDARY']),
      term: Count,
      ms: Type.Number({ minimum: 0 }),
    }),
  },
  forceTakeover: {
    method: 'POST',
    path: '/failover/force',
    tag,
    summary: 'Says what acting without the other would cost; with `confirm` this side acts from now on',
    allowed: 'admin',
    isLocal: true,
    body: exact({ confirm: Type.Optional(Type.Boolean()) }),
    isBodyOptional: true,
    answer: exact({ forced: Type.Boolean(), price: ForcePrice }),
  },
  runDrill: {
    method: 'POST',
    path: '/failover/drill',
    tag,
    summary: 'Hands over to the other side and back, and measures what that costs',
    allowed: 'admin',
    isLocal: true,
    isLong: true,
    body: exact({}),
    isBodyOptional: true,
    answer: Drill,
  },
  listDrills: {
    method: 'GET',
    path: '/failover/drills',
    tag,
    summary: 'Drills that ended, newest first',
    allowed: 'viewer',
    answer: Type.Array(Drill),
  },
} as const satisfies Record<string, Operation>
