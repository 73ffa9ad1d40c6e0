import { afterAll, beforeAll, expect, test } from 'vitest'
import { rowsOf } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { fingerprintAt, trust } from '../support/fleet.ts'
import { TestInstance, until } from '../support/instance.ts'

let target: CountingTarget
/** A server that watches nothing itself, of somebody else. */
let central: TestInstance
/** A standalone instance of one's own, with a configuration. */
let own: TestInstance

beforeAll(async () => {
  target = await CountingTarget.start()
  const small = { FARWATCH_PROCESSES: '1' }
  ;[central, own] = await Promise.all([
    TestInstance.start({ env: { ...small, FARWATCH_ROLE: 'server', FARWATCH_NAME: 'central' } }),
    TestInstance.start({ env: { ...small, FARWATCH_NAME: 'own' } }),
  ])
  await trust(central.url, await fingerprintAt(central.url), own.data)
  await own.call('applyConfiguration', { query: {}, body: countingDocument(target.url, 2) })
})
afterAll(async () => {
  await Promise.all([central, own].map((instance) => instance?.[Symbol.asyncDispose]()))
  await target?.[Symbol.asyncDispose]()
})

const runs = async (instance: TestInstance, group: string) =>
  [...(await rowsOf(instance, group)).values()].flat().filter(({ startedAt }) => startedAt !== null)

async function codeOf(method: string, path: string, body?: unknown): Promise<string> {
  const answer = await own.send(method, `/api/v1${path}`, body)
  const { error } = JSON.parse(answer.body) as { error?: { code: string } }
  return error === undefined ? String(answer.status) : `${answer.status} ${error.code}`
}

test('a pure server runs nothing itself, and says that nobody does', async () => {
  await central.call('applyConfiguration', { query: {}, body: countingDocument(target.url, 2, { group: 'theirs' }) })
  // The other instance asks the same target meanwhile: time goes by.
  await until(
    'time went by',
    () => runs(own, 'acme'),
    (all) => all.length >= 6,
  )
  const tasks = await central.call('listTasks', { query: { group: 'theirs' } })
  const groups = await central.call('listGroups')
  expect({
    tasks: tasks.map(({ state, agent, reason }) => [state, agent, reason !== null]),
    group: groups.find(({ name }) => name === 'theirs')?.state,
    runs: (await runs(central, 'theirs')).length,
    agents: (await central.call('listAgents')).length,
    roles: (await central.call('showInstance')).roles,
    ready: (await central.send('GET', '/readyz')).status,
  }).toEqual({
    tasks: [
      ['UNCOVERED', null, true],
      ['UNCOVERED', null, true],
    ],
    group: 'UNCOVERED',
    runs: 0,
    agents: 0,
    roles: { server: true, agent: false },
    ready: 200,
  })
})

test('a standalone instance that becomes an agent hides what it has, works for its server, and has everything back, without a restart', async () => {
  const { pid, uuid } = own
  const before = await own.call('showConfiguration')
  const shown = await runs(own, 'acme')
  const changed = await own.call('changeInstance', {
    body: { roles: { server: false, agent: true }, servers: [central.url] },
  })
  expect(changed.roles).toEqual({ server: false, agent: true })
  const hidden = await Promise.all([
    codeOf('GET', '/configuration'),
    codeOf('GET', '/tasks'),
    codeOf('GET', '/agents'),
    codeOf('PUT', '/configuration', {}),
    codeOf('GET', '/instance'),
    codeOf('GET', '/settings'),
    codeOf('GET', '/certificates'),
  ])
  await until(
    'it asks to be accepted',
    () => central.call('listAgents'),
    (all) => all.some(({ id, registration }) => id === uuid && registration === 'PENDING'),
  )
  await central.call('acceptAgent', { params: { id: uuid }, body: {} })
  await central.call('replaceAssociations', {
    query: {},
    body: { associations: [{ group: 'theirs', agents: ['own'] }] },
  })
  const theirs = await until(
    'it works for the other',
    () => runs(central, 'theirs'),
    (all) => all.length >= 4,
  )
  const own1 = hidden.filter((code) => code.endsWith('not-in-this-role')).length
  const back = await own.cli(['instance', 'set', '--role', 'standalone'])
  await own.signIn()
  const { roles } = await own.call('showInstance')
  const after = await own.call('showConfiguration')
  const again = await until(
    'it watches its own again',
    () => runs(own, 'acme'),
    (all) => all.length > shown.length + 2,
  )
  expect({
    hidden: own1,
    shown: hidden.slice(4),
    agent: [...new Set(theirs.map(({ agent }) => agent))],
    back: [back.code, back.stderr],
    roles,
    same: JSON.stringify(after) === JSON.stringify(before),
    kept: shown.every((row) => again.some(({ plannedAt }) => plannedAt === row.plannedAt)),
    pid: own.pid === pid,
    ready: (await own.send('GET', '/readyz')).status,
  }).toEqual({
    hidden: 4,
    shown: ['200', '200', '200'],
    agent: ['own'],
    back: [0, ''],
    roles: { server: true, agent: true },
    same: true,
    kept: true,
    pid: true,
    ready: 200,
  })
})
