import { afterEach, expect, test } from 'vitest'
import { FarwatchError } from '../base/index.ts'
import type { Assignment, UploadBatch } from '../model/index.ts'
import { systemClock } from '../platform/index.ts'
import type { LinkClient } from './client.ts'
import { ServerClock } from './clock-offset.ts'
import type { LinkServerOptions } from './server.ts'
import {
  acceptTestAgent,
  emptyAssignment,
  putBefore,
  makeKeys,
  makeTestClient,
  startTestSide,
  trustOf,
  type TestClientOptions,
  type TestSide,
} from './testing.ts'

// An agent and the two servers of a pair, of which one acts.

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const never = new AbortController().signal
const leased: Assignment = { ...emptyAssignment, settings: { ...emptyAssignment.settings, leaseMs: 3_000 } }
const named = (version: string): Assignment => ({ ...leased, version })

async function side(acts: boolean, options: Partial<LinkServerOptions> = {}): Promise<TestSide> {
  const started = await startTestSide(acts, options)
  ends.push(started.stop)
  return started
}

/** An agent that both servers have accepted. */
async function agentOf(sides: readonly TestSide[], options: Partial<TestClientOptions> = {}): Promise<LinkClient> {
  const keys = options.keys ?? makeKeys()
  for (const one of sides) await acceptTestAgent(one, keys)
  const urls = sides.map(({ url }) => url)
  const client = makeTestClient(undefined, { url: '', servers: () => urls, trust: trustOf(sides), ...options, keys })
  ends.push(() => client.stop())
  return client
}

function heard(by: TestSide, fits: (said: TestSide['heard'][number]) => boolean): Promise<void> {
  return new Promise((resolve) => {
    by.onHeard = () => {
      if (by.heard.some(fits)) resolve()
    }
    by.onHeard()
  })
}

const seen = (agent: LinkClient) => agent.servers().map(({ acts, term, serves }) => ({ acts, term, serves }))

function batchOf(agent: string): UploadBatch {
  const entry = {
    kind: 'gap',
    task: 't',
    from: 0,
    to: 0,
    outcome: 'skipped',
    periodMs: 1_000,
    reason: 'overload',
  } as const
  return { format: 1, agent, spool: 's', from: 0, entries: [entry] }
}

/** Polls as an agent does: again at once where it was answered, else as soon as a server is there. */
function pollOn(agent: LinkClient, onAnswer: (version: string | undefined) => void): void {
  const stop = new AbortController()
  const polling = (async () => {
    let known: string | undefined
    while (!stop.signal.aborted) {
      const reached = new Promise<void>((resolve) => {
        const off = agent.onReached(() => {
          off()
          resolve()
        })
        stop.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      try {
        const given = await agent.assignment(known, stop.signal)
        known = given?.version ?? known
        onAnswer(known)
      } catch {
        await reached
      }
    }
  })()
  ends.push(async () => {
    stop.abort()
    await polling
  })
}

const servedBy = (agent: LinkClient, version: string): Promise<void> =>
  new Promise((resolve) => pollOn(agent, (known) => (known === version ? resolve() : undefined)))

test('an agent leaves a server that stands by for the next of its list at once', async () => {
  const [standby, active] = [await side(false), await side(true)]
  const agent = await agentOf([standby, active], { random: () => 0 })
  const given = await agent.assignment(undefined, never)
  expect([
    given?.version,
    agent.state().server,
    agent.servers().map(({ serves, message }) => [serves, message]),
  ]).toEqual([
    'v1',
    active.url,
    [
      [false, 'the server refused: this server stands by'],
      [true, ''],
    ],
  ])
})

test('a server that stands by hears when the other last served an agent, of one that never said hello to it', async () => {
  const active = await side(true, { assignmentFor: () => leased, holdMs: () => 500 })
  const standby = await side(false)
  const agent = await agentOf([active, standby])
  pollOn(agent, () => undefined)
  // Before it was served for the first time it may have told that nobody does.
  const ofServing = () => standby.heard.filter((said) => 'servedMsAgo' in said && said.servedMsAgo !== undefined)
  await heard(standby, () => ofServing().length >= 2)
  const late = { servedMsAgo: expect.any(Number), term: 1 }
  expect([ofServing()[0], standby.link.connected(), active.heard, seen(agent)]).toEqual([
    late,
    [],
    [],
    [
      { acts: true, term: 1, serves: true },
      { acts: false, term: 1, serves: false },
    ],
  ])
})

test('an agent that was served by nobody is no witness of a loss', async () => {
  const [one, other] = [await side(false), await side(false)]
  const agent = await agentOf([one, other])
  const refused = await agent.assignment(undefined, never).catch((thrown: FarwatchError) => thrown.code)
  await heard(one, () => true)
  await heard(other, () => true)
  expect([refused, one.heard[0], other.heard[0]]).toEqual([
    'not-in-this-role',
    { servedMsAgo: undefined, term: 1 },
    { servedMsAgo: undefined, term: 1 },
  ])
})

test('a server that hangs is left for the one that acts with a higher term, amid the question', async () => {
  let hang = false
  const old = await side(true, {
    assignmentFor: () => (hang ? new Promise<Assignment>(() => undefined) : named('of the old')),
  })
  const young = await side(false, { assignmentFor: () => named('of the young') })
  const problems: string[] = []
  const agent = await agentOf([old, young], {
    onState: ({ message }) => void (message === '' ? undefined : problems.push(message)),
  })
  await agent.assignment(undefined, never)
  hang = true
  old.link.changed()
  const asked = agent.assignment('of the old', never)
  await heard(young, (said) => 'servedMsAgo' in said && said.servedMsAgo !== undefined)
  young.become({ acts: true, term: 2 })
  const given = await asked
  await heard(old, (said) => 'term' in said && said.term === 2)
  expect([given?.version, problems, seen(agent)]).toEqual([
    'of the young',
    [],
    [
      { acts: true, term: 1, serves: false },
      { acts: true, term: 2, serves: true },
    ],
  ])
})

test('while neither acts both go on hearing of the agent, and the one that begins to is worked for', async () => {
  const [one, other] = [await side(false), await side(false, { assignmentFor: () => named('of the other') })]
  const agent = await agentOf([one, other])
  const served = servedBy(agent, 'of the other')
  for (const each of [one, other]) await heard(each, () => each.heard.length >= 3)
  other.become({ acts: true, term: 2 })
  await served
  expect(seen(agent)).toEqual([
    { acts: false, term: 1, serves: false },
    { acts: true, term: 2, serves: true },
  ])
})

test('a server that acts no longer lets polls go, and whoever waited is served by the other', async () => {
  let onPoll = () => undefined as void
  const old = await side(true, { assignmentFor: () => named('of the old'), polled: () => onPoll() })
  const young = await side(false, { assignmentFor: () => named('of the young') })
  const agent = await agentOf([old, young])
  await agent.assignment(undefined, never)
  const waits = new Promise<void>((resolve) => (onPoll = resolve))
  const asked = agent.assignment('of the old', never)
  await waits
  young.become({ acts: true, term: 2 })
  old.become({ acts: false, term: 1 })
  expect([(await asked)?.version, old.link.connected(), young.link.connected().length]).toEqual(['of the young', [], 1])
})

test('what a server stored that acts no longer it does not acknowledge: it is sent to the one that does', async () => {
  const stored: string[] = []
  const keys = makeKeys()
  const old = await side(true, {
    upload: async () => {
      stored.push('old')
      young.become({ acts: true, term: 2 })
      old.become({ acts: false, term: 2 })
      return { acknowledged: 1, safe: 1, pauseMs: 0 }
    },
  })
  const young: TestSide = await side(false, {
    upload: async () => {
      stored.push('young')
      return { acknowledged: 1, safe: 0, pauseMs: 0 }
    },
  })
  const agent = await agentOf([old, young], { keys })
  const answer = await agent.upload(batchOf(keys.signer.uuid), never)
  expect([stored, answer.safe]).toEqual([['old', 'young'], 0])
})

test('a server that hangs, and knows the term of the one that acts already, is left for that one', async () => {
  let hang = false
  const old = await side(true, {
    assignmentFor: () => (hang ? new Promise<Assignment>(() => undefined) : named('of the old')),
    holdMs: () => 500,
  })
  const young = await side(false, { assignmentFor: () => named('of the young') })
  const agent = await agentOf([old, young])
  await agent.assignment(undefined, never)
  hang = true
  old.link.changed()
  const asked = agent.assignment('of the old', never)
  await heard(young, (said) => 'servedMsAgo' in said && said.servedMsAgo !== undefined)
  // It lets nobody go.
  old.now = { acts: false, term: 2 }
  young.become({ acts: true, term: 2 })
  expect([(await asked)?.version, seen(agent).map(({ serves }) => serves)]).toEqual(['of the young', [false, true]])
})

test('a server that says that it does not act is left, whatever it refuses a message for', async () => {
  const keys = makeKeys()
  const old = await side(true, {
    upload: async () => {
      old.now = { acts: false, term: 2 }
      young.become({ acts: true, term: 2 })
      throw new FarwatchError('overloaded', 'not now')
    },
  })
  const young: TestSide = await side(false)
  const agent = await agentOf([old, young], { keys })
  const answer = await agent.upload(batchOf(keys.signer.uuid), never)
  expect([answer.acknowledged, seen(agent).map(({ serves }) => serves)]).toEqual([1, [false, true]])
})

test('a server that has ended says who acts, and not that it is stopping', async () => {
  const [old, young] = [await side(true), await side(false)]
  const messages: string[] = []
  const agent = await agentOf([old, young], { onState: ({ message }) => void messages.push(message) })
  await agent.assignment(undefined, never)
  old.link.stop()
  old.now = { acts: false, term: 2 }
  young.become({ acts: true, term: 2 })
  await agent.assignment(undefined, never)
  expect(new Set(messages)).toEqual(new Set(['', 'the server refused: this server stands by']))
})

test('an agent that knows one server finds the other after its restart, when the first one is gone', async () => {
  const keys = makeKeys()
  let told: readonly string[] = []
  const memory = {
    read: () => told,
    note: (urls: readonly string[]) => {
      told = urls
    },
  }
  const first: TestSide = await side(true, { servers: () => [first.url, `${second.url}/`] })
  const second: TestSide = await side(false, { assignmentFor: () => named('of the second') })
  const about = { keys, told: memory, servers: () => [first.url] }
  const before = await agentOf([first, second], about)
  await before.assignment(undefined, never)
  await before.stop()
  first.https.closeAllConnections()
  first.https.close()
  second.become({ acts: true, term: 2 })
  const after = await agentOf([second], { ...about, trust: trustOf([first, second]) })
  const given = await after.assignment(undefined, never)
  expect([given?.version, after.servers().map(({ url, serves }) => [url, serves])]).toEqual([
    'of the second',
    [
      [first.url, false],
      [second.url, true],
    ],
  ])
})

test('an agent that was given the standby alone is led to the one that acts', async () => {
  const active = await side(true)
  const standby = await side(false, { activeServer: () => active.url })
  const agent = await agentOf([active, standby], { servers: () => [standby.url] })
  expect([(await agent.assignment(undefined, never))?.version, agent.state().server]).toEqual(['v1', active.url])
})

test('a server of before witnesses is told once, and worked with like any other', async () => {
  const asked: string[] = []
  const active = await side(true, { assignmentFor: () => leased, holdMs: () => 300 })
  const former = await side(false)
  putBefore(former, (request) => {
    asked.push(request.path)
    return former.link.handle({ ...request, path: request.path.replace(/witness$/, 'unheard-of') })
  })
  const agent = await agentOf([former, active])
  let polls = 0
  await new Promise<void>((resolve) =>
    pollOn(agent, () => {
      polls += asked.some((path) => path.endsWith('witness')) ? 1 : 0
      if (polls > 12) resolve()
    }),
  )
  const calls = asked.filter((path) => path.endsWith('witness'))
  active.become({ acts: false, term: 1 })
  former.become({ acts: true, term: 2 })
  await new Promise<void>((resolve) =>
    pollOn(agent, () => (agent.state().server === former.url ? resolve() : undefined)),
  )
  expect(calls).toEqual(['/link/v1/witness'])
})

test('an agent lives by the time of the server that acts, however far that of the other is off', async () => {
  const day = 86_400_000
  const active = await side(true, { assignmentFor: () => leased, holdMs: () => 300 })
  const ahead = { ...systemClock, now: () => systemClock.now() + day }
  const standby = await side(false, { clock: ahead, assignmentFor: () => named('of the other') })
  const serverClock = new ServerClock(systemClock)
  const agent = await agentOf([standby, active], { serverClock })
  pollOn(agent, () => undefined)
  await heard(standby, (said) => 'servedMsAgo' in said && said.servedMsAgo !== undefined)
  // Without the sign of a zero.
  const days = () => Math.round(serverClock.status()!.wallOffsetMs / day) + 0
  const before = days()
  const followed = servedBy(agent, 'of the other')
  standby.become({ acts: true, term: 2 })
  active.become({ acts: false, term: 2 })
  await followed
  expect([before, days()]).toEqual([0, 1])
})
