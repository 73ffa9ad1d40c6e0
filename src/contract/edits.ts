import { Type, type Static } from 'typebox'
import { Difference } from './administration.ts'
import type { Operation } from './operation.ts'
import { Name, exact } from './schemas.ts'

/** A named object of the configuration, by the names on the way to it. */
export const ObjectPlace = Type.Union([
  exact({ group: Name }),
  exact({ group: Name, credential: Name }),
  exact({ group: Name, system: Name }),
  exact({ group: Name, system: Name, connector: Name }),
  exact({ profile: Name }),
  exact({ profile: Name, monitor: Name }),
  exact({ plugin: Name }),
])
export type ObjectPlace = Static<typeof ObjectPlace>

/**
 * One change of the configuration. `add` and `change` take the object as the document writes it, without its name; named objects in it are
 * merged by name. `assign` does the same to many at once.
 */
export const ConfigurationEdit = Type.Union([
  exact({ is: Type.Literal('add'), at: ObjectPlace, value: Type.Unknown() }),
  exact({ is: Type.Literal('change'), at: ObjectPlace, value: Type.Unknown() }),
  exact({ is: Type.Literal('move'), at: ObjectPlace, to: ObjectPlace }),
  exact({ is: Type.Literal('remove'), at: ObjectPlace }),
  exact({
    is: Type.Literal('assign'),
    at: Type.Array(ObjectPlace, { maxItems: 10_000, description: 'Systems, or connectors' }),
    profiles: Type.Optional(
      exact({
        add: Type.Optional(Type.Array(Name, { maxItems: 100 })),
        remove: Type.Optional(Type.Array(Name, { maxItems: 100 })),
      }),
    ),
    defaults: Type.Optional(
      Type.Boolean({ description: 'The default profile of each one’s type, which is made where it is missing' }),
    ),
    tags: Type.Optional(
      exact({
        set: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 1_000 }), { maxProperties: 100 })),
        remove: Type.Optional(Type.Array(Name, { maxItems: 100 })),
      }),
    ),
  }),
])
export type ConfigurationEdit = Static<typeof ConfigurationEdit>

const Flag = Type.Boolean()
const Comment = Type.String({ maxLength: 500 })
const RevisionNumber = Type.Integer({ minimum: 0 })

export const editOperations = {
  showEditable: {
    method: 'GET',
    path: '/configuration/edits',
    tag: 'Configuration',
    summary: 'The whole configuration with its revision, to base a change on',
    allowed: 'viewer',
    answer: exact({ revision: RevisionNumber, document: Type.Unknown() }),
  },
  editConfiguration: {
    method: 'POST',
    path: '/configuration/edits',
    tag: 'Configuration',
    summary: 'Changes single objects, all or nothing, where nobody has changed them since the revision it is based on',
    allowed: 'editor',
    query: exact({ dryRun: Type.Optional(Flag), comment: Type.Optional(Comment) }),
    body: exact({
      base: Type.Integer({ minimum: 0, description: 'The revision that the change was made from' }),
      edits: Type.Array(ConfigurationEdit, { minItems: 1, maxItems: 1_000 }),
    }),
    answer: Difference,
  },
  compareRevisions: {
    method: 'GET',
    path: '/configuration/difference',
    tag: 'Configuration',
    summary: 'What the revisions after one, up to another, changed together',
    allowed: 'viewer',
    query: exact({ from: RevisionNumber, to: RevisionNumber }),
    answer: Difference,
  },
  undoRevision: {
    method: 'POST',
    path: '/configuration/revisions/{revision}/undo',
    tag: 'Configuration',
    summary: 'Takes a revision back by a new one, where nothing of it was changed since',
    allowed: 'editor',
    params: exact({ revision: RevisionNumber }),
    query: exact({ dryRun: Type.Optional(Flag), comment: Type.Optional(Comment) }),
    answer: exact({
      difference: Difference,
      conflicts: Type.Array(Type.String(), {
        description: 'What was changed since, by path; only of a dry run, because otherwise it is refused',
      }),
    }),
  },
} as const satisfies Record<string, Operation>
