import { defaultPairSettings, PairFile, type PairSettings } from '../../src/failover/index.ts'
import { seededRandom } from '../../src/base/index.ts'
import type { ServerLink } from '../../src/model/index.ts'
import { AgentHost } from './agent-host.ts'
import { readStore } from './check.ts'
import { planFaults } from './faults.ts'
import { Evidence } from './evidence.ts'
import { Machine } from './machine.ts'
import { Network } from './network.ts'
import { CountingReceiver } from './notifications.ts'
import { checkPair, type PairViolation } from './pair-check.ts'
import { PairEvidence } from './pair-evidence.ts'
import { faultsOfPair, lineOf, linesOf, pairLine } from './pair-faults.ts'
import { PairHost } from './pair-host.ts'
import { PairServer, pairFile, pollMs, timeoutMs, uuids, type ServerName } from './pair-server.ts'
import { PairWay } from './pair-way.ts'
import { describe, throwScenario, workOf, type ScenarioBounds } from './scenario.ts'
import { logOf } from './simulate.ts'
import { CountingTarget } from './target.ts'
import { World } from './world.ts'

export interface SimulatedPair {
  readonly seed: number
  readonly violations: readonly PairViolation[]
  /** Everything that happened, one line each. */
  readonly story: readonly string[]
  /** Of the story: two runs of a seed have the same. */
  readonly hash: string
  readonly runs: number
}

/** Where a test builds in a mistake. */
export interface PairMistake {
  /** The names of the faults that are thrown, where the mistake shows in few of the stories that all of them make. */
  readonly faults?: readonly string[]
  /** Between an agent and its link, anew for each of its lives. */
  readonly link?: (link: ServerLink, agent: string) => ServerLink
  /** In the code of an engine, for as long as a story lasts. @returns what undoes it */
  readonly build?: () => () => void
}

const settings: Readonly<Record<ServerName, PairSettings>> = {
  P: { ...defaultPairSettings, role: 'PRIMARY', mode: 'ACTIVE', peerUuid: uuids.S, timeoutMs, pollMs },
  S: {
    ...defaultPairSettings,
    role: 'SECONDARY',
    mode: 'STANDBY',
    peerUrl: 'https://primary.example:8443',
    peerUuid: uuids.P,
    timeoutMs,
    pollMs,
  },
}

/** Short, so that there may be many stories: what matters happens in the seconds around a fault. */
const bounds: ScenarioBounds = {
  agents: [2, 3],
  groups: [1, 2],
  connectors: [2, 3],
  periodsMs: [2_000, 5_000, 5_000],
  offlineTimeoutsMs: [6_000],
  graces: 1.5,
  massLossHoldMs: 10_000,
}
const callPatienceMs = 6_000
const warmMs = 4_000
const troubleMs = 16_000
/** After the end of all faults one of the two acts within so long, and nobody else from then on. */
const boundMs = 18_000
const quietMs = 20_000
const longestSettlingMs = 60_000
const lookEveryMs = 1_000

export async function simulatePair(seed: number, mistake: PairMistake = {}): Promise<SimulatedPair> {
  let undo: (() => void) | undefined
  try {
    return await tell(seed, mistake, () => (undo = mistake.build?.()))
  } finally {
    undo?.()
  }
}

/** @param build called when the pair is set up */
async function tell(seed: number, mistake: PairMistake, build: () => void): Promise<SimulatedPair> {
  const random = seededRandom(seed)
  const world = new World(random, Date.UTC(2026, 2, 1) + Math.floor(random() * 86_400_000))
  const scenario = throwScenario(world, bounds)
  for (const line of describe(scenario)) world.tell('world', line)
  const work = workOf(scenario)
  const network = new Network(world)
  const target = new CountingTarget(world)
  const receiver = new CountingReceiver(world)
  const evidence = new Evidence(world)
  const pairEvidence = new PairEvidence(world, (name) => inReach(name))
  let lives = 0
  let acting = 0
  const start = (host: PairHost): Promise<PairServer> =>
    PairServer.start({
      name: host.name,
      program: host.machine.begin(),
      store: host.store,
      network,
      peer: { line: pairLine, now: () => primary.server },
      receiver,
      scenario,
      work,
      evidence,
      pairEvidence,
      log: logOf(world, host.name, (event, { alarm }) => {
        if (event === 'alarm delivered') pairEvidence.recorded(host.name, String(alarm))
      }),
      life: ++lives,
      nextActing: () => ++acting,
    })
  const primary = new PairHost('P', new Machine(world, 'P'), pairEvidence, start)
  const secondary = new PairHost('S', new Machine(world, 'S'), pairEvidence, start)
  const servers = [primary, secondary]
  // A PRIMARY that stood still believes nobody for half a second, and is asked again by the next poll.
  const heardAfterMs = pollMs + 500
  const inReach = (name: ServerName) =>
    network.wasWell(pairLine, timeoutMs) &&
    servers.every(
      ({ machine, server }) => machine.name === name || (server !== undefined && machine.hasGoneOnFor(heardAfterMs)),
    )
  await setUp(primary, secondary)
  build()
  const acts = () => servers.filter(({ server }) => server?.acts === true)
  /** The one that agents are to follow. An onlooker reads the state: to ask would be to have a server that stands still look round. */
  const active = () => acts().sort((a, b) => b.server!.pair.state().term - a.server!.pair.state().term)[0]
  let lastActive = primary
  const agents = scenario.agents.map(
    (name) =>
      new AgentHost(new Machine(world, name), {
        target,
        evidence,
        scenario,
        serverTime: () => (lastActive = active() ?? lastActive).machine.wall,
        way: (agent) =>
          new PairWay(agent, {
            network,
            evidence: pairEvidence,
            doors: servers.map((host) => ({ line: lineOf(name, host.name), now: () => host.server })),
          }),
        patienceMs: callPatienceMs,
        logOf: (who) => logOf(world, who),
        wrapLink: mistake.link ?? ((link) => link),
      }),
  )
  for (const agent of agents) if (world.chance(0.5)) agent.machine.skewMs = world.between(-60_000, 60_000)
  for (const host of world.chance(0.5) ? servers : servers.toReversed())
    world.after(world.between(0, 1_000), () => host.start())
  for (const agent of agents) world.after(world.between(0, 2_000), () => agent.start())
  const writeBack = () => {
    for (const { machine } of agents) machine.disk.writeBack()
    world.after(5_000, writeBack)
  }
  writeBack()

  await world.runUntil(world.at + warmMs)
  // A machine that loses power within its first seconds knows nothing of them.
  for (const { machine } of agents) machine.disk.writeBack()
  const faults = planFaults(
    {
      world,
      network,
      agents,
      linesOf,
      servers,
      evidence,
      longestJumpMs: 120_000,
      server: () => active()?.server?.server,
    },
    faultsOfPair.filter(({ name }) => mistake.faults?.includes(name) ?? true),
    { count: world.chance(0.3) ? 1 : world.between(2, 5), withinMs: troubleMs - 4_000, longestMs: 12_000 },
  )
  await world.runUntil(world.at + troubleMs)
  world.tell('world', 'quiet')
  faults.end()
  await world.runUntil(world.at + boundMs)
  const numbers = new Set<string>()
  const note = () =>
    numbers.add(
      acts()
        .map(({ name, server }) => `${name} ${server!.pair.state().term}`)
        .join(' and ') || 'nobody',
    )
  note()
  for (const end = world.at + quietMs - boundMs; world.at < end; note()) await world.runUntil(world.at + lookEveryMs)
  const isSettled = () => {
    const places = active()?.server?.distribution?.placement().places.values()
    return places?.every(({ is }) => is === 'settled') === true && agents.every(({ unsafe }) => unsafe <= 10)
  }
  for (let waitedMs = 0; !isSettled() && waitedMs < longestSettlingMs; waitedMs += lookEveryMs)
    await world.runUntil(world.at + lookEveryMs)
  const undelivered = new Map(agents.map((agent) => [agent.name, agent.unsafe]))
  const endedAt = world.at
  const last = active() ?? lastActive
  const serverEndedAt = last.machine.wall
  const placement = last.server?.distribution?.placement()

  // Nothing new comes, so that the two can be at the same point.
  for (const agent of agents) agent.kill()
  const isSame = () => JSON.stringify(primary.server?.points) === JSON.stringify(secondary.server?.points)
  do await world.runUntil(world.at + lookEveryMs)
  while (!isSame() && world.at < endedAt + longestSettlingMs)

  const tasks = scenario.connectors.flatMap((connector) => connector.tasks)
  const dayMs = 86_400_000
  const range = { from: world.startedAt - dayMs, to: world.at + dayMs }
  const violations = checkPair({
    scenario,
    evidence,
    pairEvidence,
    target,
    receiver,
    stored: await readStore(last.store.history, tasks, { ...range, now: serverEndedAt }),
    placement,
    undelivered,
    endedAt,
    serverEndedAt,
    acted: [...numbers],
    points: { P: primary.server?.points, S: secondary.server?.points },
  })
  for (const { store } of servers) await store.close()
  return { seed, violations, story: world.story, hash: world.storyHash(), runs: target.served.length }
}

/** As after a set-up and a first copy, which holds nothing yet. */
async function setUp(primary: PairHost, secondary: PairHost): Promise<void> {
  await primary.store.begin('logging')
  await secondary.store.begin('following')
  const none = { term: 0, position: { term: 0, count: 0 } }
  const open = ({ machine, name }: PairHost) =>
    PairFile.open({ disk: machine.disk.open(), path: pairFile, instance: uuids[name] })
  await (
    await open(primary)
  ).write({ settings: settings.P, peer: { uuid: uuids.S, fingerprint: 'secondary', ...none } })
  await (
    await open(secondary)
  ).write({ settings: settings.S, durable: { term: 1, ownTerm: 0, acts: false, joins: false } })
}
