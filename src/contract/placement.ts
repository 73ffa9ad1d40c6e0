import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Count, Cursor, Id, Name, Nullable, Timestamp, exact } from './schemas.ts'

/** Where a connector is, and why; `others` says of every other agent why not there. */
export const ConnectorPlace = exact({
  connectorId: Id,
  group: Name,
  system: Name,
  connector: Name,
  type: Name,
  tasks: Count,
  agent: Nullable(Type.String({ description: 'Name of the agent that is to run it now' })),
  agentId: Nullable(Type.String()),
  /** `held`: its agent is silent, and so are most others, so nothing is moved yet. */
  state: Type.Enum(['settled', 'proving', 'handing', 'held', 'uncovered']),
  to: Nullable(Type.String({ description: 'Name of the agent that it is going to' })),
  since: Timestamp,
  why: Type.String(),
  pin: Nullable(Type.String({ description: 'Name of the only agent that may run it' })),
  others: Type.Array(exact({ agent: Type.String(), agentId: Type.String(), because: Type.String() })),
})
export type ConnectorPlace = Static<typeof ConnectorPlace>

/** A group that the loss of one agent would leave uncovered, or run by agents that then have too much to do. */
export const WeakGroup = exact({
  group: Name,
  agent: Type.String({ description: 'Name of the agent whose loss that would be' }),
  effect: Type.Enum(['uncovered', 'overloaded']),
  connectors: Count,
})

export const UncoveredGroup = exact({
  group: Name,
  reason: Type.String(),
  connectors: Type.Integer({ minimum: 0, description: 'How many of its connectors nobody runs' }),
  of: Count,
})

const tag = 'Placement'

export const placementOperations = {
  listPlacement: {
    method: 'GET',
    path: '/placement',
    tag,
    summary: 'Which agent runs which connector, and why there',
    allowed: 'viewer',
    query: exact({
      group: Type.Optional(Name),
      system: Type.Optional(Name),
      connector: Type.Optional(Name),
      agent: Type.Optional(Type.String({ minLength: 1, maxLength: 253, description: 'Name or id' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Rows per page; default 200' })),
      cursor: Type.Optional(Cursor),
    }),
    answer: Type.Array(ConnectorPlace),
    paged: true,
  },
  showPlacement: {
    method: 'GET',
    path: '/placement/{connectorId}',
    tag,
    summary: 'Why a connector is where it is, and on no other agent',
    allowed: 'viewer',
    params: exact({ connectorId: Id }),
    answer: ConnectorPlace,
  },
} as const satisfies Record<string, Operation>
