import type { FastifyInstance } from 'fastify'
import { FarwatchError } from '../base/index.ts'
import { exchangePath, pairMessageOf, pairPath, type Answering } from '../failover/index.ts'
import { addRawRoutes } from './raw-route.ts'

/** The path of a message of the other server, whatever a proxy put before it; other paths as they are. */
export function pairUrl(url: string): string {
  return pairMessageOf(url)?.path ?? url
}

/** Hands the messages of the SECONDARY to the failover, raw. @param pair what answers in the present role; undefined where there is none */
export async function addPairRoute(
  app: FastifyInstance,
  pair: () => Pick<Answering, 'handle'> | undefined,
): Promise<void> {
  await addRawRoutes(
    app,
    [pairPath, exchangePath].map((path) => ({ path, limit: pairMessageOf(path)?.limit ?? 0 })),
    (request) => {
      const present = pair()
      if (present === undefined)
        throw new FarwatchError(
          'not-in-this-role',
          'this instance is only an agent, and not half of a pair of servers',
          {
            hint: 'Give the SECONDARY the URL of the PRIMARY, or give this instance the role of a server: PUT /instance.',
          },
        )
      return present.handle(request)
    },
  )
}
