import { defaultLeaseSettings, defaultPlacementSettings, type Work } from '../../src/distribution/index.ts'
import type { AssignedConnector, AssignedTask } from '../../src/model/index.ts'
import type { World } from './world.ts'

export interface SimulatedConnector {
  readonly assigned: AssignedConnector
  readonly tasks: readonly AssignedTask[]
  readonly exclusive: boolean
}

/** What is there and what is to be monitored, thrown once for each seed. */
export interface Scenario {
  readonly agents: readonly string[]
  /** By group: the agents that may run it. */
  readonly groups: ReadonlyMap<string, { readonly agents: readonly string[]; readonly exclusive: boolean }>
  readonly connectors: readonly SimulatedConnector[]
  readonly lease: typeof defaultLeaseSettings
  readonly placement: typeof defaultPlacementSettings
  readonly spoolMaxBytes: number
}

/** How much there is. Counts by their least and their most. */
export interface ScenarioBounds {
  readonly agents: readonly [number, number]
  readonly groups: readonly [number, number]
  readonly connectors: readonly [number, number]
  readonly periodsMs: readonly number[]
  readonly offlineTimeoutsMs: readonly number[]
  /** After a start, in offline timeouts. */
  readonly graces: number
  readonly massLossHoldMs: number
}

const oneServer: ScenarioBounds = {
  agents: [2, 4],
  groups: [1, 3],
  connectors: [3, 7],
  periodsMs: [2_000, 5_000, 5_000, 10_000, 10_000],
  offlineTimeoutsMs: [6_000, 15_000],
  graces: 3,
  massLossHoldMs: 30_000,
}

export function throwScenario(world: World, bounds: ScenarioBounds = oneServer): Scenario {
  const agents = Array.from({ length: world.between(...bounds.agents) }, (_, i) => `agent-${i + 1}`)
  const groups = new Map(
    Array.from({ length: world.between(...bounds.groups) }, (_, i) => [
      `group-${i + 1}`,
      { agents: world.someOf(agents, 2).sort(), exclusive: world.chance(0.4) },
    ]),
  )
  const connectors = Array.from({ length: world.between(...bounds.connectors) }, (_, i): SimulatedConnector => {
    const id = `connector-${i + 1}`
    const group = world.oneOf([...groups.keys()])
    const { exclusive } = groups.get(group)!
    const tasks = Array.from({ length: world.chance(0.3) ? 2 : 1 }, (_task, k): AssignedTask => {
      const periodMs = world.oneOf(bounds.periodsMs)
      return {
        id: `task-${i + 1}${k === 0 ? '' : '-b'}`,
        connector: id,
        monitor: 'counter',
        settings: {},
        periodMs,
        timeoutMs: Math.round(periodMs * 0.6),
      }
    })
    const assigned: AssignedConnector = {
      id,
      type: 'simulated',
      group,
      settings: {},
      ...(exclusive ? { exclusive: true } : {}),
    }
    return { assigned, tasks, exclusive }
  })
  const offlineTimeoutMs = world.oneOf(bounds.offlineTimeoutsMs)
  return {
    agents,
    groups,
    connectors,
    lease: { ...defaultLeaseSettings, offlineTimeoutMs, graceMs: bounds.graces * offlineTimeoutMs },
    placement: {
      ...defaultPlacementSettings,
      massLoss: { ...defaultPlacementSettings.massLoss, holdMs: bounds.massLossHoldMs },
    },
    spoolMaxBytes: world.chance(0.2) ? 150_000 : 64 * 2 ** 20,
  }
}

/** What distribution is to know of it. */
export function workOf({ connectors, groups }: Scenario): Work {
  return {
    connectors: connectors.map(({ assigned: { id, group }, tasks }) => ({
      id,
      group,
      programs: [],
      tasks: tasks.map(({ id: task, monitor, periodMs, timeoutMs }) => ({ id: task, monitor, periodMs, timeoutMs })),
    })),
    groups,
  }
}

export function describe({ agents, groups, connectors, lease, spoolMaxBytes }: Scenario): readonly string[] {
  return [
    `${agents.length} agents, offline after ${lease.offlineTimeoutMs / 1_000} s, spool of ${spoolMaxBytes} bytes`,
    ...[...groups].map(
      ([name, group]) => `${name}${group.exclusive ? ' (exclusive)' : ''}: ${group.agents.join(', ')}`,
    ),
    ...connectors.map(
      ({ assigned, tasks }) =>
        `${assigned.id} of ${assigned.group}: ${tasks.map(({ id, periodMs }) => `${id} every ${periodMs / 1_000} s`).join(', ')}`,
    ),
  ]
}
