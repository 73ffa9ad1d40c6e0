import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError, ManualClock } from '../base/index.ts'
import { hashToken, newToken, openDatabase, silentLog, type Database } from '../platform/index.ts'
import { openRegistry, type Announcement, type Registry } from './registry.ts'
import { linkSchema } from './registry-store.ts'
import { makeKeys } from './testing.ts'

let path: string
let database: Database
let clock: ManualClock
let audited: string[]

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'farwatch-registry-'))
  database = await openDatabase({ file: join(path, 'farwatch.db'), schema: [linkSchema] })
  clock = new ManualClock()
  audited = []
})
afterEach(async () => {
  await database.close()
  rmSync(path, { recursive: true, force: true })
})

const open = (): Promise<Registry> =>
  openRegistry({
    database,
    clock,
    secrets: { newToken, hashToken },
    audit: ({ who, action, what }) => {
      audited.push(`${who}: ${action} ${what}`)
      return []
    },
    log: silentLog,
    reservedNames: ['local'],
  })

function announcement(given: Partial<Announcement> = {}): Announcement {
  const keys = makeKeys()
  return {
    uuid: keys.signer.uuid,
    name: 'north-1',
    publicKey: keys.publicKey,
    fingerprint: keys.signer.fingerprint,
    sealingKey: keys.sealing.publicKey,
    version: '1.0.0',
    enrolmentToken: undefined,
    address: '203.0.113.7',
    ...given,
  }
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof FarwatchError ? thrown.code : String(thrown)),
  )

test('what was decided of an agent is still so after a restart', async () => {
  const before = await open()
  const [a, b, c] = [announcement(), announcement({ name: 'b' }), announcement({ name: 'c' })]
  for (const each of [a, b, c]) await before.announce(each)
  await before.accept(a.uuid, 'admin')
  await before.setOn(a.uuid, 'admin', false)
  await before.reject(b.uuid, 'admin')
  await before.remove(c.uuid, 'admin')
  const after = await open()
  const standings = await Promise.all([a, b, c].map((each) => after.announce(each)))
  expect({
    standings: standings.map(({ state }) => state),
    agents: after.agents(),
    audited,
  }).toEqual({
    standings: ['ACCEPTED', 'REJECTED', 'REVOKED'],
    agents: before.agents(),
    audited: [
      'admin: agent accepted agent north-1',
      'admin: agent deactivated agent north-1',
      'admin: agent rejected agent b',
      'admin: agent removed agent c',
    ],
  })
})

test('a rejected agent stays so until that is lifted, and is then like one never seen', async () => {
  const registry = await open()
  const agent = announcement()
  await registry.announce(agent)
  await registry.reject(agent.uuid, 'admin')
  clock.advance(90 * 86_400_000)
  await registry.expire()
  const rejected = await registry.announce(agent)
  await registry.lift(agent.uuid, 'admin')
  const lifted = registry.standing(agent.uuid, agent.fingerprint)
  const again = await registry.announce(agent)
  expect([rejected.state, lifted.state, again.state]).toEqual(['REJECTED', 'UNKNOWN', 'PENDING'])
})

test('a token accepts as many agents as it is for, in its time, and is nothing afterwards', async () => {
  const registry = await open()
  const { token, id } = await registry.createToken('admin', { expiresInMs: 60_000, uses: 2 })
  const say = (enrolmentToken: string) => registry.announce(announcement({ enrolmentToken }))
  const said = [await say('fw_guess'), await say(token), await say(token), await say(token)]
  const late = await registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  clock.advance(60_001)
  said.push(await say(late.token))
  const stored = JSON.stringify(await database.read('SELECT * FROM enrolment_token'))
  await registry.expire()
  expect({
    states: said.map(({ state }) => state),
    words: said.at(-1)?.message.slice(0, 55),
    names: registry.agents().map(({ name, registration }) => `${name} ${registration}`),
    by: registry.agents()[1]?.decidedBy,
    secret: stored.includes(token) || stored.includes(late.token),
    left: registry.tokens(),
  }).toEqual({
    states: ['PENDING', 'ACCEPTED', 'ACCEPTED', 'PENDING', 'PENDING'],
    words: 'The enrolment token is unknown, used up or expired. An ',
    names: ['north-1 PENDING', 'north-1 ACCEPTED', 'north-1-2 ACCEPTED', 'north-1 PENDING', 'north-1 PENDING'],
    by: `enrolment token ${id}`,
    secret: false,
    left: [],
  })
})

test('twenty hellos at one moment use a one-time token once', async () => {
  const registry = await open()
  const { token } = await registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  const said = await Promise.all(
    Array.from({ length: 20 }, () => registry.announce(announcement({ enrolmentToken: token }))),
  )
  expect(said.filter(({ state }) => state === 'ACCEPTED')).toHaveLength(1)
})

test('an accepted agent cannot take the name of another, nor that of the server itself', async () => {
  const registry = await open()
  const [first, second] = [announcement(), announcement({ name: 'south-1' })]
  for (const each of [first, second]) {
    await registry.announce(each)
    await registry.accept(each.uuid, 'admin')
  }
  await registry.announce({ ...second, name: 'north-1' })
  const third = announcement({ name: 'NORTH-1' })
  await registry.announce(third)
  expect({
    second: registry.agents()[1],
    codes: [
      await codeOf(registry.accept(third.uuid, 'admin')),
      await codeOf(registry.accept(third.uuid, 'admin', 'local')),
      await codeOf(registry.rename(second.uuid, 'admin', 'north-1')),
      await codeOf(registry.accept(third.uuid, 'admin', 'north-2')),
    ],
  }).toEqual({
    second: expect.objectContaining({ name: 'south-1', announcedName: 'north-1' }),
    codes: ['conflict', 'conflict', 'conflict', 'done'],
  })
})

test('the UUID of an agent with another key is refused, whether it was accepted or still waits', async () => {
  const registry = await open()
  const agent = announcement()
  await registry.announce(agent)
  const stranger = announcement({ uuid: agent.uuid })
  const waiting = await codeOf(registry.announce(stranger))
  await registry.accept(agent.uuid, 'admin')
  const accepted = await codeOf(registry.announce(stranger))
  expect([waiting, accepted, registry.agent(agent.uuid)?.fingerprint]).toEqual([
    'conflict',
    'conflict',
    agent.fingerprint,
  ])
})

test('strangers who make up identities are slowed down, and those who wait are forgotten after a day', async () => {
  const registry = await open()
  const known = announcement()
  await registry.announce(known)
  const codes: string[] = []
  for (let i = 0; i < 40; i++) codes.push(await codeOf(registry.announce(announcement())))
  const elsewhere = await codeOf(registry.announce(announcement({ address: '198.51.100.9' })))
  const { token } = await registry.createToken('admin', { expiresInMs: 1e9, uses: 1 })
  const withToken = await codeOf(registry.announce(announcement({ enrolmentToken: token })))
  const again = await codeOf(registry.announce(known))
  clock.advance(86_400_000)
  await registry.expire()
  expect({
    taken: codes.filter((code) => code === 'done').length,
    refused: [...new Set(codes.slice(29))],
    elsewhere,
    withToken,
    again,
    left: registry.agents().map(({ registration }) => registration),
  }).toEqual({
    taken: 29,
    refused: ['too-many-requests'],
    elsewhere: 'done',
    withToken: 'done',
    again: 'done',
    left: ['ACCEPTED'],
  })
})

test('a new key stands for the old one, which nobody can use again', async () => {
  const registry = await open()
  const agent = announcement()
  await registry.announce(agent)
  await registry.accept(agent.uuid, 'admin')
  const next = makeKeys(agent.uuid)
  const sent = { publicKey: next.publicKey, sealingKey: next.sealing.publicKey }
  const codes = [
    await codeOf(registry.changeKey(agent.uuid, next.signer.fingerprint, sent)),
    await codeOf(registry.changeKey(agent.uuid, agent.fingerprint, sent)),
    await codeOf(registry.changeKey(agent.uuid, next.signer.fingerprint, { ...sent, publicKey: agent.publicKey })),
  ]
  const again = await open()
  expect({
    codes,
    old: (await again.announce(agent)).state,
    now: again.standing(agent.uuid, next.signer.fingerprint).state,
  }).toEqual({ codes: ['conflict', 'done', 'conflict'], old: 'REVOKED', now: 'ACCEPTED' })
})
