import { Type, type Static } from 'typebox'
import { Difference } from './administration.ts'
import type { Operation } from './operation.ts'
import { Count, Moment, Name, Nullable, Timestamp, exact } from './schemas.ts'

const Repetition = exact({
  every: Type.Enum(['day', 'week', 'month']),
  interval: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
  on: Type.Optional(
    Type.Array(Type.Union([Type.String({ maxLength: 20 }), Type.Integer()]), {
      maxItems: 31,
      description: 'Of a week mon to sun; of a month 15, last, 2nd tue, last fri. Default: as the first one',
    }),
  ),
  until: Type.Optional(Type.String({ maxLength: 10, description: 'The last day on which one begins: 2027-06-30' })),
})

/** A window without its name, as the configuration document writes it. */
const fields = {
  reason: Type.Optional(Type.String({ maxLength: 4_000 })),
  by: Type.Optional(Type.String({ maxLength: 200, description: 'Who is responsible. Default: who makes it' })),
  group: Type.Optional(Name),
  system: Type.Optional(Name),
  connector: Type.Optional(Name),
  tags: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Systems that bear all of these' })),
  begins: Type.String({ maxLength: 16, description: 'On the wall of the zone: 2026-12-01T22:00' }),
  lasts: Type.String({ maxLength: 40, description: '2h' }),
  zone: Type.Optional(Type.String({ maxLength: 100, description: 'Europe/Berlin; default UTC' })),
  repeats: Type.Optional(Repetition),
  checks: Type.Optional(
    Type.Enum(['skip', 'run'], {
      description: '`skip` (the default): slots are not run. `run`: they are, and no rule judges them',
    }),
  ),
  endedAt: Type.Optional(Type.String({ maxLength: 40, description: 'When somebody ended the one that was on' })),
}
const Written = exact({ name: Name, ...fields })

const Stretch = exact({ from: Timestamp, to: Timestamp })

export const Maintenance = exact({
  ...Written.properties,
  state: Type.Enum(['on', 'coming', 'over']),
  next: Nullable(Stretch),
  occurrences: Type.Array(Stretch, { description: 'Those that touch the asked time, oldest first, at most 1,000' }),
  systems: Type.Integer({ minimum: 0, description: 'How many systems that the asker sees it concerns' }),
  connectors: Count,
})
export type Maintenance = Static<typeof Maintenance>

const tag = 'Maintenance'
const byName = exact({ name: Name })

export const maintenanceOperations = {
  listMaintenances: {
    method: 'GET',
    path: '/maintenances',
    tag,
    summary:
      'Maintenance windows: those that are on first, then those to come by when they begin, then those that are over',
    allowed: 'viewer',
    query: exact({
      state: Type.Optional(Type.Enum(['on', 'coming', 'over'])),
      group: Type.Optional(Name),
      system: Type.Optional(Type.String({ maxLength: 200, description: 'With its group: those that concern it' })),
      from: Type.Optional(Moment),
      to: Type.Optional(Moment),
    }),
    answer: Type.Array(Maintenance),
  },
  createMaintenance: {
    method: 'POST',
    path: '/maintenances',
    tag,
    summary: 'Adds a maintenance window',
    allowed: 'editor',
    body: Written,
    answer: Maintenance,
  },
  replaceMaintenance: {
    method: 'PUT',
    path: '/maintenances/{name}',
    tag,
    summary: 'Replaces a maintenance window by what is given',
    allowed: 'editor',
    params: byName,
    body: exact(fields),
    answer: Maintenance,
  },
  endMaintenance: {
    method: 'POST',
    path: '/maintenances/{name}/end',
    tag,
    summary: 'Ends the window that is on now; one that repeats comes again',
    allowed: 'editor',
    params: byName,
    answer: Maintenance,
  },
  removeMaintenance: {
    method: 'DELETE',
    path: '/maintenances/{name}',
    tag,
    summary: 'Removes a maintenance window',
    allowed: 'editor',
    params: byName,
    answer: Difference,
  },
} as const satisfies Record<string, Operation>
