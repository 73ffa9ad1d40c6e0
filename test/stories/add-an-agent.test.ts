import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Agent } from '../../src/contract/index.ts'
import { fingerprintAt, online, trust } from '../support/fleet.ts'
import { TestInstance, runCli, until } from '../support/instance.ts'
import { scratchDirectory } from '../support/launch.ts'

const execute = promisify(execFile)
let server: TestInstance

beforeAll(async () => {
  server = await TestInstance.start({ env: { FARWATCH_ROLE: 'server', FARWATCH_NAME: 'central' } })
})
afterAll(() => server?.[Symbol.asyncDispose]())

/** An agent that works for the server of this file, in a directory of its own unless one is given. */
function startAgent(
  name: string,
  options: { data?: string; token?: string; serverUrl?: string } = {},
): Promise<TestInstance> {
  const { data, token, serverUrl = server.url } = options
  return TestInstance.start({
    ...(data === undefined ? {} : { data }),
    env: {
      FARWATCH_ROLE: 'agent',
      FARWATCH_NAME: name,
      FARWATCH_SERVER: serverUrl,
      FARWATCH_PROCESSES: '1',
      ...(token === undefined ? {} : { FARWATCH_ENROLMENT_TOKEN: token }),
    },
  })
}

const known = (name: string) => async (): Promise<Agent | undefined> =>
  (await server.call('listAgents')).find((agent) => agent.announcedName === name)

/** The states that an agent shows of its own connection, waited for. */
const stands = (agent: TestInstance, state: string) =>
  until(
    `its connection is ${state}`,
    () => agent.call('showConnection'),
    (connection) => connection.state === state,
  )

test('an agent refuses the certificate of the first start with all that is needed, until it is trusted, by command, while it runs', async () => {
  await using agent = await startAgent('north-1')
  const { pid } = agent
  const fingerprint = await fingerprintAt(server.url)
  const { message } = await until(
    'it says why it does not connect',
    () => agent.call('showConnection'),
    (connection) => connection.message.includes(fingerprint),
  )
  const port = new URL(server.url).port
  const said = [
    `https://127.0.0.1:${port}`,
    'Wanted: 127.0.0.1',
    'It bears: localhost',
    fingerprint,
    'farwatch certificate generate',
    `farwatch trust https://127.0.0.1:${port} --fingerprint ${fingerprint}`,
  ]
  await until(
    'it has logged so',
    async () => said.filter((words) => !agent.log.includes(words)),
    ({ length }) => length === 0,
  )
  const { wrong, unasked } = {
    wrong: await runCli(['trust', server.url, '--fingerprint', 'AB'.repeat(32), '--yes', '--data', agent.data]),
    unasked: await known('north-1')(),
  }
  expect({
    notSaid: said.filter((words) => !message.includes(words)),
    wrong: [wrong.code, /\[([a-z-]+)\]/.exec(wrong.stderr)?.[1]],
    unasked,
  }).toEqual({ notSaid: [], wrong: [1, 'untrusted-certificate'], unasked: undefined })

  await trust(server.url, fingerprint, agent.data)
  const pending = await stands(agent, 'pending')
  const waiting = (await known('north-1')())!
  const own = await agent.call('showInstance')
  await until(
    'it has logged its fingerprint',
    async () => agent.log,
    (log) => log.includes(waiting.fingerprint),
  )
  expect({
    registration: waiting.registration,
    id: waiting.id === agent.uuid,
    fingerprints: new Set([waiting.fingerprint, pending.fingerprint, own.fingerprint]).size,
    samePid: agent.pid === pid,
    groups: waiting.groups,
  }).toEqual({ registration: 'PENDING', id: true, fingerprints: 1, samePid: true, groups: [] })

  const accepted = await server.cli(['agents', 'accept', agent.uuid])
  await stands(agent, 'connected')
  await online(server, ['north-1'])
  const listed = await server.cli(['agents', 'list'])
  expect([accepted.code, /north-1.*ONLINE/.test(listed.stdout)]).toEqual([0, true])

  // Another certificate is shown to new connections at once. An agent that is connected is not dropped for it, and comes back once it trusts.
  await server.call('generateCertificate', { body: { names: ['localhost', '127.0.0.1'] } })
  const next = await fingerprintAt(server.url)
  const { lastSeenAt } = (await known('north-1')())!
  const later = await until(
    'the agent called again',
    known('north-1'),
    (now) => now!.lastSeenAt! > lastSeenAt! && now!.runtime === 'ONLINE',
  )
  await agent.call('trustCertificate', { body: { url: server.url, fingerprint: next } })
  const { answeredAt } = await agent.call('showConnection')
  const connection = await until(
    'it goes on under the new one',
    () => agent.call('showConnection'),
    (now) => now.state === 'connected' && now.answeredAt! > answeredAt!,
  )
  expect({ another: next !== fingerprint, runtime: later?.runtime, message: connection.message }).toEqual({
    another: true,
    runtime: 'ONLINE',
    message: '',
  })

  // Removed, its key is worth nothing from the next exchange on, and it says so.
  const removed = await server.cli(['agents', 'remove', agent.uuid])
  const revoked = await stands(agent, 'revoked')
  expect([removed.code, await known('north-1')(), revoked.message.length > 20]).toEqual([0, undefined, true])
  await until(
    'it logged so',
    async () => agent.log,
    (log) => log.includes('revoked'),
  )
})

test('an agent that trusts before its first start waits to be accepted; rejected it gets nothing until that is lifted', async () => {
  await using data = await scratchDirectory()
  await trust(server.url, await fingerprintAt(server.url), data.path)
  await using agent = await startAgent('north-2', { data: data.path })
  await stands(agent, 'pending')
  const rejected = await server.cli(['agents', 'reject', agent.uuid])
  await stands(agent, 'rejected')
  const then = await known('north-2')()
  await server.call('liftAgent', { params: { id: agent.uuid } })
  await stands(agent, 'pending')
  const again = await known('north-2')()
  await server.call('acceptAgent', { params: { id: agent.uuid }, body: { name: 'north-b' } })
  await online(server, ['north-b'])
  expect([rejected.code, then?.registration, again?.registration]).toEqual([0, 'REJECTED', 'PENDING'])
})

test('a token accepts one agent by itself, and neither a second nor after its time', async () => {
  const fingerprint = await fingerprintAt(server.url)
  await using stack = new AsyncDisposableStack()
  const start = async (name: string, token: string) => {
    const data = stack.use(await scratchDirectory()).path
    await trust(server.url, fingerprint, data)
    return stack.use(await startAgent(name, { data, token }))
  }
  const once = await server.call('createEnrolmentToken', { body: { expiresIn: '10m', uses: 1 } })
  const short = await server.call('createEnrolmentToken', { body: { expiresIn: '1s', uses: 10 } })
  const first = await start('east-1', once.token)
  await online(server, ['east-1'])
  await until(
    'the other has expired',
    async () => Date.now(),
    (now) => now > Date.parse(short.expiresAt) + 500,
  )
  const [second, late] = await Promise.all([start('east-2', once.token), start('east-3', short.token)])
  const waiting = await Promise.all([stands(second, 'pending'), stands(late, 'pending')])
  const shown = [first, second, late].map(({ log }) => [once.token, short.token].some((token) => log.includes(token)))
  expect({
    registrations: (await server.call('listAgents'))
      .filter(({ announcedName }) => announcedName.startsWith('east-'))
      .map(({ announcedName, registration }) => `${announcedName} ${registration}`)
      .sort(),
    told: waiting.map(({ message }) => /token/.test(message)),
    shown,
    left: (await server.call('listEnrolmentTokens')).filter(({ id }) => id === once.id).map(({ usesLeft }) => usesLeft),
  }).toEqual({
    registrations: ['east-1 ACCEPTED', 'east-2 PENDING', 'east-3 PENDING'],
    told: [true, true],
    shown: [false, false, false],
    left: [0],
  })
})

test("openssl and Java's keytool open the keystore of an agent that trusts a server", async () => {
  await using data = await scratchDirectory()
  const fingerprint = await fingerprintAt(server.url)
  await trust(server.url, fingerprint, data.path)
  await using agent = await startAgent('west-1', { data: data.path })
  await stands(agent, 'pending')
  const store = join(data.path, 'certificates', '.keystore')
  const password = join(data.path, 'keys', 'keystore.password')
  const opened = await execute('openssl', ['pkcs12', '-in', store, '-nokeys', '-passin', `file:${password}`])
  const listed = await execute('keytool', ['-list', '-keystore', store, '-storepass:file', password])
  const kinds = [...listed.stdout.matchAll(/(PrivateKeyEntry|trustedCertEntry)/g)].map(([kind]) => kind).sort()
  expect({
    certificates: opened.stdout.match(/BEGIN CERTIFICATE/g)?.length,
    kinds,
    trusted: listed.stdout.includes(fingerprint),
  }).toEqual({ certificates: 2, kinds: ['PrivateKeyEntry', 'trustedCertEntry'], trusted: true })
})
