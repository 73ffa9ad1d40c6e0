import type { AgentHost } from './agent-host.ts'
import {
  agentClock,
  agentFaults,
  agentStandsStill,
  cutLines,
  diskFaults,
  fillDisk,
  lineFaults,
  serverFaults,
  type Fault,
} from './faults.ts'
import type { PairHost } from './pair-host.ts'
import type { ServerName } from './pair-server.ts'

export const pairLine = 'pair'

export function lineOf(agent: string, server: ServerName): string {
  return `${agent} ${server}`
}

export function linesOf({ name }: Pick<AgentHost, 'name'>): readonly string[] {
  return [lineOf(name, 'P'), lineOf(name, 'S')]
}

type PairFault = Fault<PairHost>

/** What can happen to two servers beside what happens to one. */
const betweenTwo: readonly PairFault[] = [
  {
    name: 'the link between the servers is cut',
    of: 'lines',
    weight: 8,
    begin: ({ world, network }) => {
      if (network.isCut(pairLine)) return undefined
      return cutLines(network, [pairLine], world.oneOf(['up', 'down', 'both', 'both'] as const))
    },
  },
  {
    name: 'a server is cut off from agents',
    of: 'lines',
    weight: 4,
    begin: ({ world, network, servers, agents }) => {
      const { name } = world.oneOf(servers)
      const lines = world.someOf(agents).map((agent) => lineOf(agent.name, name))
      const direction = world.oneOf(['up', 'down', 'both', 'both'] as const)
      return cutLines(
        network,
        lines.filter((line) => !network.isCut(line)),
        direction,
      )
    },
  },
  {
    name: 'a server is cut off from everything',
    of: 'lines',
    weight: 4,
    begin: ({ world, network, servers, agents }) => {
      const { name } = world.oneOf(servers)
      const lines = [pairLine, ...agents.map((agent) => lineOf(agent.name, name))]
      return cutLines(
        network,
        lines.filter((line) => !network.isCut(line)),
        'both',
      )
    },
  },
  {
    name: 'both servers are killed, and started one after the other',
    of: 'server',
    weight: 6,
    begin: ({ world, servers }) => {
      if (servers.some(({ isRunning }) => !isRunning)) return undefined
      for (const host of servers) host.kill(world.chance(0.5) ? 'kill' : 'power')
      return () => {
        const [first, second] = world.chance(0.5) ? servers : servers.toReversed()
        first!.start()
        world.after(world.chance(0.5) ? world.between(0, 12_000) : 0, () => second!.start())
      }
    },
  },
  {
    name: 'the active server is killed',
    of: 'server',
    weight: 6,
    begin: ({ world, servers }) => {
      const host = servers.find(({ server }) => server?.acts === true)
      if (host === undefined) return undefined
      host.kill(world.chance(0.7) ? 'kill' : 'power')
      return () => host.start()
    },
  },
  {
    name: 'the active server keeps one agent only, which is started again',
    of: 'lines',
    weight: 4,
    begin: ({ world, network, servers, agents }) => {
      const host = servers.find(({ server }) => server?.acts === true)
      if (host === undefined) return undefined
      const between = world.oneOf(agents)
      const lines = [pairLine, ...agents.filter((one) => one !== between).map(({ name }) => lineOf(name, host.name))]
      const heal = cutLines(
        network,
        lines.filter((line) => !network.isCut(line)),
        'both',
      )
      let isOver = false
      // By then the other server may have taken over.
      world.after(world.between(6_500, 9_000), () => {
        if (isOver || !between.isRunning) return
        between.kill()
        world.after(500, () => between.start())
      })
      return () => {
        isOver = true
        heal()
      }
    },
  },
  {
    name: 'the disk of a server is full',
    of: 'server',
    weight: 3,
    begin: ({ world, servers }) => fillDisk(world.oneOf(servers).machine),
  },
  {
    name: 'an old data directory is restored',
    of: 'server',
    weight: 3,
    begin: ({ world, servers }) => {
      const host = world.oneOf(servers)
      if (!host.isRunning) return undefined
      const isWhole = world.chance(0.5)
      const backup = host.backUp()
      let isOver = false
      world.after(world.between(1_000, 6_000), () => {
        if (isOver || !host.isRunning) return
        host.kill('kill')
        void backup.then((files) => host.restore(files, isWhole))
      })
      return () => {
        isOver = true
        host.start()
      }
    },
  },
  {
    name: 'a hand-over is asked for',
    of: 'server',
    weight: 8,
    begin: ({ world, servers }) => {
      const host = world.oneOf(servers)
      if (host.server === undefined) return undefined
      void host.server.pair.handOver().then(
        () => world.tell(host.name, 'hand-over asked for'),
        (thrown: unknown) => world.tell(host.name, `no hand-over: ${String(thrown)}`),
      )
      return () => undefined
    },
  },
  {
    name: 'a takeover is forced',
    of: 'server',
    weight: 2,
    begin: ({ world, servers }) => {
      const host = world.oneOf(servers)
      // What it has never had would be lost, as the price says that is shown to whoever forces it.
      if (host.server?.isWhole !== true) return undefined
      void host.server.pair.force().catch((thrown: unknown) => world.tell(host.name, `not forced: ${String(thrown)}`))
      return () => undefined
    },
  },
]

/** Three of four are those of a pair: the others are thrown at one server often enough. The order is part of what a seed means. */
export const faultsOfPair: readonly PairFault[] = [
  ...[...agentFaults, agentStandsStill, ...lineFaults, agentClock, ...diskFaults].map(rarer),
  ...serverFaults,
  ...betweenTwo,
]

function rarer(fault: PairFault): PairFault {
  return { ...fault, weight: fault.weight / 2 }
}
