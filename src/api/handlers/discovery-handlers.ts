import { proposedConnectors, proposedDocument, withNeighbours, type Inventory } from '../../inventory/index.ts'
import type { Library } from '../../sdk/index.ts'
import { FarwatchError } from '../../base/index.ts'
import type { CheckQuestions, DiscoveryQuestions } from '../questions.ts'
import { demand, visibleGroups, type Handlers } from '../route.ts'
import { askNeighbours } from './ask-neighbours.ts'

/** Nothing that a program could read as an option or a path. */
const isHost = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.%A-Za-z0-9]*)$/

/** What is at a host, as connectors that could be configured. */
export function discoveryHandlers(parts: {
  readonly inventory: Inventory
  readonly library: Library
  readonly fleet: DiscoveryQuestions & CheckQuestions
  readonly agentName: (id: string) => string
}): Handlers<'discover'> {
  const { inventory, library, fleet, agentName } = parts
  return {
    discover: async ({ caller, body }) => {
      const { group, host, agent, system, credentials = [], guessed = false } = body
      demand(caller, 'editor', group)
      if (!isHost.test(host))
        throw new FarwatchError('invalid-value', `${JSON.stringify(host)} is not the name or address of a host`, {
          hint: 'For example: db1.example or 10.0.0.5, without a port.',
        })
      if (!inventory.groups([group]).some(({ name }) => name === group))
        throw new FarwatchError('not-found', `there is no group ${JSON.stringify(group)}`)
      // Before it is done: whoever sees the connections in a firewall's log finds out who asked for them.
      await inventory.record({
        who: caller.username,
        action: 'host discovered',
        what: `groups[${JSON.stringify(group)}]`,
        after: { host, agent: agent ?? null, credentials },
      })
      const seen = await fleet.discover(group, host, agent)
      const { address, tried, open, found, problems } = seen.discovered
      const revision = inventory.revision()
      const place = { group, host, system, document: inventory.document(visibleGroups(caller)) }
      const first = proposedConnectors(found, place, library)
      const about = { group, credentials, agent: agentName(seen.agent) }
      const neighbours = await askNeighbours(first.proposals, about, parts)
      const proposed = proposedConnectors(withNeighbours(found, neighbours.found, library), place, library)
      const wanted = proposed.proposals.filter(
        ({ known, certainty }) => known === null && (guessed || certainty === 'identified'),
      )
      const { document, waiting } = proposedDocument(wanted, place, credentials)
      return {
        agent: agentName(seen.agent),
        address: address ?? null,
        tried,
        open: [...open],
        proposals: proposed.proposals.map(({ credential, way: _, ...one }) => ({
          ...one,
          credential: credential === null ? null : { ...credential, usable: [...credential.usable] },
        })),
        problems: [...problems, ...neighbours.problems, ...proposed.problems],
        revision,
        document,
        waiting: waiting.map(({ connector, title }) => `${connector.name}: ${title}`),
      }
    },
  }
}
