import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom, type Clock } from '../base/index.ts'
import type {
  AssignedConnector,
  AssignedTask,
  Assignment,
  ServerLink,
  SpoolEntry,
  UploadBatch,
} from '../model/index.ts'
import { silentLog, systemClock } from '../platform/index.ts'
import { startAgent, type Agent } from './agent.ts'
import type { AgentEvent } from './events.ts'

/** A server that keeps what it gets in memory, and can be away. */
class MemoryServer implements ServerLink {
  assignmentNow: Assignment | undefined
  away = false
  readonly entries: SpoolEntry[] = []
  #acknowledged = new Map<string, number>()
  #changed: (() => void)[] = []

  assign(tasks: readonly AssignedTask[], connectors: readonly AssignedConnector[] = [connector('front')]): void {
    this.assignmentNow = {
      version: String(Math.random()),
      connectors,
      tasks,
      settings: {
        parallelTasks: 0,
        parallelPerTarget: 100,
        processTimeoutMs: 60_000,
        logLevel: 'info',
        logDurationMs: 0,
        leaseMs: null,
      },
    }
    for (const tell of this.#changed.splice(0)) tell()
  }

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    if (this.away) throw new Error('the server is away')
    if (this.assignmentNow?.version === known) {
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return this.assignmentNow?.version === known ? undefined : this.assignmentNow
  }

  async upload(batch: UploadBatch) {
    if (this.away) throw new Error('the server is away')
    const acknowledged = this.#acknowledged.get(batch.spool) ?? batch.from
    expect(batch.from).toBeLessThanOrEqual(acknowledged)
    this.entries.push(...batch.entries.slice(acknowledged - batch.from))
    const now = Math.max(acknowledged, batch.from + batch.entries.length)
    this.#acknowledged.set(batch.spool, now)
    return { acknowledged: now, safe: now, pauseMs: 0 }
  }
}

const periodMs = 400

let directory = ''
let agents: Agent[] = []
let server: MemoryServer
let events: AgentEvent[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farwatch-agent-'))
  server = new MemoryServer()
  events = []
})

afterEach(async () => {
  for (const agent of agents) await agent.stop()
  agents = []
  await rm(directory, { recursive: true })
})

async function start(clock: Clock = systemClock): Promise<Agent> {
  const agent = await startAgent({
    uuid: '00000000-0000-4000-8000-000000000001',
    link: server,
    directory,
    clock,
    random: seededRandom(1),
    settings: { processes: 1, processMemoryMiB: 512, spoolMaxBytes: 1_048_576, spoolMaxAgeMs: 86_400_000 },
    monitoringProcess: new URL('./misbehaving/testing.ts', import.meta.url),
    targetOf: ({ settings }) => String(settings['name']),
    log: silentLog,
  })
  agents.push(agent)
  agent.on((event) => void events.push(event))
  return agent
}

function connector(id: string): AssignedConnector {
  return { id, type: 'http', group: 'acme', settings: { name: id } }
}

function task(id: string, how: string, more: Partial<AssignedTask> & { ms?: number } = {}): AssignedTask {
  const { ms = 0, ...rest } = more
  return {
    id,
    connector: 'front',
    monitor: 'test.behave',
    settings: { how, ms },
    periodMs,
    timeoutMs: 5_000,
    ...rest,
  }
}

/** Waits for an event of a kind that fits. */
function until<K extends AgentEvent['event']>(
  agent: Agent,
  kind: K,
  fits: (event: Extract<AgentEvent, { event: K }>) => boolean = () => true,
): Promise<void> {
  return new Promise((resolve) => {
    const off = agent.on((event) => {
      if (event.event !== kind || !fits(event as Extract<AgentEvent, { event: K }>)) return
      off()
      resolve()
    })
  })
}

const slotsOf = (id: string) =>
  server.entries
    .flatMap((entry) => (entry.task === id && entry.kind === 'run' ? [entry.slot] : []))
    .sort((a, b) => a - b)

/** How each slot of a task ended, gap records counted slot by slot; the first record of a slot counts. */
function ledger(id: string): Map<number, string> {
  const slots = new Map<number, string>()
  for (const entry of server.entries) {
    if (entry.task !== id) continue
    if (entry.kind === 'run') {
      // A busy machine makes runs late; that is another story.
      if (!slots.has(entry.slot)) slots.set(entry.slot, entry.outcome === 'late' ? 'ran' : entry.outcome)
    } else
      for (let slot = entry.from; slot <= entry.to; slot += entry.periodMs)
        if (!slots.has(slot)) slots.set(slot, entry.reason)
  }
  return new Map([...slots].sort((a, b) => a[0] - b[0]))
}

const differences = (slots: readonly number[]) => new Set(slots.slice(1).map((slot, i) => slot - slots[i]!))

test('every slot of a task runs once and reaches the server', async () => {
  server.assign([task('a', 'count')])
  const agent = await start()
  let uploaded = 0
  await until(agent, 'uploaded', ({ entries }) => (uploaded += entries) >= 5)
  await agent.stop()
  const slots = slotsOf('a')
  expect([slots.length >= 4, differences(slots), new Set(ledger('a').values()).has('ran')]).toEqual([
    true,
    new Set([periodMs]),
    true,
  ])
  const values = server.entries.flatMap((entry) => (entry.kind === 'run' ? [entry.samples[0]?.value] : []))
  expect(values.slice(0, 4)).toEqual([1, 2, 3, 4])
})

test('a task that still runs at its next slot skips it and says so', async () => {
  server.assign([task('a', 'well', { ms: 1_000 })])
  const agent = await start()
  await until(agent, 'run ended')
  await agent.stop()
  expect([...ledger('a').values()].slice(0, 3)).toEqual(['ran', 'still running', 'still running'])
})

test('a changed assignment leaves what did not change undisturbed', async () => {
  server.assign([task('a', 'well'), task('b', 'well')])
  const agent = await start()
  await until(agent, 'run ended', ({ result }) => result.task === 'b')
  server.assign([task('a', 'well'), task('c', 'well')])
  await until(agent, 'run ended', ({ result }) => result.task === 'c')
  const before = server.entries.filter((entry) => entry.task === 'b').length
  for (let i = 0; i < 2; i++) await until(agent, 'run ended', ({ result }) => result.task === 'c')
  await agent.stop()
  expect([differences(slotsOf('a')), slotsOf('b').length - before <= 1]).toEqual([new Set([periodMs]), true])
})

test('while the server is away results are kept, and then arrive once and in order', async () => {
  server.assign([task('a', 'well')])
  const agent = await start()
  await until(agent, 'uploaded')
  server.away = true
  await until(agent, 'server lost', ({ during }) => during === 'upload')
  for (let i = 0; i < 4; i++) await until(agent, 'run ended')
  server.away = false
  await until(agent, 'server reached', ({ during }) => during === 'upload')
  await agent.stop()
  const slots = slotsOf('a')
  expect([differences(slots), new Set(slots).size === slots.length, slots.length >= 5]).toEqual([
    new Set([periodMs]),
    true,
    true,
  ])
})

test('the slots between a stop and the next start are recorded as such', async () => {
  server.assign([task('a', 'well')])
  const first = await start()
  await until(first, 'uploaded')
  await first.stop()
  const lastBefore = Math.max(...slotsOf('a'))
  await new Promise<void>((resolve) => systemClock.after(1_700, resolve))
  const second = await start()
  await until(second, 'run ended')
  await second.stop()
  const slots = [...ledger('a')].filter(([slot]) => slot >= lastBefore)
  expect(differences(slots.map(([slot]) => slot))).toEqual(new Set([periodMs]))
  const outcomes = slots.map(([, outcome]) => outcome)
  expect([outcomes[0], outcomes.slice(1, 4)]).toEqual(['ran', ['stopped', 'stopped', 'stopped']])
})

test('a clock that jumps ahead leaves a gap record and no burst', async () => {
  let offset = 0
  const clock: Clock = {
    now: () => systemClock.now() + offset,
    elapsed: () => systemClock.elapsed(),
    after: (ms, act) => systemClock.after(ms, act),
  }
  server.assign([task('a', 'well')])
  const agent = await start(clock)
  await until(agent, 'run ended')
  offset = 3_600_000
  await until(agent, 'run ended', ({ result }) => result.slot > systemClock.now() + 3_000_000)
  await agent.stop()
  const gaps = server.entries.flatMap((entry) => (entry.kind === 'gap' && entry.reason === 'suspended' ? [entry] : []))
  expect([gaps.length, slotsOf('a').length < 15, differences([...ledger('a').keys()])]).toEqual([
    1,
    true,
    new Set([periodMs]),
  ])
  expect(events.some((event) => event.event === 'clock jumped' && event.byMs > 3_500_000)).toBe(true)
})

test('a run by hand answers with its result and stores nothing; a check needs no task', async () => {
  server.assign([task('a', 'count', { periodMs: 3_600_000 })])
  const agent = await start()
  await until(agent, 'assignment applied')
  const byHand = await agent.runNow('a')
  const check = await agent.check({
    monitor: 'test.behave',
    settings: { how: 'refuse', ms: 0 },
    connector: { type: 'http', settings: { name: 'x' }, credential: { type: 'token', fields: { secret: 'hunter2' } } },
    timeoutMs: 1_000,
  })
  expect([byHand.outcome, check.reason, check.message, server.entries]).toEqual([
    'ran',
    'refused',
    'nothing listens on 127.0.0.1:1 for ***',
    [],
  ])
  await expect(agent.runNow('b')).rejects.toMatchObject({ code: 'not-found' })
})

test('stopping twice is stopping once, ends in bounded time with runs under way, and accounts for them', async () => {
  server.assign([task('a', 'slow', { timeoutMs: 60_000 })])
  const agent = await start()
  await until(agent, 'slots left out')
  const began = systemClock.elapsed()
  await Promise.all([agent.stop(), agent.stop()])
  expect(systemClock.elapsed() - began).toBeLessThan(5_000)
  const slots = ledger('a')
  expect([[...slots.values()].includes('stopped'), differences([...slots.keys()])]).toEqual([true, new Set([periodMs])])
})

test('an agent killed again and again accounts for every slot once', async () => {
  const random = seededRandom(7)
  for (let round = 0; round < 4; round++) {
    const agent = fork(fileURLToPath(new URL('./whole-agent/testing.ts', import.meta.url)), [directory], {
      execArgv: [],
    })
    const exited = once(agent, 'exit')
    await once(agent, 'message')
    await new Promise<void>((resolve) => systemClock.after(random() * 600, resolve))
    if (round < 3) agent.kill('SIGKILL')
    else agent.send('stop')
    await exited
  }
  const lines = (await readFile(join(directory, 'server'), 'utf8')).split('\n').filter(Boolean)
  server.entries.push(...lines.flatMap((line) => (JSON.parse(line) as { entries: SpoolEntry[] }).entries))
  for (let i = 0; i < 20; i++) {
    const id = `task ${i}`
    const runs = slotsOf(id)
    // From the first run on; what a gap record says of the time before the very first start is nobody's.
    const slots = [...ledger(id).keys()].filter((slot) => slot >= runs[0]!)
    expect([id, differences(slots), new Set(runs).size]).toEqual([id, new Set([250]), runs.length])
  }
})
