import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'
import { plugins } from '../plugins/index.ts'
import { makeLibrary } from '../sdk/index.ts'

/** Everything this program ships with that can be configured. */
export const library = makeLibrary({ monitors, connectors, plugins })
