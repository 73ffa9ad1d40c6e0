import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SshClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import processes from './host.linux.processes.ts'

const output = (cpu: string) => `Ss    12000  2-03:04:05 00:01:00 /sbin/init
S      4000       05:00 ${cpu} nginx: worker process
S      2000       01:40 00:00:10 nginx: worker process
Z         0       00:01 00:00:00 [sh] <defunct>
`

function host(stdout: string): SshClient {
  return { target: 'db1:22', run: async () => ({ exit: 1, stdout, stderr: '', truncated: false, duration: 3 }) }
}

test('processes are counted by their command lines, and their time becomes a share', async () => {
  const settings = { processes: { web: 'nginx: worker*', none: 'no such*' } }
  let kept: unknown
  const remember = (value: unknown) => (kept = JSON.parse(JSON.stringify(value)))
  await collectOnce(processes, settings, { client: host(output('00:00:20')), remember, now: () => 0 })
  const world = { client: host(output('00:00:50')), previous: kept, now: () => 60_000 }
  const seen = await collectOnce(processes, settings, world)
  expectSound(processes, seen)
  const of = (process: string, value: number) => ({ labels: { process }, value })
  expect([seen.metrics, judgedBy(processes, seen)]).toEqual([
    {
      processes: 4,
      zombies: 1,
      process_count: [of('web', 2), of('none', 0)],
      process_memory: [of('web', 6000 * 1024), of('none', 0)],
      process_cpu: [of('web', 50), of('none', 0)],
      process_age: [of('web', 100)],
    },
    { 'process missing': 'CRITICAL' },
  ])
})

test('many processes that nobody fetches raise', async () => {
  const dead = 'Z         0       00:01 00:00:00 [sh] <defunct>\n'
  const seen = await collectOnce(processes, {}, { client: host(output('00:00:20') + dead.repeat(20)) })
  expect(judgedBy(processes, seen)).toEqual({ zombies: 'WARNING' })
})

test('a machine that shows no processes says how ps ended', async () => {
  await expect(collectOnce(processes, {}, { client: host('') })).rejects.toMatchObject({
    message: 'db1:22 shows no processes: ps ended with 1',
  })
})

test('whatever ps prints, the outcome is numbers or words', async () => {
  const text = output('00:00:20')
  const mutated = fc
    .tuple(fc.nat(text.length), fc.nat(60), fc.string({ maxLength: 40 }))
    .map(([at, length, other]) => text.slice(0, at) + other + text.slice(at + length))
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.string()), async (stdout) => {
      const run = collectOnce(processes, { processes: { all: '*' } }, { client: host(stdout) })
      const seen = await run.catch((thrown: Error) => thrown)
      if (seen instanceof Error) expect(seen.name).toBe('TargetError')
      else expectSound(processes, seen)
    }),
  )
})
