import { neighboursIn } from '../../agent/index.ts'
import { messageOf } from '../../base/index.ts'
import { defaultProfileOf, type Inventory, type ProposedConnector } from '../../inventory/index.ts'
import type { FoundConnector } from '../../model/index.ts'
import type { Library } from '../../sdk/index.ts'
import type { CheckQuestions } from '../questions.ts'

/** Each is a sign-in at somebody's system. */
const mostAsked = 10
const patience = '15s'

/**
 * Asks what was found for what else it knows of, with the credentials that somebody named for that and no others; one after the other, so that a
 * wrong password is tried once for each target. What could not be asked is told in words.
 */
export async function askNeighbours(
  proposals: readonly ProposedConnector[],
  about: { readonly group: string; readonly credentials: readonly string[]; readonly agent: string },
  parts: { readonly inventory: Inventory; readonly library: Library; readonly fleet: CheckQuestions },
): Promise<{ readonly found: readonly FoundConnector[]; readonly problems: readonly string[] }> {
  const { inventory, library, fleet } = parts
  const { group, agent } = about
  const asked = proposals.flatMap(({ connector: { type }, title, certainty, credential, way }) => {
    const usable = about.credentials.find((name) => credential?.usable.includes(name) === true)
    // Somebody's password goes to what said what it is, and nowhere else.
    if (usable === undefined || certainty !== 'identified' || library.connectors.get(type)?.neighbours === undefined)
      return []
    // A run by hand names a monitor; this one is not run.
    const monitor = defaultProfileOf(type, library)?.monitors?.[0]?.monitor
    return monitor === undefined ? [] : [{ type, title, way, monitor, credential: usable }]
  })
  const found: FoundConnector[] = []
  const problems: string[] = []
  for (const { type, title, way, monitor, credential } of asked.slice(0, mostAsked)) {
    try {
      const connector = { type, settings: way.settings, credential }
      const { order } = inventory.prepareCheck({ group, connector, monitor, timeout: patience, wants: 'neighbours' })
      const { result } = await fleet.check(group, order, agent)
      if (result.outcome === 'failed') problems.push(`${title}: not asked for more: ${result.message ?? ''}`)
      found.push(...neighboursIn(type, result.facts).map((one) => ({ system: way.system, ...one })))
    } catch (thrown) {
      problems.push(`${title}: not asked for more: ${messageOf(thrown)}`)
    }
  }
  return { found, problems }
}
