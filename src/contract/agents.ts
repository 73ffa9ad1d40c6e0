import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Count, Done, DurationText, Id, LogBytes, Name, Nullable, Timestamp, exact } from './schemas.ts'

const Spool = exact({ entries: Count, bytes: Count, oldestAt: Nullable(Timestamp) })

/**
 * An agent as the server knows it. What only the agent itself can say (its machine, its spool, its clock) is null until it has said it:
 * of one that has not called since the server was started.
 */
export const Agent = exact({
  id: Type.String({ description: "The instance's UUID" }),
  name: Type.String({ description: "What associations call it; the server's own is called local" }),
  announcedName: Type.String({ description: 'What it calls itself by now' }),
  local: Type.Boolean({ description: "The server's own agent" }),
  registration: Type.Enum(['PENDING', 'ACCEPTED', 'REJECTED']),
  admin: Type.Enum(['ON', 'OFF']),
  runtime: Type.Enum(['ONLINE', 'OFFLINE', 'DRAINING']),
  drain: Type.Enum(['none', 'under way', 'done']),
  fingerprint: Type.String({ description: 'SHA-256 of its public key; the agent shows the same' }),
  version: Type.String(),
  protocol: Nullable(Type.Integer({ description: 'Version of the messages that both agreed on' })),
  address: Nullable(Type.String({ description: 'Where its last hello came from; of proxies only the last is seen' })),
  hostname: Nullable(Type.String()),
  platform: Nullable(Type.String()),
  groups: Type.Array(Type.String(), { description: 'The groups that it is to run, as far as the caller sees them' }),
  connectors: Count,
  tasks: Nullable(Count),
  running: Nullable(Count),
  waiting: Nullable(Count),
  load: Type.Number({ description: 'What it has to do, by what it can: 1 is all' }),
  capacity: Type.Number({ description: 'Milliseconds of runs in one second' }),
  cpu: Nullable(Type.Number({ description: 'Busy share of all cores, 0 to 1' })),
  memory: Nullable(exact({ usedBytes: Count, totalBytes: Count })),
  disk: Nullable(exact({ freeBytes: Count, totalBytes: Count })),
  spool: Nullable(Spool),
  clock: Nullable(
    exact({
      offsetMs: Type.Number({ description: 'How far the clock of the server is before that of the agent' }),
      rttMs: Type.Number(),
    }),
  ),
  sendMs: Nullable(Type.Number({ description: 'How long its last upload took' })),
  isolated: Nullable(Type.Boolean({ description: 'It reaches the server, and none of its targets' })),
  lacks: Type.Array(Type.String(), { description: 'Monitors of the library that its version has not' }),
  firstSeenAt: Nullable(Timestamp),
  since: Timestamp,
  lastSeenAt: Nullable(Timestamp),
  decidedAt: Nullable(Timestamp),
  decidedBy: Nullable(Type.String()),
})
export type Agent = Static<typeof Agent>

export const EnrolmentToken = exact({
  id: Id,
  note: Type.String(),
  createdBy: Type.String(),
  createdAt: Timestamp,
  expiresAt: Timestamp,
  uses: Count,
  usesLeft: Count,
})
export type EnrolmentToken = Static<typeof EnrolmentToken>

const tag = 'Agents'
const params = exact({ id: Id })
const change = { method: 'POST', tag, allowed: 'admin', params, answer: Agent } as const

export const agentOperations = {
  listAgents: {
    method: 'GET',
    path: '/agents',
    tag,
    summary: 'All agents this server knows',
    allowed: 'viewer',
    answer: Type.Array(Agent),
  },
  showAgent: {
    method: 'GET',
    path: '/agents/{id}',
    tag,
    summary: 'One agent',
    allowed: 'viewer',
    params,
    answer: Agent,
  },
  acceptAgent: {
    ...change,
    path: '/agents/{id}/accept',
    summary: 'Accepts a pending or rejected agent, under another name where one is given',
    body: exact({ name: Type.Optional(Name) }),
    isBodyOptional: true,
  },
  rejectAgent: { ...change, path: '/agents/{id}/reject', summary: 'Rejects an agent until that is lifted' },
  liftAgent: {
    ...change,
    path: '/agents/{id}/lift',
    summary: 'Takes a rejection back: its next hello is like its first',
    answer: Done,
  },
  renameAgent: {
    ...change,
    path: '/agents/{id}/rename',
    summary: 'Gives an agent another name; associations go by the name',
    body: exact({ name: Name }),
  },
  activateAgent: { ...change, path: '/agents/{id}/activate', summary: 'Gives an agent work again' },
  deactivateAgent: { ...change, path: '/agents/{id}/deactivate', summary: 'Gives an agent no work' },
  drainAgent: {
    ...change,
    path: '/agents/{id}/drain',
    summary:
      'Moves all work to other agents; answers when nothing was missed, and refuses with what could not move and why. It goes on when the caller goes away',
    isLong: true,
    answer: exact({ drained: Type.Literal(true) }),
  },
  undrainAgent: { ...change, path: '/agents/{id}/undrain', summary: 'Ends a drain: the agent gets work again' },
  rekeyAgent: {
    ...change,
    path: '/agents/{id}/rekey',
    summary: 'Has an agent make itself a new key; it stays accepted',
    isLong: true,
  },
  removeAgent: {
    method: 'DELETE',
    path: '/agents/{id}',
    tag,
    summary: 'Removes an agent and revokes its key for good',
    allowed: 'admin',
    params,
    answer: Done,
  },
  showAgentLogs: {
    method: 'GET',
    path: '/agents/{id}/logs',
    tag,
    summary: 'The log of an agent, newest lines last, one JSON object a line, through its own connection',
    allowed: 'admin',
    params,
    query: exact({ maxBytes: Type.Optional(LogBytes) }),
    isLong: true,
    isText: true,
    answer: Type.String(),
  },
  createEnrolmentToken: {
    method: 'POST',
    path: '/enrolment-tokens',
    tag,
    summary: 'Makes a token that accepts agents by itself; the answer is the only time it is shown',
    allowed: 'admin',
    body: exact({
      expiresIn: Type.Optional(Type.String({ ...DurationText, description: 'From 1s to 366d; default 10m' })),
      uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'How many agents; default 1' })),
      note: Type.Optional(Type.String({ maxLength: 1_000 })),
    }),
    isBodyOptional: true,
    answer: exact({
      ...EnrolmentToken.properties,
      token: Type.String(),
      command: Type.String({ description: 'What to run on the machine of the agent' }),
      warning: Nullable(Type.String({ description: 'What has to be done here before agents can connect' })),
    }),
  },
  listEnrolmentTokens: {
    method: 'GET',
    path: '/enrolment-tokens',
    tag,
    summary: 'Enrolment tokens, without the tokens themselves',
    allowed: 'admin',
    answer: Type.Array(EnrolmentToken),
  },
  removeEnrolmentToken: {
    method: 'DELETE',
    path: '/enrolment-tokens/{id}',
    tag,
    summary: 'Makes an enrolment token worthless',
    allowed: 'admin',
    params,
    answer: Done,
  },
} as const satisfies Record<string, Operation>
