import type { AgentHost } from './agent-host.ts'
import type { Drained, Evidence } from './evidence.ts'
import { quickDisk, type Machine } from './machine.ts'
import { fair, type Network } from './network.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** A server's machine with its program, whatever it is. */
export interface ServerHost {
  readonly machine: Machine
  kill(how: 'kill' | 'power'): void
  start(): void
}

/** What faults may touch. */
export interface Parts<H extends ServerHost = ServerHost> {
  readonly world: World
  readonly network: Network
  readonly agents: readonly AgentHost[]
  /** Of one agent. */
  readonly linesOf: (agent: AgentHost) => readonly string[]
  readonly evidence: Evidence
  /** How far the clock of an agent's machine is set at most. Every slot that it passes over has to be looked at. */
  readonly longestJumpMs: number
  readonly servers: readonly H[]
  /** The server that acts. */
  readonly server: () => Server | undefined
}

/** One kind of trouble: it begins, and what it returns ends it. Undefined: it does not apply now. */
export interface Fault<H extends ServerHost = ServerHost> {
  readonly name: string
  /** What of the system it touches. */
  readonly of: 'agent' | 'server' | 'lines'
  readonly weight: number
  begin(parts: Parts<H>): (() => void) | undefined
}

export const agentFaults: readonly Fault[] = [
  {
    name: 'an agent is killed',
    of: 'agent',
    weight: 4,
    begin: ({ world, agents }) => {
      const agent = world.oneOf(agents)
      if (!agent.isRunning) return undefined
      agent.kill()
      return () => startAgain(agent)
    },
  },
  {
    name: 'the machine of an agent loses power',
    of: 'agent',
    weight: 3,
    begin: ({ world, agents, longestJumpMs }) => {
      const agent = world.oneOf(agents)
      if (!agent.isRunning) return undefined
      agent.losePower()
      if (world.chance(0.3)) agent.machine.jumpClock((world.between(-6, 6) * longestJumpMs) / 6)
      return () => startAgain(agent)
    },
  },
  {
    name: 'an agent is stopped and started',
    of: 'agent',
    weight: 2,
    begin: ({ world, agents }) => {
      const agent = world.oneOf(agents)
      if (!agent.isRunning || agent.machine.isPaused) return undefined
      agent.stop()
      return () => {
        // Where the end takes long, whoever restarts it loses patience.
        agent.kill()
        startAgain(agent)
      }
    },
  },
]

export const drain: Fault = {
  name: 'an agent is drained',
  of: 'agent',
  weight: 2,
  begin: ({ world, agents, evidence, server }) => {
    const agent = world.oneOf(agents)
    const now = server()
    if (now?.distribution.agents().find(({ id }) => id === agent.name)?.drain !== 'none') return undefined
    let drained: Drained | undefined
    void now.distribution.drain(agent.name).then(({ is }) => {
      world.tell('server', `drain of ${agent.name}: ${is}`)
      // It may have died since it said so.
      if (is !== 'drained' || !Number.isFinite(agent.unsafe)) return
      drained = { agent: agent.name, life: agent.life, at: world.at, until: Infinity, unsafe: agent.unsafe }
      evidence.drained.push(drained)
    })
    return () => {
      if (drained !== undefined) drained.until = world.at
      server()?.distribution.endDrain(agent.name)
    }
  },
}

export const agentStandsStill: Fault = {
  name: 'an agent stands still',
  of: 'agent',
  weight: 3,
  begin: ({ world, agents }) => {
    const agent = world.oneOf(agents)
    if (!agent.isRunning || agent.machine.isPaused) return undefined
    agent.machine.pause()
    return () => agent.machine.resume()
  },
}

export const serverFaults: readonly Fault[] = [
  {
    name: 'a server is killed',
    of: 'server',
    weight: 3,
    begin: (parts) => {
      const host = oneServer(parts)
      if (host.machine.program === undefined) return undefined
      host.kill('kill')
      return () => host.start()
    },
  },
  {
    name: 'the machine of a server loses power',
    of: 'server',
    weight: 1,
    begin: (parts) => {
      const host = oneServer(parts)
      if (host.machine.program === undefined) return undefined
      host.kill('power')
      return () => host.start()
    },
  },
  {
    name: 'a server stands still',
    of: 'server',
    weight: 2,
    begin: (parts) => {
      const { machine } = oneServer(parts)
      if (machine.program === undefined || machine.isPaused) return undefined
      machine.pause()
      return () => machine.resume()
    },
  },
]

export const lineFaults: readonly Fault[] = [
  {
    name: 'lines are cut',
    of: 'lines',
    weight: 5,
    begin: ({ world, network, agents, linesOf }) => {
      const cut = world.someOf(agents.flatMap(linesOf)).filter((line) => !network.isCut(line))
      const direction = world.oneOf(['up', 'down', 'both', 'both'] as const)
      return cutLines(network, cut, direction)
    },
  },
  {
    name: 'an agent reaches nothing',
    of: 'agent',
    weight: 2,
    begin: ({ world, network, agents, linesOf }) => {
      const agent = world.oneOf(agents)
      if (agent.isAlone || linesOf(agent).some((line) => network.isCut(line))) return undefined
      const heal = cutLines(network, linesOf(agent), 'both')
      agent.isAlone = true
      return () => {
        agent.isAlone = false
        heal()
      }
    },
  },
  {
    name: 'the network is bad',
    of: 'lines',
    weight: 4,
    begin: ({ world, network }) => {
      network.setWeather({
        lost: world.oneOf([0, 0.05, 0.2]),
        doubled: world.oneOf([0, 0.1, 0.3]),
        late: world.oneOf([0, 0.2, 0.5]),
        lateMs: world.oneOf([500, 3_000, 10_000]),
      })
      world.tell('network', `weather: ${JSON.stringify(network.weather)}`)
      return () => {
        world.tell('network', 'weather: fair')
        network.setWeather(fair)
      }
    },
  },
]

export const agentClock: Fault = {
  name: 'the wall clock of an agent is set',
  of: 'agent',
  weight: 2,
  begin: ({ world, agents, longestJumpMs }) => {
    world.oneOf(agents).machine.jumpClock(world.between(-longestJumpMs, longestJumpMs))
    return () => undefined
  },
}

const serverClock: Fault = {
  name: 'the wall clock of the server is set',
  of: 'server',
  weight: 2,
  begin: (parts) => {
    const { world } = parts
    const jumpMs = world.chance(0.5) ? world.between(-3_000, 3_000) : world.between(0, parts.longestJumpMs)
    oneServer(parts).machine.jumpClock(jumpMs)
    return () => undefined
  },
}

export const diskFaults: readonly Fault[] = [
  {
    name: 'the disk of an agent is full',
    of: 'agent',
    weight: 2,
    begin: ({ world, agents }) => fillDisk(world.oneOf(agents).machine),
  },
  {
    name: 'a disk is slow',
    of: 'lines',
    weight: 2,
    begin: ({ world, agents, servers }) => {
      const { machine } = world.oneOf([...servers, ...agents])
      world.tell(machine.name, 'disk slow')
      machine.pace = world.oneOf([
        { leastMs: 50, mostMs: 500 },
        { leastMs: 500, mostMs: 3_000 },
      ])
      return () => {
        world.tell(machine.name, 'disk quick')
        machine.pace = quickDisk
      }
    },
  },
]

/** What is thrown at one server and its agents. The order is part of what a seed means. */
export const faultsOfOne: readonly Fault[] = [
  ...agentFaults,
  drain,
  agentStandsStill,
  ...serverFaults,
  ...lineFaults,
  agentClock,
  serverClock,
  ...diskFaults,
]

function oneServer<H extends ServerHost>({ world, servers }: Parts<H>): H {
  // There is one at least.
  return servers.length === 1 ? servers[0]! : world.oneOf(servers)
}

export function cutLines(network: Network, lines: readonly string[], direction: 'up' | 'down' | 'both'): () => void {
  for (const line of lines) network.cut(line, direction)
  return () => {
    for (const line of lines) network.heal(line)
  }
}

export function fillDisk({ disk, name, world }: Machine): () => void {
  world.tell(name, 'disk full')
  disk.capacityBytes = disk.bytes
  return () => {
    world.tell(name, 'disk has room')
    disk.capacityBytes = Infinity
  }
}

function startAgain(agent: AgentHost): void {
  if (!agent.isRunning) agent.start()
}

function throwFault<H extends ServerHost>(world: World, faults: readonly Fault<H>[]): Fault<H> {
  let left = world.random() * faults.reduce((sum, { weight }) => sum + weight, 0)
  // The weights add up to what was thrown for.
  return faults.find(({ weight }) => (left -= weight) < 0)!
}

export interface PlannedFaults {
  /** What those touch that have begun. */
  touched(): readonly Fault['of'][]
  /** Ends all that are under way. */
  end(): void
}

/** Plans faults for a stretch of time from now on. */
export function planFaults<H extends ServerHost>(
  parts: Parts<H>,
  faults: readonly Fault<H>[],
  { count, withinMs, longestMs }: { readonly count: number; readonly withinMs: number; readonly longestMs: number },
): PlannedFaults {
  const { world } = parts
  const touched: Fault['of'][] = []
  const underWay = new Set<() => void>()
  for (let i = 0; i < count; i++) {
    const fault = throwFault(world, faults)
    const forMs = world.between(500, longestMs)
    world.after(world.between(0, withinMs), () => {
      const end = fault.begin(parts)
      if (end === undefined) return
      world.tell('fault', `${fault.name}, for ${forMs / 1_000} s`)
      touched.push(fault.of)
      underWay.add(end)
      world.after(forMs, () => {
        if (underWay.delete(end)) end()
      })
    })
  }
  return {
    touched: () => touched,
    end: () => {
      for (const end of underWay) end()
      underWay.clear()
    },
  }
}
