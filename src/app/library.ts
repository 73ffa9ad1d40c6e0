import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'
import { plugins } from '../plugins/index.ts'
import { pathId } from '../base/index.ts'
import { makeLibrary } from '../sdk/index.ts'

/** Everything this program ships with that can be configured. */
export const library = makeLibrary({ monitors, connectors, plugins })

let digests: Readonly<Record<string, string>> | undefined

/** Id of each monitor with a digest of what it takes and gives: two programs with the same digest run it alike. */
export function monitorDigests(): Record<string, string> {
  digests ??= Object.fromEntries(
    [...library.monitors].map(([id, { connectors, settings, metrics }]) => [
      id,
      // One type is written alone, as by programs that knew no more than one.
      pathId(JSON.stringify([connectors.length === 1 ? connectors[0] : connectors, settings, metrics])),
    ]),
  )
  return { ...digests }
}
