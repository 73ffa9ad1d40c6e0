import type { Association, Configuration, Connector, Group, System } from './configuration.ts'

/** The configuration with another name for an agent, in associations and pins. Whatever does not name it stays the same object. */
export function withRenamedAgent(configuration: Configuration, from: string, to: string): Configuration {
  const associations = eachOf(configuration.associations, (association): Association =>
    association.agents.includes(from)
      ? { ...association, agents: [...new Set(association.agents.map((name) => (name === from ? to : name)))].sort() }
      : association,
  )
  const connector = (one: Connector): Connector => (one.pin === from ? { ...one, pin: to } : one)
  const system = (one: System): System => {
    const connectors = eachOf(one.connectors, connector)
    return connectors === one.connectors ? one : { ...one, connectors }
  }
  const groups = eachOf(configuration.groups, (one): Group => {
    const systems = eachOf(one.systems, system)
    return systems === one.systems ? one : { ...one, systems }
  })
  return { ...configuration, associations, groups }
}

function eachOf<T>(all: ReadonlyMap<string, T>, change: (one: T) => T): ReadonlyMap<string, T> {
  let isSame = true
  const next = new Map<string, T>()
  for (const [name, one] of all) {
    const changed = change(one)
    isSame &&= changed === one
    next.set(name, changed)
  }
  return isSame ? all : next
}
