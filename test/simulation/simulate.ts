import { openHistory } from '../../src/app/history.ts'
import { seededRandom } from '../../src/base/index.ts'
import type { Work } from '../../src/distribution/index.ts'
import type { ServerLink } from '../../src/model/index.ts'
import { silentLog, type Log } from '../../src/platform/index.ts'
import { AgentHost } from './agent-host.ts'
import { check, readStore, type Violation } from './check.ts'
import { Evidence } from './evidence.ts'
import { exchange } from './exchange.ts'
import { faultsOfOne, planFaults } from './faults.ts'
import { Machine } from './machine.ts'
import { Network } from './network.ts'
import { describe, throwScenario, workOf } from './scenario.ts'
import { Server, makeServerStore, onThread, writerOn } from './server.ts'
import { CountingTarget } from './target.ts'
import { World } from './world.ts'

export interface Simulated {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** Everything that happened, one line each. */
  readonly story: readonly string[]
  /** Of the story: two runs of a seed have the same. */
  readonly hash: string
  readonly runs: number
}

/** Where a test builds in a mistake. */
export interface Mistake {
  /** Between an agent and its link, anew for each of its lives. */
  readonly link?: (link: ServerLink, agent: string) => ServerLink
  /** What a server does with a batch. */
  readonly upload?: Server['upload']
  /** What distribution is told that there is to do. */
  readonly work?: (work: Work) => Work
  /** In the code of an engine, for as long as a story lasts. @returns what undoes it */
  readonly build?: () => () => void
}

/** Shorter than the link has it, so that the quiet at the end may be shorter, too. */
const callPatienceMs = 30_000
const warmMs = 30_000
const troubleMs = 60_000
/** Longer than the patience of a call and the pause after it, and than the grace after a start of the server. */
const quietMs = 85_000
const writeBackMs = 5_000
const longestUnrestMs = 300_000
const lookEveryMs = 5_000

/** One story: it begins well, then there is trouble, then quiet; at the end it is looked whether everything held. */
export async function simulate(seed: number, mistake: Mistake = {}): Promise<Simulated> {
  const undo = mistake.build?.()
  try {
    return await tell(seed, mistake)
  } finally {
    undo?.()
  }
}

async function tell(seed: number, mistake: Mistake): Promise<Simulated> {
  const random = seededRandom(seed)
  const world = new World(random, Date.UTC(2026, 2, 1) + Math.floor(random() * 86_400_000))
  const scenario = throwScenario(world)
  for (const line of describe(scenario)) world.tell('world', line)
  const work = mistake.work?.(workOf(scenario)) ?? workOf(scenario)
  const network = new Network(world)
  const target = new CountingTarget(world)
  const evidence = new Evidence(world)
  const store = makeServerStore()
  const serverMachine = new Machine(world, 'server')
  let server: Server | undefined
  let lives = 0
  const startServer = () => {
    if (serverMachine.program !== undefined) return
    const program = serverMachine.begin()
    const life = ++lives
    world.tell('server', `started, life ${life}`)
    void Server.start({
      program,
      database: onThread(program, store.distribution),
      history: () => openHistory({ directory: ':memory:', clock: program, writer: writerOn(program, store.history) }),
      scenario,
      work,
      evidence,
      log: logOf(world, 'server'),
      life,
    }).then((started) => {
      if (mistake.upload !== undefined) started.upload = mistake.upload
      server = started
      world.tell('server', 'takes calls')
    })
  }
  const killServer = (how: 'kill' | 'power') => {
    const gone = server
    server = undefined
    if (how === 'kill') serverMachine.kill()
    else serverMachine.losePower()
    if (how === 'kill') gone?.hangUp()
  }
  const agents = scenario.agents.map(
    (name) =>
      new AgentHost(new Machine(world, name), {
        target,
        evidence,
        scenario,
        serverTime: () => serverMachine.wall,
        way: ({ name: line, program, believe }) => ({
          ask: async (call, act) => {
            const { value, times } = await exchange(program, network, { line, now: () => server }, call, act)
            believe(times)
            return value
          },
        }),
        patienceMs: callPatienceMs,
        logOf: (who) => logOf(world, who),
        wrapLink: mistake.link ?? ((link) => link),
      }),
  )
  for (const agent of agents) if (world.chance(0.5)) agent.machine.skewMs = world.between(-10_800_000, 10_800_000)
  startServer()
  for (const agent of agents) world.after(world.between(0, 3_000), () => agent.start())
  const writeBack = () => {
    for (const { machine } of agents) machine.disk.writeBack()
    world.after(writeBackMs, writeBack)
  }
  writeBack()

  const isSingle = world.chance(0.3)
  await world.runUntil(world.at + warmMs)
  const faults = planFaults(
    {
      world,
      network,
      agents,
      linesOf: ({ name }) => [name],
      evidence,
      longestJumpMs: 6 * 3_600_000,
      servers: [{ machine: serverMachine, kill: killServer, start: startServer }],
      server: () => server,
    },
    faultsOfOne,
    isSingle
      ? { count: 1, withinMs: 2_000, longestMs: 50_000 }
      : { count: world.between(2, 8), withinMs: troubleMs - 5_000, longestMs: 35_000 },
  )
  const troubleAt = world.at
  await world.runUntil(world.at + troubleMs)
  world.tell('world', 'quiet')
  faults.end()
  await world.runUntil(world.at + quietMs)
  // A move that was begun late may end.
  for (let waitedMs = 0; !isAtRest(server) && waitedMs < longestUnrestMs; waitedMs += lookEveryMs)
    await world.runUntil(world.at + lookEveryMs)

  const tasks = scenario.connectors.flatMap((connector) => connector.tasks)
  const dayMs = 86_400_000
  const range = { from: world.startedAt - dayMs, to: world.at + dayMs }
  // Before what is expected next: of that nothing could have been heard, for a whole day.
  const stored = await readStore(store.history, tasks, { ...range, now: serverMachine.wall })
  const violations = check({
    scenario,
    evidence,
    announced: evidence.announced,
    target,
    stored,
    placement: server?.distribution.placement(),
    isSplit: () => false,
    undelivered: new Map(agents.map((agent) => [agent.name, agent.unsafe])),
    endedAt: world.at,
    serverEndedAt: serverMachine.wall,
    boundFrom: isSingle && !evidence.wasMassLoss ? troubleAt - 10_000 : undefined,
    isServersFault: faults.touched().some((what) => what !== 'agent'),
  })
  await store.distribution.close()
  store.history.close()
  return { seed, violations, story: world.story, hash: world.storyHash(), runs: target.served.length }
}

function isAtRest(server: Server | undefined): boolean {
  return (
    server?.distribution
      .placement()
      .places.values()
      .every(({ is }) => is === 'settled') === true
  )
}

type ToldViolation = Omit<Violation, 'law'> & { readonly law: string }

/** What a person needs to see of a story that went wrong: all but the runs that were well. */
export function storyOf(
  { seed, violations, story, hash }: Omit<Simulated, 'violations'> & { readonly violations: readonly ToldViolation[] },
  option = '--seed',
): string {
  const about = violations.map((one) => one.about)
  const told = story.filter((line) => {
    if (!/ (runs|ran|stored|left out) /.test(line)) return true
    return about.some((name) => line.includes(` ${name} `))
  })
  return [
    ...told,
    `seed ${seed}, story ${hash}; again, with everything: npm run simulate -- ${option} ${seed}`,
    ...violations.map(({ law, words }) => `  broken: ${law}: ${words}`),
  ].join('\n')
}

type Told = (event: string, fields: Readonly<Record<string, unknown>>) => void

export function logOf(world: World, who: string, heard: Told = () => undefined): Log {
  const tell = (event: string, fields: Readonly<Record<string, unknown>> = {}) => {
    world.tell(who, `${event} ${Object.values(fields).map(String).join(' ')}`)
    heard(event, fields)
  }
  return { ...silentLog, info: tell, warn: tell, error: tell, with: () => logOf(world, who, heard) }
}
