import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TargetError, type ExecClient, type ExecRequest } from '../sdk/index.ts'
import exec from './exec.ts'

const programs = exec.open({ directory: '/bin', allowAbsolute: false }, undefined) as ExecClient

async function run(
  command: string,
  args: string[],
  about: Partial<ExecRequest> = {},
  signal = AbortSignal.timeout(50_000),
) {
  try {
    const seen = await programs.run({ command, args, maxOutputBytes: 1_000, ...about }, signal)
    return [seen.exit, seen.stdout, seen.stderr, seen.truncated]
  } catch (thrown) {
    if (!(thrown instanceof TargetError)) throw thrown
    return [thrown.reason, thrown.message]
  }
}

test('arguments reach the program as they are written', async () => {
  expect(await run('echo', ['$HOME', '; ls', "it's", '*'])).toEqual([0, "$HOME ; ls it's *\n", '', false])
})

test('exit codes, signals and both outputs are seen', async () => {
  expect([await run('sh', ['-c', 'echo out; echo err >&2; exit 3']), await run('sh', ['-c', 'kill -SEGV $$'])]).toEqual(
    [
      [3, 'out\n', 'err\n', false],
      ['SIGSEGV', '', '', false],
    ],
  )
})

test('output past the limit is thrown away, and the program ends all the same', async () => {
  const seen = await run('sh', ['-c', 'head -c 5000000 /dev/zero | tr "\\0" x; exit 1'])
  expect([seen[0], String(seen[1]).length, seen[3]]).toEqual([1, 1_000, true])
})

test('what cannot be run is a matter of configuration', async () => {
  expect([await run('no-such-program', []), await run('../bin/sh', []), await run('/bin/sh', [])]).toEqual([
    ['configuration', 'there is no program no-such-program where the connector looks for it'],
    ['configuration', '../bin/sh is not a plain program name'],
    ['configuration', 'this connector does not allow absolute paths such as /bin/sh'],
  ])
})

test('the environment holds nothing but what programs need', async () => {
  process.env['FARWATCH_TEST_SECRET'] = 'geheim'
  const [, output] = await run('env', [])
  delete process.env['FARWATCH_TEST_SECRET']
  expect(String(output)).not.toContain('geheim')
})

test('at the timeout the whole process group ends, grandchildren as well', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-exec-'))
  try {
    const file = join(directory, 'pid')
    const time = new AbortController()
    const running = run(
      'sh',
      ['-c', `sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done' & wait`],
      {},
      time.signal,
    )
    const begun = () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')
    await expect.poll(begun, { timeout: 30_000 }).toBe(true)
    time.abort()
    const seen = await running
    const pid = Number(readFileSync(file, 'utf8'))
    // Killed processes stay in the table until they are collected; such a one is a zombie and runs no more.
    const state = (): string => {
      try {
        return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'gone'
      } catch {
        return 'gone'
      }
    }
    await expect.poll(state, { timeout: 30_000 }).toMatch(/gone|Z/)
    expect(seen).toEqual(['timed out', 'sh did not end in time'])
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('a program that leaves a child behind with its output open is not waited for', async () => {
  expect(await run('sh', ['-c', 'sleep 60 & echo done'])).toEqual([0, 'done\n', '', false])
})

test('the programs of the directory are told, and a directory that is not there is a matter of configuration', async () => {
  const elsewhere = exec.open({ directory: '/no/such/place', allowAbsolute: false }, undefined) as ExecClient
  const signal = AbortSignal.timeout(50_000)
  const found = await programs.programs(signal)
  const refused = await elsewhere.programs(signal).catch((thrown: unknown) => thrown)
  expect([found.includes('echo'), found.includes('no-such-program'), refused]).toEqual([
    true,
    false,
    expect.objectContaining({ reason: 'configuration', message: 'the directory /no/such/place cannot be read' }),
  ])
})
