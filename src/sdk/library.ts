import type { AnyConnector } from './connector.ts'
import type { AnyMonitor } from './monitor.ts'
import type { AnyPlugin } from './plugin.ts'

/** Everything that can be configured, by id. Made once from the generated lists of monitors, connectors and plugins. */
export interface Library {
  readonly monitors: ReadonlyMap<string, AnyMonitor>
  readonly connectors: ReadonlyMap<string, AnyConnector>
  readonly plugins: ReadonlyMap<string, AnyPlugin>
}

export function makeLibrary(parts: {
  monitors: readonly AnyMonitor[]
  connectors: readonly AnyConnector[]
  plugins: readonly AnyPlugin[]
}): Library {
  const byId = <T extends { readonly id: string }>(list: readonly T[]) =>
    new Map(list.map((one) => [one.id as string, one]))
  return { monitors: byId(parts.monitors), connectors: byId(parts.connectors), plugins: byId(parts.plugins) }
}
