import { expect, test } from 'vitest'
import { defineConnector, defineMonitor, makeLibrary } from '../sdk/index.ts'
import type { Allowed } from './index.ts'
import { openTestInventory } from './testing.ts'

// A library in which one monitor runs what users write, and one does not.
const nowhere = () => Promise.reject(new Error('nothing runs here'))
const monitor = (id: string, runsCommands: boolean) =>
  defineMonitor({
    id,
    title: id,
    summary: 'A monitor.',
    connector: 'ssh',
    settings: { command: { kind: 'text', label: 'Command', default: 'id' } },
    metrics: { exit: { title: 'Exit', unit: '' } },
    period: '1m',
    timeout: '10s',
    tested: 'real server',
    ...(runsCommands ? { runsCommands: true } : {}),
    rules: [{ metric: 'failed', thresholds: { MAJOR: '> 0' } }],
    collect: async () => ({ metrics: {} }),
  })
const library = makeLibrary({
  connectors: [
    defineConnector({
      id: 'ssh',
      title: 'SSH',
      summary: 'A host.',
      settings: { host: { kind: 'text', label: 'Host' } },
      credentials: [],
      target: ({ host }) => host,
      open: () => ({ target: '', run: nowhere }),
    }),
  ],
  monitors: [monitor('ssh.command', true), monitor('host.linux', false)],
  plugins: [],
})

const profile = (...monitors: string[]) => ({
  name: 'own',
  connector: 'ssh',
  monitors: monitors.map((one) => ({ monitor: one })),
})
const group = (more: object = {}, profiles: string[] = ['own']) => ({
  name: 'acme',
  ...more,
  systems: [{ name: 'db1', connectors: [{ name: 'ssh', type: 'ssh', settings: { host: 'db1' }, profiles }] }],
})
const by = { author: 'ann' }
const editor: Allowed = (_, role) => role === 'editor'

async function problemsOf(work: Promise<unknown>): Promise<readonly string[]> {
  return work.then(
    () => [],
    ({ code, problems = [] }: { code?: string; problems?: readonly { path: string; message: string }[] }) =>
      problems.length === 0 ? [String(code)] : problems.map(({ path, message }) => `${path}: ${message}`),
  )
}

test('commands of users run only in a group where an administrator of all groups has allowed them', async () => {
  await using opened = await openTestInventory({ library })
  const { inventory } = opened
  const profiles = [profile('ssh.command', 'host.linux')]
  const refused = await problemsOf(inventory.apply({ profiles, groups: [group()] }, by))
  const allow = { profiles, groups: [group({ ownCommands: 'allowed' })] }
  const byEditor = await problemsOf(inventory.apply(allow, { ...by, allowed: editor }))
  await inventory.apply(allow, by)
  const tasks = inventory.tasks().map((task) => task.monitor)
  // What an editor may do with a group in which they are allowed: everything but to allow them.
  const edited = await problemsOf(
    inventory.apply({ groups: [group({ ownCommands: 'allowed', description: 'x' })] }, { ...by, allowed: editor }),
  )
  const takenBack = await problemsOf(inventory.apply({ groups: [{ name: 'acme' }] }, by))
  const unused = await problemsOf(
    inventory.apply({ groups: [group({ ownCommands: 'refused' }, [])] }, { ...by, allowed: editor }),
  )
  expect({ refused, byEditor, tasks, edited, takenBack, unused, left: inventory.tasks() }).toEqual({
    refused: [
      'groups[0].systems[0].connectors[0].profiles[0]: the group "acme" does not allow the monitor ssh.command, which runs commands that users wrote',
    ],
    byEditor: ['forbidden'],
    tasks: ['host.linux', 'ssh.command'],
    edited: [],
    takenBack: ['groups[0].ownCommands: is refused, and is used by groups["acme"].systems["db1"].connectors["ssh"]'],
    unused: [],
    left: [],
  })
})

test('a profile that comes to run commands is refused where a group that uses it does not allow that', async () => {
  await using opened = await openTestInventory({ library })
  const { inventory } = opened
  await inventory.apply({ profiles: [profile('host.linux')], groups: [group()] }, by)
  expect(await problemsOf(inventory.apply({ profiles: [profile('ssh.command')] }, by))).toEqual([
    'profiles[0]: the group "acme" does not allow the monitor ssh.command, which runs commands that users wrote',
  ])
})

test('what the group allows travels with its connectors, is exported, and is there again after a start', async () => {
  await using opened = await openTestInventory({ library })
  await opened.inventory.apply(
    { profiles: [profile('ssh.command')], groups: [group({ ownCommands: 'allowed' }), { name: 'other' }] },
    by,
  )
  const again = await opened.restart()
  const travelling = {
    parallelTasks: 0,
    parallelPerTarget: 8,
    processTimeoutMs: 60_000,
    logLevel: 'info',
    logDurationMs: 0,
    leaseMs: null,
  } as const
  const { connectors } = again.assignmentFor('local', travelling)
  const exported = again.document().groups?.map((one) => [one.name, one.ownCommands])
  expect([connectors.map((one) => one.ownCommands), exported]).toEqual([
    [true],
    [
      ['acme', 'allowed'],
      ['other', undefined],
    ],
  ])
})

test('who allowed commands in a group stands in the audit log, and who may not is told what it takes', async () => {
  await using opened = await openTestInventory({ library })
  const { inventory } = opened
  await inventory.apply({ groups: [{ name: 'acme' }] }, by)
  const allow = { groups: [{ name: 'acme', ownCommands: 'allowed' }] }
  const refused = await inventory.apply(allow, { author: 'bob', allowed: editor }).then(
    () => undefined,
    ({ message, hint }: { message: string; hint: string }) => [message, hint],
  )
  await inventory.apply(allow, by)
  const { entries } = await inventory.audit({ limit: 1 })
  expect([refused, entries]).toMatchObject([
    ['groups["acme"] may not be changed; nothing was changed', expect.stringContaining('admin')],
    [
      {
        who: 'ann',
        action: 'group changed',
        what: 'groups["acme"]',
        before: {},
        after: { ownCommands: 'allowed' },
      },
    ],
  ])
})
