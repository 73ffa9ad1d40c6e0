/** A server as its users start it, and a configuration that gives many agents as many tasks each. */
import { TestInstance } from '../test/support/instance.ts'
import { nameOfAgent } from './simulation-process.ts'

/** How many agents a group has, where there are as many. */
const agentsAGroup = 10
const connectorsASystem = 100

export interface FleetLoad {
  readonly agents: number
  readonly tasks: number
  readonly periodMs: number
}

/** A server that runs nothing itself, without any configuration. @param env beside that of this process */
export async function startServer(env: Readonly<Record<string, string>> = {}): Promise<TestInstance> {
  const server = await TestInstance.start({ args: ['--role', 'server'], env })
  try {
    await server.call('applyConfiguration', { body: { groups: [], profiles: [] }, query: { prune: true } })
    return server
  } catch (thrown) {
    await server[Symbol.asyncDispose]()
    throw thrown
  }
}

/** Groups of ten agents, with as many connectors of one task each as make `tasks` for each agent. */
export function fleetDocument({ agents, tasks, periodMs }: FleetLoad): object {
  const groups = Array.from({ length: Math.ceil(agents / agentsAGroup) }, (_, g) => {
    const from = g * agentsAGroup
    const of = Math.min(agentsAGroup, agents - from)
    return {
      name: `group-${g}`,
      connectors: of * tasks,
      agents: Array.from({ length: of }, (__, i) => nameOfAgent(from + i)),
    }
  })
  return {
    profiles: [pages(periodMs)],
    groups: groups.map(({ name, connectors }, g) => ({
      name,
      systems: Array.from({ length: Math.ceil(connectors / connectorsASystem) }, (_, s) => ({
        name: `system-${s}`,
        connectors: Array.from(
          { length: Math.min(connectorsASystem, connectors - s * connectorsASystem) },
          (__, c) => ({
            name: `page-${c}`,
            type: 'http',
            // Never asked: the agents invent what they find.
            settings: { url: `http://system-${s}.group-${g}.test/page-${c}` },
            profiles: ['pages'],
          }),
        ),
      })),
    })),
    associations: groups.map(({ name, agents: names }) => ({ group: name, agents: names })),
  }
}

/** The profile of all connectors. @param timeoutMs the mark by which agents tell one state of the configuration from another */
export function pages(periodMs: number, timeoutMs = 1_000): object {
  return {
    name: 'pages',
    connector: 'http',
    monitors: [{ monitor: 'http.response', period: `${periodMs}ms`, timeout: `${timeoutMs}ms` }],
  }
}
