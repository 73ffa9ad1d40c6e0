import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { FarwatchError, ManualClock, type Clock } from '../base/index.ts'
import { MemoryDisk, fingerprintOf, silentLog } from '../platform/index.ts'
import { Answering } from './answering.ts'
import { PairFile } from './pair-file.ts'
import { Pair, type PairOptions } from './pair.ts'
import { Polling, RefusedByPeer } from './polling.ts'
import { defaultPairSettings, type PairSettings, type SettingFacts } from './setting.ts'
import { neverPaired } from './decide.ts'
import type { OwnFacts, Report } from './state.ts'

const uuids = { P: '11111111-1111-4111-8111-111111111111', S: '22222222-2222-4222-8222-222222222222' } as const
const settings: Readonly<Record<'P' | 'S', PairSettings>> = {
  P: { ...defaultPairSettings, role: 'PRIMARY', mode: 'ACTIVE', peerUuid: uuids.S },
  S: { ...defaultPairSettings, role: 'SECONDARY', mode: 'STANDBY', peerUrl: 'https://a.example:8443' },
}

/** One server of the pair, with a disk that outlives it. */
class Server {
  readonly name: 'P' | 'S'
  readonly disk: MemoryDisk
  readonly clock: ManualClock
  readonly told: string[] = []
  own: OwnFacts
  pair!: Pair
  isRunning = false
  /** As a process that is stopped by a signal: time goes on, its timers do not. */
  isPaused = false
  onStop: () => Promise<void> = async () => undefined
  onCopyAnew: () => Promise<void> = async () => undefined
  pollPeer: PairOptions['poll'] = () => Promise.reject(new FarwatchError('unreachable', 'nobody is there'))

  constructor(name: 'P' | 'S', clock: ManualClock) {
    this.name = name
    this.clock = clock
    this.disk = new MemoryDisk({ now: () => 0, random: () => 0.5 })
    this.own = {
      position: { term: 1, count: 10 },
      isWhole: true,
      isQuiet: false,
      unsound: undefined,
      followers: 0,
      configuration: `c-${name}`,
    }
  }

  openFile(): Promise<PairFile> {
    return PairFile.open({ disk: this.disk.open(), path: '/failover.json', instance: uuids[this.name] })
  }

  async start(): Promise<void> {
    const file = await this.openFile()
    this.own = { ...this.own, isQuiet: true }
    const clock: Clock = {
      now: () => this.clock.now(),
      elapsed: () => this.clock.elapsed(),
      after: (delayMs, act) => this.clock.after(delayMs, () => (this.isPaused ? undefined : act())),
    }
    this.pair = new Pair({
      clock,
      log: silentLog,
      file,
      own: () => this.own,
      poll: (report, silentMs, signal) => this.pollPeer(report, silentMs, signal),
      acting: {
        act: async (term) => {
          this.own = { ...this.own, isQuiet: false, position: { term, count: this.own.position.count + 1 } }
          this.told.push(`act ${term}, on disk ${(await file.stored())?.durable.term}`)
        },
        stop: async () => {
          this.told.push('stop')
          await this.onStop()
          this.own = { ...this.own, isQuiet: true }
        },
        keepOwnWork: async ({ otherTerm }) => void this.told.push(`keep own work beside term ${otherTerm}`),
        copyAnew: async () => {
          this.told.push('copy anew')
          await this.onCopyAnew()
          this.own = { ...this.own, isWhole: false }
        },
      },
      tell: {
        raise: ({ key, severity }) => void this.told.push(`${severity} ${key}`),
        clear: (key) => void this.told.push(`CLEAR ${key}`),
        audit: ({ action }) => void this.told.push(`(${action})`),
      },
    })
    this.pair.start()
    this.isRunning = true
  }

  async kill(): Promise<void> {
    this.isRunning = false
    await this.pair.stop()
  }

  take(): string {
    return this.told.splice(0).join(', ')
  }

  get state(): string {
    const { state, term } = this.pair.status()
    return `${state} ${term}`
  }
}

let running: Servers | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

class Servers {
  readonly clock = new ManualClock()
  readonly P = new Server('P', this.clock)
  readonly S = new Server('S', this.clock)
  isLinked = true

  static async start(): Promise<Servers> {
    const servers = new Servers()
    running = servers
    const { P, S } = servers
    await (await P.openFile()).write({ settings: settings.P, durable: neverPaired })
    await (
      await S.openFile()
    ).write({ settings: settings.S, durable: { term: 1, ownTerm: 0, acts: false, joins: false } })
    S.pollPeer = async (report) => {
      if (!P.isRunning || P.isPaused || !servers.isLinked) throw new FarwatchError('unreachable', 'nobody is there')
      const answered = await P.pair.heard(report)
      servers.copy()
      return { report: answered }
    }
    await P.start()
    await S.start()
    await servers.pass(3)
    return servers
  }

  /** The SECONDARY has taken over, and the PRIMARY is back. */
  static async replaced(): Promise<Servers> {
    const servers = await Servers.start()
    await servers.P.kill()
    await servers.pass(17)
    await servers.P.start()
    await servers.pass(3)
    return servers
  }

  /** What the replication would do. */
  copy(): void {
    const { P, S } = this
    const [leader, follower] = P.pair.notActive() === undefined ? [P, S] : [S, P]
    if (follower.pair.notActive() !== undefined) follower.own = { ...follower.own, position: leader.own.position }
  }

  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds * 10; i++) {
      this.clock.advance(100)
      // What a step does runs in a handful of turns; nothing here waits for a real disk or network.
      await setImmediate()
    }
  }

  get states(): string {
    return [this.P, this.S]
      .map((server) => (server.isRunning ? `${server.name} ${server.state}` : `${server.name} down`))
      .join(', ')
  }

  async stop(): Promise<void> {
    for (const server of [this.P, this.S]) if (server.isRunning) await server.kill()
  }
}

const facts: Omit<SettingFacts, 'state' | 'peerRole'> = { ownUuid: '', ownUrls: [], isServer: true }

test('a PRIMARY that starts acts once the SECONDARY has polled', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  expect([servers.states, P.take(), S.take()]).toEqual([
    'P active 1, S standby 1',
    'act 1, on disk 1, (became active)',
    '(follows)',
  ])
})

test('the SECONDARY takes over from a dead PRIMARY; its term is on the disk before anybody is told', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  S.take()
  await P.kill()
  await servers.pass(17)
  expect([servers.states, S.take()]).toEqual([
    'P down, S active 2',
    'act 2, on disk 2, (became active), MAJOR failover: secondary active',
  ])
})

test('whose disk is full does not become active, and does when there is room', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  S.disk.capacityBytes = 0
  await P.kill()
  await servers.pass(20)
  const full = servers.states
  S.disk.capacityBytes = Infinity
  await servers.pass(2)
  expect([full, servers.states]).toEqual(['P down, S standby 1', 'P down, S active 2'])
})

test('a PRIMARY that comes back is held, and gets its place by STANDBY on the SECONDARY', async () => {
  const servers = await Servers.replaced()
  const { P, S } = servers
  const held = [servers.states, P.pair.notActive()]
  const mode = S.pair.status().mode
  P.take()
  S.take()
  await S.pair.set({ mode: 'STANDBY' }, facts)
  await servers.pass(1)
  expect({ held, mode, states: servers.states, P: P.take(), S: S.take() }).toEqual({
    held: ['P held 2, S active 2', 'this server is held: the SECONDARY is active, with term 2'],
    mode: 'ACTIVE',
    states: 'P active 3, S standby 3',
    P: 'act 3, on disk 3, (became active)',
    S: '(began to hand over), stop, CLEAR failover: secondary active, (handed over)',
  })
})

test('in a split the lower term keeps its own work, and stops at once, however long stopping takes', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  servers.isLinked = false
  await servers.pass(20)
  const split = servers.states
  P.take()
  let end: () => void = () => undefined
  P.onStop = () => new Promise((resolve) => (end = resolve))
  servers.isLinked = true
  await servers.pass(3)
  const before = [P.pair.notActive(), P.take()]
  end()
  await servers.pass(1)
  expect({ split, before, after: P.take(), states: servers.states, S: S.pair.notActive() }).toEqual({
    split: 'P active 1, S active 2',
    before: ['this server is held: the SECONDARY is active, with term 2', 'stop'],
    after: '(stopped acting), keep own work beside term 2, CLEAR failover: no standby',
    states: 'P held 2, S active 2',
    S: undefined,
  })
})

test('a PRIMARY that was stopped and goes on is fenced before it answers anybody', async () => {
  const servers = await Servers.start()
  const { P } = servers
  P.isPaused = true
  await servers.pass(20)
  P.isPaused = false
  expect([P.pair.notActive(), servers.states]).toEqual(['this server is held', 'P held 1, S active 2'])
})

test('a poll that waited while the PRIMARY stood still does not make it go on in its old term', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  const waiting: Report = { ...S.pair.status().peer!, acts: false, state: 'standby', term: 1 }
  P.isPaused = true
  await servers.pass(20)
  P.isPaused = false
  const heard = await P.pair.heard(waiting).catch((thrown: unknown) => (thrown as FarwatchError).message)
  expect([heard, servers.states]).toEqual([
    'this server stood still, and the poll may have waited here meanwhile',
    'P held 1, S active 2',
  ])
})

test('damaged data that seems older than it was is told of as damaged', async () => {
  const { P, S } = await Servers.start()
  const { position } = P.own
  const standby: Report = { ...S.pair.status().peer!, acts: false, state: 'standby', position }
  P.own = {
    ...P.own,
    position: { ...position, count: position.count - 1 },
    unsound: { why: 'database corrupt', message: 'a page is damaged' },
  }
  const { acts, unsound } = await P.pair.heard(standby)
  expect([acts, unsound]).toEqual([false, 'database corrupt'])
})

test('an answer that waited while the SECONDARY stood still does not make it go on in its old term', async () => {
  const servers = await Servers.replaced()
  const { S } = servers
  const before = servers.states
  const waiting = { report: S.pair.status().peer! }
  let answer: (answered: typeof waiting) => void = () => undefined
  S.pollPeer = () => new Promise((resolve) => (answer = resolve))
  await servers.pass(3)
  S.isPaused = true
  await servers.pass(20)
  S.isPaused = false
  S.pollPeer = () => Promise.reject(new FarwatchError('unreachable', 'nobody is there'))
  const fenced = S.pair.notActive()
  answer(waiting)
  await servers.pass(1)
  expect([before, fenced, servers.states]).toEqual([
    'P held 2, S active 2',
    'this server is standing by',
    'P active 3, S standby 2',
  ])
})

test('agents that are still served keep the SECONDARY from taking over', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  servers.isLinked = false
  S.take()
  for (let second = 0; second < 30; second++) {
    for (const agent of ['a', 'b']) {
      P.pair.agentSaid(agent, { servedMsAgo: undefined, term: 1 })
      S.pair.agentSaid(agent, { servedMsAgo: 1_000, term: 1 })
    }
    await servers.pass(1)
  }
  expect([servers.states, S.take(), S.pair.status().witnesses]).toEqual([
    'P active 1, S standby 1',
    'MAJOR failover: link cut',
    [
      { agent: 'a', says: 'served' },
      { agent: 'b', says: 'served' },
    ],
  ])
})

test('a PRIMARY that turns the SECONDARY away is not lost', async () => {
  const servers = await Servers.start()
  const { S } = servers
  S.take()
  S.pollPeer = () =>
    Promise.reject(new RefusedByPeer('stranger', 'forbidden', 'this PRIMARY has another SECONDARY', ''))
  await servers.pass(60)
  expect([servers.states, S.take(), S.pair.status().pollProblem]).toEqual([
    'P active 1, S standby 1',
    'MAJOR failover: turned away',
    'this PRIMARY has another SECONDARY',
  ])
})

test('the PRIMARY learns that the SECONDARY was switched off, and does not miss it as if it were lost', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  P.take()
  await S.pair.set({ mode: 'OFF' }, facts)
  await servers.pass(20)
  expect([servers.states, P.take()]).toEqual(['P active 1, S off 1', 'WARNING failover: off there'])
})

test('a force shows its price, and is refused where it makes no sense', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  servers.isLinked = false
  P.own = { ...P.own, position: { ...P.own.position, count: 500 } }
  await servers.pass(5)
  const price = S.pair.forcePrice()
  const refused = await P.pair.force().catch((thrown: unknown) => (thrown as FarwatchError).message)
  await S.pair.force()
  expect({ refused, states: servers.states, price }).toEqual({
    refused: 'this server is active already',
    states: 'P active 1, S active 2',
    price: {
      missingChanges: 0,
      lastContactMsAgo: price.lastContactMsAgo,
      configuration: { here: 'c-S', there: 'c-P' },
    },
  })
})

test('a term that was reached is known after a restart of both', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  await P.kill()
  await servers.pass(17)
  await S.kill()
  await S.start()
  await P.start()
  await servers.pass(3)
  expect(servers.states).toBe('P held 2, S active 2')
})

test('who joins as a SECONDARY with a history of its own does not pass for a copy, however late that is put away', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  await S.kill()
  await (await S.openFile()).write({ settings: defaultPairSettings, durable: neverPaired })
  S.own = { ...S.own, position: { term: 1, count: 9_000 } }
  await S.start()
  S.take()
  let end: () => void = () => undefined
  S.onCopyAnew = () => new Promise((resolve) => (end = resolve))
  await S.pair.set({ ...settings.S }, facts)
  await servers.pass(3)
  const joined = [servers.states, S.take(), P.pair.status().peer?.isWhole]
  const kept = (await S.openFile()).kept.durable.joins
  end()
  await servers.pass(3)
  await P.kill()
  await servers.pass(40)
  expect({ joined, kept, states: servers.states, S: S.take() }).toEqual({
    joined: ['P active 1, S standby 1', 'stop, (stopped acting), copy anew', false],
    kept: true,
    states: 'P down, S standby 1',
    S: '(follows), CRITICAL failover: no copy',
  })
})

test('settings that make no sense change nothing', async () => {
  const servers = await Servers.start()
  const checked = await servers.P.pair.set({ mode: 'STANDBY', timeoutMs: 1 }, facts)
  expect([checked.ok ? [] : checked.problems.map(({ path }) => path), servers.P.pair.settings()]).toEqual([
    ['timeoutMs', 'mode'],
    settings.P,
  ])
})

test('roles are exchanged when both are switched off, and a second PRIMARY beside one that is on is refused', async () => {
  const servers = await Servers.start()
  const { P, S } = servers
  const roleOf = async (server: Server, change: Partial<PairSettings>) => {
    const checked = await server.pair.set(change, facts)
    return checked.ok ? checked.value.role : checked.problems[0]?.message
  }
  await S.pair.set({ mode: 'OFF' }, facts)
  await servers.pass(1)
  const second = await roleOf(S, { role: 'PRIMARY' })
  // Nobody polls any more, and so the PRIMARY is asked.
  await P.pair.set({ mode: 'OFF' }, facts)
  expect([second, await roleOf(S, { role: 'PRIMARY' }), await roleOf(P, { role: 'SECONDARY' })]).toEqual([
    'the other instance is the PRIMARY already, and is switched on',
    'PRIMARY',
    'SECONDARY',
  ])
})

test('an instance without a pair acts, and answers with its first term', async () => {
  const server = new Server('P', new ManualClock())
  await server.start()
  const { state, mode } = server.pair.status()
  expect([server.pair.notActive(), server.pair.term(), state, mode]).toEqual([undefined, 1, 'off', 'OFF'])
  await server.kill()
})

test('whose role was set goes on as before until it is switched on', async () => {
  const server = new Server('S', new ManualClock())
  await server.start()
  await server.pair.set({ ...settings.S, mode: 'OFF' }, facts)
  const before = [server.pair.notActive(), server.pair.term(), server.take()]
  await server.pair.set({ mode: 'STANDBY' }, facts)
  const after = [server.pair.notActive(), server.state]
  await server.kill()
  expect([before, after, server.take()]).toEqual([
    [undefined, 1, ''],
    ['this server is standing by', 'standby 1'],
    'stop, (stopped acting), copy anew',
  ])
})

test('both shells understand each other over the signed protocol', async () => {
  const servers = await Servers.start()
  const { P, S, clock } = servers
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const fingerprint = fingerprintOf(publicKey.export({ type: 'spki', format: 'der' }))
  const answering = new Answering({
    clock,
    uuid: uuids.P,
    version: '1',
    role: () => P.pair.settings().role,
    peerUuid: () => P.pair.settings().peerUuid,
    peerKey: P.pair.peerKey,
    heard: (report) => P.pair.heard(report),
    exchange: async (message) => message,
  })
  clock.advance(1_000)
  const polling = new Polling({
    clock,
    signer: () => ({ uuid: uuids.S, privateKey, fingerprint }),
    publicKey: () => publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    version: '1',
    boot: randomUUID(),
    peerUrl: () => S.pair.settings().peerUrl,
    peerUuid: () => S.pair.settings().peerUuid,
    send: async ({ url, headers, body }) => {
      const answer = await answering.handle({ method: 'POST', path: url.pathname, headers, body })
      return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.body) }
    },
  })
  const answered = new Promise((resolve) => {
    S.pollPeer = async (...args) => {
      const answer = await polling.poll(...args)
      resolve(answer.report.state)
      return answer
    }
  })
  clock.advance(2_000)
  const state = await answered
  await P.pair.set({ ...settings.P }, facts)
  const pinned = (await P.openFile()).kept.peer?.fingerprint
  await P.pair.set({ mode: 'OFF', peerUuid: '' }, facts)
  expect([state, pinned, (await P.openFile()).kept.peer]).toEqual(['active', fingerprint, undefined])
})
