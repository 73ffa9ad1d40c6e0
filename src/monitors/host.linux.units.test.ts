import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SshClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import units from './host.linux.units.ts'

const broken = `@@@ state
degraded
@@@ failed
broken.service loaded failed failed /usr/bin/false
● backup.timer   not-found failed failed  backup.timer
`
const calm = '@@@ state\nrunning\n@@@ failed\n'
const shown = `Id=ssh.service
Names=ssh.service sshd.service
LoadState=loaded
ActiveState=active
SubState=running
NRestarts=2

Id=nginx.service
Names=nginx.service
LoadState=not-found
ActiveState=inactive
SubState=dead
NRestarts=0
`

function host(listed: string, about = shown): SshClient {
  return {
    target: 'db1:22',
    run: async ({ words }) => ({
      exit: 0,
      stdout: words[0] === 'systemctl' ? about : listed,
      stderr: '',
      truncated: false,
      duration: 3,
    }),
  }
}

test('failed units are items, chosen ones are active or not under the names that were chosen', async () => {
  const settings = { units: ['sshd', 'nginx.service', 'gone.timer'], excludeFailed: ['backup*'] }
  const seen = await collectOnce(units, settings, { client: host(broken) })
  expectSound(units, seen)
  expect([seen, judgedBy(units, seen)]).toEqual([
    {
      metrics: {
        failed_units: 1,
        unit_failed: [{ labels: { unit: 'broken.service' }, value: 1 }],
        unit_active: [
          { labels: { unit: 'sshd' }, value: 1 },
          { labels: { unit: 'nginx.service' }, value: 0 },
          { labels: { unit: 'gone.timer' }, value: 0 },
        ],
        unit_restarts: [
          { labels: { unit: 'sshd' }, value: 2 },
          { labels: { unit: 'nginx.service' }, value: 0 },
        ],
      },
      facts: { state: 'degraded' },
      message: 'failed: broken.service; not active: nginx.service (not found), gone.timer (unknown)',
    },
    { 'unit failed': 'WARNING', 'unit not active': 'CRITICAL' },
  ])
})

test('a machine where nothing has failed is calm, and its failed items are gone', async () => {
  const seen = await collectOnce(units, {}, { client: host(calm) })
  expect([seen.metrics['unit_failed'], judgedBy(units, seen)]).toEqual([[], {}])
})

test('a machine without systemd says so', async () => {
  await expect(collectOnce(units, {}, { client: host('@@@ state\n@@@ failed\n') })).rejects.toMatchObject({
    reason: 'configuration',
  })
})

test('what there is to choose from is told', async () => {
  const listed = '@@@ units\nssh.service loaded active running OpenBSD Secure Shell server\n'
  const world = { client: host(listed), signal: AbortSignal.timeout(30_000) }
  expect(await units.candidates?.({}, world)).toEqual({ units: ['ssh.service'], excludeFailed: ['ssh.service'] })
})

test('whatever a host answers, the outcome is numbers or words', async () => {
  const mutate = (text: string) =>
    fc
      .tuple(fc.nat(text.length), fc.nat(60), fc.string({ maxLength: 40 }))
      .map(([at, length, other]) => text.slice(0, at) + other + text.slice(at + length))
  await fc.assert(
    fc.asyncProperty(mutate(broken), mutate(shown), async (listed, about) => {
      const client = host(listed, about)
      const seen = await collectOnce(units, { units: ['ssh'] }, { client }).catch((thrown: Error) => thrown)
      if (seen instanceof Error) expect(seen.name).toBe('TargetError')
      else expectSound(units, seen)
    }),
  )
})
