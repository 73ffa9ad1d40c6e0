import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Count, Nullable, Timestamp, exact } from './schemas.ts'

/** The connection of an agent to its server, as the agent sees it. */
export const Connection = exact({
  server: Nullable(Type.String({ description: 'The URL that is or was tried last' })),
  state: Type.Enum(['connecting', 'pending', 'rejected', 'revoked', 'connected']),
  message: Type.String({ description: 'What has to be done now, or what went wrong last' }),
  fingerprint: Type.String({ description: "SHA-256 of the agent's public key; the server shows the same" }),
  serverVersion: Nullable(Type.String()),
  protocol: Nullable(Type.Integer()),
  answeredAt: Nullable(Timestamp),
  clock: Nullable(
    exact({
      offsetMs: Type.Number({ description: 'How far the clock of the server is before that of this machine' }),
      rttMs: Type.Number(),
      errorMs: Type.Number(),
    }),
  ),
  term: Count,
  servers: Type.Array(
    exact({
      url: Type.String(),
      serves: Type.Boolean({ description: 'The agent works for it now' }),
      acts: Nullable(
        Type.Boolean({ description: 'It said that it acts, or that it stands by; null: it said nothing' }),
      ),
      term: Nullable(Count),
      answeredMsAgo: Nullable(Type.Number({ minimum: 0 })),
      message: Type.String({ description: 'Why it did not answer as it should; empty where nothing is wrong' }),
    }),
    { description: 'Every server that the agent knows of: those of its settings, and those that they named' },
  ),
  assignment: Nullable(Type.String({ description: 'Version of what it was given to do' })),
  kept: Type.Boolean({ description: 'It runs from the assignment that it kept from before its start' }),
  tasks: Count,
  running: Count,
  waiting: Count,
  isolated: Type.Boolean({ description: 'None of its targets is reached' }),
  spool: exact({ entries: Count, bytes: Count, oldestAt: Nullable(Timestamp) }),
  upload: exact({
    reached: Type.Boolean({ description: 'The last upload was taken' }),
    behind: Count,
    problem: Nullable(Type.String()),
  }),
})
export type Connection = Static<typeof Connection>

export const connectionOperations = {
  showConnection: {
    method: 'GET',
    path: '/instance/connection',
    tag: 'Instance',
    summary: 'The connection of the agent here to its server',
    allowed: 'viewer',
    answer: Connection,
  },
} as const satisfies Record<string, Operation>
