import type { FastifyInstance } from 'fastify'
import { FarwatchError } from '../base/index.ts'
import { linkPath, messageKinds, packedLimit, type LinkServer } from '../link/index.ts'
import { addRawRoutes } from './raw-route.ts'

const unknownLimit = 65_536

/** The path of a message of an agent, whatever a proxy put before it; other paths as they are. */
export function linkUrl(url: string): string {
  return packedLimit(url) > 0 ? url.slice(url.lastIndexOf(linkPath)) : url
}

/**
 * Hands the messages of agents to the link, raw; the link knows agents by their signatures. Register it with `linkUrl` as what rewrites URLs.
 * @param link what answers in the present role; undefined where this instance has no agents
 */
export async function addLinkRoute(app: FastifyInstance, link: () => LinkServer | undefined): Promise<void> {
  const known = messageKinds.map((kind) => linkPath + kind)
  await addRawRoutes(
    app,
    // The last one is for messages of newer agents: the link says that it does not know them.
    [...known.map((path) => ({ path, limit: packedLimit(path) })), { path: `${linkPath}*`, limit: unknownLimit }],
    (request) => {
      const present = link()
      if (present === undefined)
        throw new FarwatchError('not-in-this-role', 'this instance is only an agent: it takes no other agents', {
          hint: 'Give the agent the URL of a server, or give this instance that role: PUT /instance.',
        })
      return present.handle(request)
    },
  )
}
