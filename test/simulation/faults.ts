import type { AgentHost } from './agent-host.ts'
import type { Drained, Evidence } from './evidence.ts'
import { quickDisk, type Machine } from './machine.ts'
import { fair, type Network } from './network.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** What faults may touch. */
export interface Parts {
  readonly world: World
  readonly network: Network
  readonly agents: readonly AgentHost[]
  readonly evidence: Evidence
  readonly serverMachine: Machine
  readonly server: () => Server | undefined
  readonly killServer: (how: 'kill' | 'power') => void
  readonly startServer: () => void
}

/** One kind of trouble: it begins, and what it returns ends it. Undefined: it does not apply now. */
interface Fault {
  readonly name: string
  /** What of the system it touches. */
  readonly of: 'agent' | 'server' | 'lines'
  readonly weight: number
  begin(parts: Parts): (() => void) | undefined
}

const hourMs = 3_600_000

const faults: readonly Fault[] = [
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
    begin: ({ world, agents }) => {
      const agent = world.oneOf(agents)
      if (!agent.isRunning) return undefined
      agent.losePower()
      if (world.chance(0.3)) agent.machine.jumpClock(world.between(-6, 6) * hourMs)
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
  {
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
  },
  {
    name: 'an agent stands still',
    of: 'agent',
    weight: 3,
    begin: ({ world, agents }) => {
      const agent = world.oneOf(agents)
      if (!agent.isRunning || agent.machine.isPaused) return undefined
      agent.machine.pause()
      return () => agent.machine.resume()
    },
  },
  {
    name: 'the server is killed',
    of: 'server',
    weight: 3,
    begin: ({ serverMachine, killServer, startServer }) => {
      if (serverMachine.program === undefined) return undefined
      killServer('kill')
      return startServer
    },
  },
  {
    name: 'the machine of the server loses power',
    of: 'server',
    weight: 1,
    begin: ({ serverMachine, killServer, startServer }) => {
      if (serverMachine.program === undefined) return undefined
      killServer('power')
      return startServer
    },
  },
  {
    name: 'the server stands still',
    of: 'server',
    weight: 2,
    begin: ({ serverMachine }) => {
      if (serverMachine.program === undefined || serverMachine.isPaused) return undefined
      serverMachine.pause()
      return () => serverMachine.resume()
    },
  },
  {
    name: 'lines are cut',
    of: 'lines',
    weight: 5,
    begin: ({ world, network, agents }) => {
      const cut = world.someOf(agents).filter(({ name }) => !network.isCut(name))
      const direction = world.oneOf(['up', 'down', 'both', 'both'] as const)
      for (const { name } of cut) network.cut(name, direction)
      return () => {
        for (const { name } of cut) network.heal(name)
      }
    },
  },
  {
    name: 'an agent reaches nothing',
    of: 'agent',
    weight: 2,
    begin: ({ world, network, agents }) => {
      const agent = world.oneOf(agents)
      if (agent.isAlone || network.isCut(agent.name)) return undefined
      network.cut(agent.name, 'both')
      agent.isAlone = true
      return () => {
        agent.isAlone = false
        network.heal(agent.name)
      }
    },
  },
  {
    name: 'the network is bad',
    of: 'lines',
    weight: 4,
    begin: ({ world, network }) => {
      network.weather = {
        lost: world.oneOf([0, 0.05, 0.2]),
        doubled: world.oneOf([0, 0.1, 0.3]),
        late: world.oneOf([0, 0.2, 0.5]),
        lateMs: world.oneOf([500, 3_000, 10_000]),
      }
      world.tell('network', `weather: ${JSON.stringify(network.weather)}`)
      return () => {
        world.tell('network', 'weather: fair')
        network.weather = fair
      }
    },
  },
  {
    name: 'the wall clock of an agent is set',
    of: 'agent',
    weight: 2,
    begin: ({ world, agents }) => {
      world.oneOf(agents).machine.jumpClock(world.between(-6 * hourMs, 6 * hourMs))
      return () => undefined
    },
  },
  {
    name: 'the wall clock of the server is set',
    of: 'server',
    weight: 2,
    begin: ({ world, serverMachine }) => {
      serverMachine.jumpClock(world.chance(0.5) ? world.between(-3_000, 3_000) : world.between(0, 6 * hourMs))
      return () => undefined
    },
  },
  {
    name: 'the disk of an agent is full',
    of: 'agent',
    weight: 2,
    begin: ({ world, agents }) => {
      const { disk, name } = world.oneOf(agents).machine
      world.tell(name, 'disk full')
      disk.capacityBytes = disk.bytes
      return () => {
        world.tell(name, 'disk has room')
        disk.capacityBytes = Infinity
      }
    },
  },
  {
    name: 'a disk is slow',
    of: 'lines',
    weight: 2,
    begin: ({ world, agents, serverMachine }) => {
      const machine = world.oneOf([serverMachine, ...agents.map((agent) => agent.machine)])
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

function startAgain(agent: AgentHost): void {
  if (!agent.isRunning) agent.start()
}

function throwFault(world: World): Fault {
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
export function planFaults(parts: Parts, count: number, withinMs: number, longestMs: number): PlannedFaults {
  const { world } = parts
  const touched: Fault['of'][] = []
  const underWay = new Set<() => void>()
  for (let i = 0; i < count; i++) {
    const fault = throwFault(world)
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
