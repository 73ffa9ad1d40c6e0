import { may } from '../../access/index.ts'
import { FarwatchError, iso } from '../../base/index.ts'
import type { ConnectorPlace } from '../../contract/index.ts'
import type { AssociationPreview, Place, UncoveredGroup } from '../../distribution/index.ts'
import type { ConnectorEntry, Inventory, SystemEntry } from '../../inventory/index.ts'
import type { FleetQuestions } from '../questions.ts'
import { demand, Page, visibleGroups, type Handlers } from '../route.ts'
import { shownDifference } from './configuration-handlers.ts'

type Names = 'listPlacement' | 'showPlacement' | 'listAssociations' | 'replaceAssociations'

const defaultRows = 200
const notPlacedYet = 'it is about to be given to an agent'

/** Which agent runs what and why, and which agents are to run which group. */
export function placementHandlers(parts: {
  readonly inventory: Inventory
  readonly fleet: Pick<FleetQuestions, 'distribution' | 'localId'>
}): Handlers<Names> {
  const { inventory, fleet } = parts
  const { distribution } = fleet

  function shown(
    { connector, system }: Configured,
    place: Place | undefined,
    nameOf: (id: string) => string,
  ): ConnectorPlace {
    const why = distribution.why(connector.id)
    const agentId = place === undefined || place.is === 'uncovered' ? null : place.agent
    return {
      connectorId: connector.id,
      group: system.group,
      system: system.name,
      connector: connector.name,
      type: connector.type,
      tasks: connector.tasks.length,
      agent: agentId === null ? null : nameOf(agentId),
      agentId,
      state: place?.is ?? 'uncovered',
      to: place?.is === 'proving' || place?.is === 'handing' ? nameOf(place.to) : null,
      since: iso(place?.since ?? distribution.placement().at),
      why: why?.because ?? notPlacedYet,
      pin: connector.pin ?? null,
      others: (why?.others ?? []).map(({ agent, because }) => ({ agent: nameOf(agent), agentId: agent, because })),
    }
  }

  return {
    listPlacement: ({ caller, query }) => {
      const { group, system, connector, agent, cursor, limit = defaultRows } = query
      const nameOf = agentNames(distribution.agents())
      const { places } = distribution.placement()
      const all = inventory
        .systems({ groups: visibleGroups(caller), group })
        .filter(({ name }) => system === undefined || name === system)
        .flatMap(configuredIn)
        .filter((one) => {
          const at = places.get(one.connector.id)
          const owner = at === undefined || at.is === 'uncovered' ? undefined : at.agent
          return (
            (connector === undefined || one.connector.name === connector) &&
            (agent === undefined || (owner !== undefined && (owner === agent || nameOf(owner) === agent)))
          )
        })
      const begin = cursor === undefined ? 0 : all.findIndex((one) => one.connector.id === cursor) + 1
      if (cursor !== undefined && begin === 0)
        throw new FarwatchError('bad-request', 'cursor: what it named is gone', { hint: 'Begin again without it.' })
      const page = all.slice(begin, begin + limit)
      return new Page(
        page.map((one) => shown(one, places.get(one.connector.id), nameOf)),
        begin + page.length < all.length ? page.at(-1)!.connector.id : undefined,
      )
    },

    showPlacement: ({ caller, params: { connectorId } }) => {
      const found = inventory
        .systems({})
        .flatMap(configuredIn)
        .find(({ connector }) => connector.id === connectorId)
      // One of a group that the caller does not see does not exist for the caller.
      if (found === undefined || !may(caller.grants, 'viewer', found.system.group))
        throw new FarwatchError('not-found', `there is no connector ${JSON.stringify(connectorId)}`, {
          hint: 'GET /placement lists them.',
        })
      return shown(found, distribution.placement().places.get(connectorId), agentNames(distribution.agents()))
    },

    listAssociations: ({ caller }) => ({
      associations: inventory
        .associations(visibleGroups(caller))
        .map(({ group, agents }) => ({ group, agents: [...agents] })),
    }),

    replaceAssociations: async ({ caller, query, body }) => {
      demand(caller, 'admin', null)
      const options = { author: caller.username, comment: query.comment }
      // Looked at before it is done: afterwards work has begun to move, and there is nothing to compare with.
      const tried = await inventory.replaceAssociations(body.associations, { ...options, dryRun: true })
      const preview = shownPreview(distribution.preview(tried.runners), agentNames(distribution.agents()))
      const made =
        query.dryRun === true ? tried : await inventory.replaceAssociations(body.associations, { ...options })
      return { ...preview, difference: shownDifference(made.difference) }
    },
  }
}

interface Configured {
  readonly system: SystemEntry
  readonly connector: ConnectorEntry
}

function configuredIn(system: SystemEntry): readonly Configured[] {
  return system.connectors.map((connector) => ({ system, connector }))
}

function agentNames(agents: readonly { readonly id: string; readonly name: string; readonly local: boolean }[]) {
  const names = new Map(agents.map(({ id, name, local }) => [id, local ? 'local' : name]))
  return (id: string) => names.get(id) ?? id
}

function shownPreview(
  { becomeUncovered, becomeCovered, moves, weak }: AssociationPreview,
  nameOf: (id: string) => string,
) {
  return {
    uncovered: becomeUncovered.map(({ group, reason, connectors, of }: UncoveredGroup) => ({
      group,
      reason,
      connectors,
      of,
    })),
    becomeCovered: [...becomeCovered],
    moves,
    weak: weak.map(({ group, agent, effect, connectors }) => ({ group, agent: nameOf(agent), effect, connectors })),
  }
}
