/**
 * What placing costs and how even it is: `node bench/placement.ts`. 20,000 connectors in 200 groups on 20 agents, with moves proved at once;
 * then 1,000 connectors on 3 to 10 agents.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock, seededRandom } from '../src/base/index.ts'
import {
  defaultLeaseSettings,
  defaultPlacementSettings,
  distributionSchema,
  nowhere,
  openDistribution,
  place,
  weakGroups,
  type PlacementInput,
} from '../src/distribution/index.ts'
import { openDatabase, silentLog } from '../src/platform/index.ts'
import { Stage, agentOf, zipfConnectors } from '../src/distribution/testing.ts'
import { median, type BenchRow, type Figure } from './row.ts'

function timed(act: () => unknown): number {
  const times = Array.from({ length: 7 }, () => {
    const before = performance.now()
    act()
    return performance.now() - before
  })
  // The first ones compile.
  return median(times.slice(2))
}

export function placementOfTwentyThousand(): readonly Figure[] {
  const random = seededRandom(3)
  const agents = Array.from({ length: 20 }, (_, i) => agentOf(`a${i}`, { capacity: 100_000 }))
  const names = agents.map(({ name }) => name)
  const connectors = zipfConnectors(20_000, random).map((connector, i) => ({ ...connector, group: `g${i % 200}` }))
  // Half of the groups may use all agents, the others four each.
  const groups = new Map(
    Array.from({ length: 200 }, (_, i) => {
      const some = Array.from({ length: 4 }, (__, n) => names[(i + n * 5) % names.length]!)
      return [`g${i}`, { agents: i % 2 === 0 ? names : some, exclusive: false }]
    }),
  )
  const input: PlacementInput = {
    agents,
    connectors,
    groups,
    previous: nowhere,
    at: 1_000_000,
    settings: defaultPlacementSettings,
  }
  const first = place(input)
  const lost = agents.map((agent, i) => (i === 0 ? { ...agent, runtime: 'OFFLINE' as const, lostAt: input.at } : agent))
  const after = place({ ...input, agents: lost, previous: first })
  const unit = 'ms'
  return [
    { name: 'placing 20,000 connectors on 20 agents, from nothing', value: timed(() => place(input)), unit },
    { name: '… with nothing to do', value: timed(() => place({ ...input, previous: first })), unit },
    { name: '… an agent lost', value: timed(() => place({ ...input, agents: lost, previous: first })), unit },
    { name: '… an agent back', value: timed(() => place({ ...input, previous: after })), unit },
    { name: '… what the loss of each agent would do', value: timed(() => weakGroups(input, first)), unit },
  ]
}

function even(): readonly Figure[] {
  const sizes = [3, 4, 5, 6, 7, 8, 9, 10]
  const connectors = zipfConnectors(1_000)
  const total = connectors.reduce((sum, { cost }) => sum + cost, 0)
  const costs = new Map(connectors.map(({ id, cost }) => [id, cost]))
  const figures = sizes.map((size) => {
    const names = Array.from({ length: size + 1 }, (_, i) => `a${i}`)
    const stage = new Stage(
      names.slice(1).map((name) => agentOf(name)),
      connectors,
      new Map([['acme', { agents: names, exclusive: false }]]),
    )
    stage.converge()
    const peak = stage.peak()
    stage.agents = names.map((name) => agentOf(name))
    const { moved } = stage.converge()
    const share = moved.reduce((sum, id) => sum + costs.get(id)!, 0) / (total / names.length)
    return { size, peak, share, least: 1_000 / (total / size) }
  })
  return [
    ...figures.map(({ size, peak, least }): Figure => ({
      name: `balance, ${size} agents, 1,000 connectors of Zipf cost`,
      value: peak,
      unit: 'max/mean',
      ...(least > 1 ? { note: `the largest connector alone is ${least.toFixed(2)}` } : {}),
    })),
    { name: 'a join moves at most', value: Math.max(...figures.map(({ share }) => share)), unit: 'shares' },
  ]
}

/** The longest time the thread is taken for one look, from the first call of all agents to the loss of one and past it. */
async function whole(count: number, perGroup: number): Promise<Figure> {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-bench-'))
  const database = await openDatabase({ file: join(directory, 'a.db'), schema: [distributionSchema] })
  const clock = new ManualClock()
  const distribution = await openDistribution({
    database,
    clock,
    log: silentLog,
    settings: () => ({ lease: defaultLeaseSettings, placement: defaultPlacementSettings }),
  })
  try {
    const names = Array.from({ length: count }, (_, i) => `a${i}`)
    const agent = { local: false, registration: 'ACCEPTED', admin: 'ON' } as const
    distribution.setAgents(names.map((id) => ({ ...agent, id, name: id })))
    const machine = { cores: 4, parallelTasks: 200 }
    for (const id of names) distribution.heard(id, { facts: { monitors: ['ping'], machine, provesReach: false } })
    const groups = count / perGroup
    distribution.setWork({
      connectors: Array.from({ length: 20_000 }, (_, i) => ({
        id: `c${i}`,
        group: `g${i % groups}`,
        programs: [],
        tasks: [{ id: `t${i}`, monitor: 'ping', periodMs: 60_000, timeoutMs: 10_000 }],
      })),
      groups: new Map(
        Array.from({ length: groups }, (_, i) => {
          const agents = names.slice(i * perGroup, (i + 1) * perGroup)
          return [`g${i}`, { agents, exclusive: false }]
        }),
      ),
    })
    distribution.start()
    let longest = 0
    for (let second = 0; second < 60; second++) {
      for (const id of names) {
        if (second < 20 || id !== 'a0')
          distribution.heard(id, { confirms: distribution.assignmentScope(id).version, left: 0 })
      }
      const before = performance.now()
      clock.advance(1_000)
      if (second > 0) longest = Math.max(longest, performance.now() - before)
    }
    await distribution.stop()
    return { name: `the longest look at 20,000 connectors, ${count} agents`, value: longest, unit: 'ms' }
  } finally {
    await database.close()
    rmSync(directory, { recursive: true })
  }
}

export const placementRow = {
  name: 'placement',
  about: 'what placing costs, and how even it is',
  run: async () => [...placementOfTwentyThousand(), await whole(20, 4), await whole(1_000, 2), ...even()],
} satisfies BenchRow

if (import.meta.main) {
  for (const { name, value, unit, note } of await placementRow.run())
    console.log(`${name.padEnd(60)} ${value.toFixed(3)} ${unit} ${note ?? ''}`.trimEnd())
}
