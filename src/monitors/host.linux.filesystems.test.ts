import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SshClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import filesystems from './host.linux.filesystems.ts'

const answer = `@@@ mounts
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:1 /x /again rw - ext4 /dev/sda1 rw
3 1 8:2 / /my\\040disk ro - xfs /dev/sdb ro
4 1 0:9 / /nfs rw - nfs4 far:/ rw
5 1 8:3 / /snap/core/1 ro - squashfs /dev/loop0 ro
@@@ space
Filesystem 1024-blocks Used Available Capacity Mounted on
/dev/sda1 1000 900 50 95% /
/dev/sda1 1000 900 50 95% /again
/dev/sdb 1000 400 600 40% /my disk
@@@ inodes
Filesystem Inodes IUsed IFree IUse% Mounted on
/dev/sda1 100 96 4 96% /
/dev/sdb 100 10 90 10% /my disk
`
const far = 'Filesystem 1024-blocks Used Available Capacity Mounted on\nfar:/ 1000 100 900 10% /nfs\n'

const asked: (readonly string[])[] = []
function host(local: string): SshClient {
  return {
    target: 'db1:22',
    run: async ({ words }) => {
      asked.push(words)
      const stdout = words[0] === 'df' ? far : local
      return { exit: 0, stdout, stderr: '', truncated: false, duration: 3 }
    },
  }
}

test('each file system counts once, and a full one raises', async () => {
  const seen = await collectOnce(filesystems, {}, { client: host(answer) })
  expectSound(filesystems, seen)
  expect([seen.metrics, judgedBy(filesystems, seen)]).toEqual([
    {
      filesystem_used: [
        { labels: { mount: '/' }, value: (100 * 900) / 950 },
        { labels: { mount: '/my disk' }, value: 40 },
      ],
      filesystem_available: [
        { labels: { mount: '/' }, value: 51_200 },
        { labels: { mount: '/my disk' }, value: 614_400 },
      ],
      filesystem_size: [
        { labels: { mount: '/' }, value: 1_024_000 },
        { labels: { mount: '/my disk' }, value: 1_024_000 },
      ],
      filesystem_readonly: [
        { labels: { mount: '/' }, value: 0 },
        { labels: { mount: '/my disk' }, value: 1 },
      ],
      inodes_used: [
        { labels: { mount: '/' }, value: 96 },
        { labels: { mount: '/my disk' }, value: 10 },
      ],
    },
    { 'file system full': 'WARNING', 'inodes used up': 'CRITICAL' },
  ])
})

test('network drives are asked for by name, as words that no shell reads', async () => {
  asked.length = 0
  const seen = await collectOnce(
    filesystems,
    { mounts: ['/my*'], further: ['/nfs', '/$(id)'] },
    { client: host(answer) },
  )
  expect([asked.at(-1), seen.metrics['filesystem_used']]).toEqual([
    ['df', '-kP', '--', '/nfs', '/$(id)'],
    [
      { labels: { mount: '/my disk' }, value: 40 },
      { labels: { mount: '/nfs' }, value: 10 },
    ],
  ])
})

test('what there is to choose from is told', async () => {
  const world = { client: host(answer), signal: AbortSignal.timeout(30_000) }
  expect(await filesystems.candidates?.({}, world)).toEqual({
    mounts: ['/', '/again', '/my disk'],
    excludeMounts: ['/', '/again', '/my disk'],
    further: ['/nfs'],
  })
})

test('a host without df says so, and whatever one answers, the outcome is numbers or words', async () => {
  await expect(collectOnce(filesystems, {}, { client: host('') })).rejects.toMatchObject({ reason: 'protocol' })
  const mutated = fc
    .tuple(fc.nat(answer.length), fc.nat(60), fc.string({ maxLength: 40 }))
    .map(([at, length, other]) => answer.slice(0, at) + other + answer.slice(at + length))
  await fc.assert(
    fc.asyncProperty(mutated, async (text) => {
      const seen = await collectOnce(filesystems, {}, { client: host(text) }).catch((thrown: Error) => thrown)
      if (seen instanceof Error) expect(seen.name).toBe('TargetError')
      else expectSound(filesystems, seen)
    }),
  )
})
