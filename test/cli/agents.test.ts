import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { adminToken, startTestApi, type TestApi } from '../../src/api/testing.ts'
import { makeKeys } from '../../src/link/testing.ts'
import { runCommand } from '../support/command.ts'
import { scratchDirectory } from '../support/launch.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi()
})
afterEach(() => api.stop())

const cli = (...args: readonly string[]) => runCommand(args, { url: api.url, token: adminToken })

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length))

async function pending(name: string): Promise<string> {
  const keys = makeKeys()
  api.agent({
    keys,
    describe: () => ({
      name,
      version: '1.0.0',
      monitors: { 'tcp.port': 'a1', 'http.response': 'b1' },
      machine: { hostname: name, platform: 'linux', cores: 2, memoryBytes: 2 ** 32 },
    }),
    command: async (command, sendText) => {
      if (command.is === 'send-logs') await sendText('{"event":"one"}\n')
    },
  })
  await api.until(() => api.registry.agent(keys.signer.uuid) !== undefined)
  return keys.signer.uuid
}

const isOnline = (id: string) => () =>
  api.distribution.agents().some((agent) => agent.id === id && agent.runtime === 'ONLINE')

test('agents are listed with what an administrator compares, accepted by the beginning of an id, and named from then on', async () => {
  const id = await pending('north-1.data-centre.acme.example')
  const waiting = await cli('agents')
  const accepted = await cli('agents', 'accept', id.slice(0, 6), '--name', 'north-1')
  await api.until(isOnline(id))
  const [list, show, json] = [
    await cli('agents', 'list'),
    await cli('agents', 'show', 'north-1'),
    await cli('agents', 'list', '--json'),
  ]
  const { fingerprint } = api.registry.agent(id)!
  expect([
    waiting.out.includes(`north-1.data-centre.acme.example waits to be accepted`),
    waiting.out.includes(`\n${fingerprint}\n`),
    accepted,
    list.out.split('\n').map((row) => row.split(/ {2,}/).slice(1, 5)),
    show.out.split('\n').map((row) => row.split(/ {2,}/)[0]),
    (JSON.parse(json.out) as { name: string }[]).map(({ name }) => name),
    widest(waiting.out) <= 95 && widest(list.out) <= 80,
  ]).toEqual([
    true,
    true,
    { code: 0, out: `north-1 is accepted, with the fingerprint\n${fingerprint}\n`, err: '' },
    [['NAME', 'STATE', 'CONNECTORS', 'LOAD'], ['local', 'ONLINE', '0', '0 %'], ['north-1', 'ONLINE', '0', '0 %'], []],
    [
      ...['Id', 'Name', 'Calls itself', 'State', 'Fingerprint', 'Version', 'Machine', 'Address', 'Groups', 'Runs'],
      ...['Load', 'Memory', 'Disk', 'Spool', 'Clock', 'Last seen', 'Decided', ''],
    ],
    ['local', 'north-1'],
    true,
  ])
})

test('work is drained, given back and taken away by name, and each command says what became of it', async () => {
  const id = await pending('north-1')
  const said = [await cli('agents', 'accept', id)]
  await api.until(isOnline(id))
  for (const words of [
    ['drain', 'north-1'],
    ['undrain', 'north-1'],
    ['deactivate', 'north-1'],
    ['activate', 'north-1'],
    ['rename', 'north-1', 'south-1'],
    ['logs', 'south-1'],
    ['remove', 'south-1'],
    ['remove', 'south-1'],
    ['remove', 'local'],
  ])
    said.push(await cli('agents', ...words))
  expect(
    said.slice(1).map(({ code, out, err }) => [code, (out + err).replace(/ {2}\d connectors left\n/g, '')]),
  ).toEqual([
    [
      0,
      'north-1 is drained: others run what it ran, and nothing was missed.\nDraining north-1; that goes on where this command is interrupted.\n',
    ],
    [0, 'north-1 gets work again.\n'],
    [0, 'north-1 is deactivated: it gets no work.\n'],
    [0, 'north-1 is active.\n'],
    [0, 'It is called south-1.\n'],
    [0, '{"event":"one"}\n'],
    [0, 'south-1 is removed, and its key revoked.\n'],
    [1, 'farwatch: there is no agent "south-1" [not-found]\n  Known: local.\n'],
    [
      1,
      expect.stringContaining("farwatch: the server's own agent cannot be removed [conflict]\n  It goes with the role"),
    ],
  ])
})

test('a drain that cannot end names what is left and why, and fails', async () => {
  const id = await pending('north-1')
  await cli('agents', 'accept', id)
  await api.inventory.apply(
    {
      profiles: [{ name: 't', connector: 'tcp', monitors: [{ monitor: 'tcp.port' }] }],
      groups: [
        {
          name: 'acme',
          systems: [
            {
              name: 's',
              connectors: [{ name: 'c', type: 'tcp', settings: { host: 'h', port: 1 }, profiles: ['t'] }],
            },
          ],
        },
      ],
      associations: [{ group: 'acme', agents: ['north-1'] }],
    },
    { author: 'ann' },
  )
  await api.until(() => [...api.distribution.placement().places.values()].some((at) => at.is === 'settled'))
  const { code, err } = await cli('agents', 'drain', 'north-1', '--json')
  expect([code, err]).toEqual([
    1,
    'farwatch: 1 connector of north-1 cannot move to another agent [conflict]\n  acme/s/c: no other agent can run it\n  The drain goes on: they move as soon as they can. `undrain` takes it back.\n',
  ])
})

test('an enrolment token comes with what to paste, is listed without itself, and can be made worthless', async () => {
  await api.keystore.generate(['watch.example.org'])
  const made = await cli('agents', 'token', '--expires', '1h', '--uses', '3', '--note', 'acme')
  const [token] = api.registry.tokens()
  const listed = await cli('agents', 'tokens')
  const removed = await cli('agents', 'remove-token', token!.id)
  const { port } = new URL(api.url)
  expect([
    made.out.split('\n').map((row) => row.replace(/fw_[\w-]+/, 'fw_…').replace(/([0-9A-F]{2}:){31}[0-9A-F]{2}/, '…')),
    listed.out.includes(`${token!.id}  3/3`),
    removed.out,
    api.registry.tokens(),
    await cli('agents', 'token', '--uses', 'many'),
  ]).toEqual([
    [
      `Good for 3 agents until ${new Date(token!.expiresAt).toISOString()}; it is not shown again.`,
      '',
      "On the agent's machine:",
      '',
      `  farwatch trust https://watch.example.org:${port} --fingerprint … &&`,
      `  FARWATCH_ENROLMENT_TOKEN=fw_… farwatch start --role agent --server https://watch.example.org:${port}`,
      '',
    ],
    true,
    'The token is worthless now.\n',
    [],
    { code: 2, out: '', err: 'farwatch: --uses must be a whole number, not "many" [wrong-use]\n' },
  ])
})

test('what is no action, no agent or a word too many is wrong use, and says what is meant', async () => {
  const said = [
    await cli('agents', 'acept', 'x'),
    await cli('agents', 'accept'),
    await cli('agents', 'list', 'x'),
    await cli('instance', 'set'),
    await cli('instance', 'set', '--role', 'master'),
  ]
  expect(said.map(({ code, err }) => [code, err.split('\n').slice(0, 2).join('|')])).toEqual([
    [2, 'farwatch: agents acept: there is no such action [wrong-use]|  Did you mean "accept"?'],
    [2, 'farwatch: agents accept needs an agent: its id, the beginning of it, or its name [wrong-use]|'],
    [2, 'farwatch: agents list: "x" is one word too many [wrong-use]|'],
    [2, 'farwatch: instance set needs what to set [wrong-use]|  Give --role, --name, --server or --proxy.'],
    [2, 'farwatch: --role master: there is no such role [wrong-use]|  Known: standalone, server, agent.'],
  ])
})

test('the role changes by command, and an instance that is only an agent shows its connection as its status', async () => {
  await using scratch = await scratchDirectory()
  const set = await cli('instance', 'set', '--role', 'agent', '--server', 'https://watch.example.org:8443')
  api.handlers = {
    ...api.handlers,
    showConnection: () => ({
      server: 'https://watch.example.org:8443',
      state: 'pending',
      message: 'An administrator of the server has to accept this agent.',
      fingerprint: 'AA:BB',
      serverVersion: '1.0.0',
      protocol: 1,
      answeredAt: '2026-01-31T12:00:00.000Z',
      clock: null,
      term: 1,
      servers: [],
      assignment: null,
      kept: false,
      tasks: 0,
      running: 0,
      waiting: 0,
      isolated: false,
      spool: { entries: 0, bytes: 0, oldestAt: null },
      upload: { reached: false, behind: 0, problem: null },
    }),
  }
  const status = await cli('status')
  const file = join(scratch.path, 'own.log')
  const logs = await cli('instance', 'logs', '-o', file)
  expect([
    set.out.split('\n').slice(2, 4),
    status.out.split('\n').slice(1),
    [logs.code, await readFile(file, 'utf8')],
    (await cli('instance', 'set', '--role', 'standalone')).out.split('\n')[2],
  ]).toEqual([
    ['Role         agent', 'Servers      https://watch.example.org:8443'],
    [
      'Role         agent',
      'Server       https://watch.example.org:8443',
      'State        pending',
      '             An administrator of the server has to accept this agent.',
      'Fingerprint  AA:BB',
      'Last answer  2026-01-31T12:00:00.000Z',
      'Runs         0 tasks; 0 running, 0 waiting',
      'Spool        0 results, 0 MiB',
      '',
    ],
    [0, ''],
    'Role         standalone (server and agent)',
  ])
})
