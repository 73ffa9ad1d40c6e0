import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Count, Name, Nullable, exact } from './schemas.ts'

/** A connector that could be added for what an agent found. */
export const Proposal = exact({
  system: Type.String({ description: 'The system that it belongs to; made where it is missing' }),
  connector: Type.Unknown({ description: 'As the configuration document writes it, without a credential' }),
  title: Type.String(),
  seen: Type.String({ description: 'What led to it' }),
  certainty: Type.Enum(['identified', 'guessed'], {
    description: 'guessed: only the number of the port speaks for it',
  }),
  credential: Nullable(
    exact({
      type: Type.String(),
      isRequired: Type.Boolean(),
      usable: Type.Array(Name, { description: 'Credentials of the group that it could use' }),
    }),
  ),
  profile: Nullable(Type.Unknown({ description: 'A profile that is to be made before, as the document writes it' })),
  known: Nullable(Type.String({ description: 'The connector that leads there already' })),
})
export type Proposal = Static<typeof Proposal>

export const DiscoveryAnswer = exact({
  agent: Name,
  address: Nullable(Type.String()),
  tried: Type.Integer({ minimum: 0, description: 'TCP ports that were tried' }),
  open: Type.Array(Count),
  proposals: Type.Array(Proposal),
  problems: Type.Array(Type.String(), { description: 'What could not be found out' }),
  revision: Type.Integer({ minimum: 0, description: 'Of the configuration that the proposals were held against' }),
  document: Type.Unknown({
    description: 'What `PUT /configuration` adds all of them with that are not there and lack nothing',
  }),
  waiting: Type.Array(Type.String(), { description: 'Proposals that the document leaves out: they need a credential' }),
})
export type DiscoveryAnswer = Static<typeof DiscoveryAnswer>

export const discoveryOperations = {
  discover: {
    method: 'POST',
    path: '/discovery',
    tag: 'Configuration',
    summary:
      'Looks at a host from an agent that may run the group and proposes connectors; sends no credential but those named, keeps and changes nothing',
    allowed: 'editor',
    isLong: true,
    body: exact({
      group: Name,
      host: Type.String({ minLength: 1, maxLength: 253, description: 'Name or address, without a port' }),
      agent: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Its name; any unless given' })),
      system: Type.Optional(Name),
      credentials: Type.Optional(
        Type.Array(Name, {
          maxItems: 100,
          description:
            'Of the group, for the connectors of `document` that can use them, and to ask what was found for what else it knows of: the tenants of a HANA',
        }),
      ),
      guessed: Type.Optional(Type.Boolean({ description: 'Also what is only guessed goes into `document`' })),
    }),
    answer: DiscoveryAnswer,
  },
} as const satisfies Record<string, Operation>
