import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError, ManualClock } from '../../base/index.ts'
import { openLogs, type Logs } from './logs.ts'

let directory: string
let clock: ManualClock
let written: string
const opened: Logs[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-logs-'))
  clock = new ManualClock(Date.UTC(2026, 10, 22, 3, 15))
  written = ''
})
afterEach(async () => {
  for (const logs of opened.splice(0)) await logs.close()
  rmSync(directory, { recursive: true, force: true })
})

async function open(
  options: { isTTY?: boolean; maxBytes?: number; retentionMs?: number; files?: boolean } = {},
): Promise<Logs> {
  const logs = await openLogs({
    level: 'info',
    clock,
    output: { isTTY: options.isTTY ?? false, write: (text: string) => (written += text) },
    ...(options.files === false
      ? {}
      : { files: { directory, maxBytes: options.maxBytes ?? 1e6, retentionMs: options.retentionMs ?? 1e9 } }),
  })
  opened.push(logs)
  return logs
}

const jsonLines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)

test('an event is one JSON line with its fields, on the output and in the file', async () => {
  const logs = await open()
  logs.log.with({ agent: 'north-1' }).info('agent registered', { attempt: 2, level: 'spoofed' })
  logs.log.debug('not asked for')
  await logs.close()
  const line = {
    level: 'info',
    time: '2026-11-22T03:15:00.000Z',
    agent: 'north-1',
    attempt: 2,
    level_: 'spoofed',
    event: 'agent registered',
  }
  const [name] = readdirSync(directory)
  expect({ name, output: jsonLines(written), file: jsonLines(readFileSync(join(directory, name!), 'utf8')) }).toEqual({
    name: 'farwatch-20261122T031500000Z.log',
    output: [line],
    file: [line],
  })
})

test('on a terminal a person reads it', async () => {
  const logs = await open({ isTTY: true, files: false })
  logs.log.warn('disk nearly full', { freeBytes: 12 })
  expect(written).toMatch(/WARN.*disk nearly full[^]*freeBytes.*12/)
})

test('secrets are hidden by name and by form, errors keep their cause, and everything is bounded', async () => {
  const logs = await open({ files: false })
  const cause = new FarwatchError('conflict', 'taken')
  const deep: Record<string, unknown> = {}
  deep['self'] = deep
  logs.log.error('sign-in failed', {
    password: 'hunter2',
    nested: { apiToken: 'hunter2', user: 'admin' },
    url: 'https://me:hunter2@example.org/x',
    header: 'Bearer fw_hunter2hunter2hunter2hunter2',
    error: new Error('could not', { cause }),
    long: 'x'.repeat(10_000),
    bytes: Buffer.from('hunter2'),
    deep,
  })
  const { fields } = logs.recent()[0]!
  expect(written).not.toContain('hunter2')
  expect({
    ...fields,
    error: { ...(fields['error'] as Record<string, unknown>), stack: '' },
    long: String(fields['long']).length,
  }).toMatchObject({
    password: '[hidden]',
    nested: { apiToken: '[hidden]', user: 'admin' },
    url: 'https://[hidden]@example.org/x',
    header: 'Bearer fw_[hidden]',
    error: { message: 'could not', cause: { message: 'taken', code: 'conflict' } },
    long: 4_001,
    bytes: '[7 bytes]',
  })
})

test('debugging ends by itself, and a later change starts its time again', async () => {
  const logs = await open({ files: false })
  logs.setLevel('debug', 60_000)
  logs.log.debug('seen')
  clock.advance(50_000)
  logs.setLevel('debug', 60_000)
  clock.advance(50_000)
  expect(logs.level).toBe('debug')
  clock.advance(10_000)
  logs.log.debug('unseen')
  expect([logs.level, logs.recent().map(({ event }) => event)]).toEqual(['info', ['seen', 'log level fell back']])
  logs.setLevel('warn')
  logs.setLevel('debug', 1_000)
  clock.advance(1_000)
  expect(logs.level).toBe('warn')
})

test('the last lines stay in memory and can be followed', async () => {
  const logs = await open({ files: false })
  const followed: string[] = []
  const end = logs.follow(({ event }) => followed.push(event))
  for (let i = 1; i <= 3_000; i++) logs.log.info(`event ${i}`)
  end()
  logs.log.info('unheard')
  const recent = logs.recent()
  expect({
    followed: followed.length,
    kept: recent.length >= 2_000 && recent.length <= 2_200,
    last: recent.at(-1),
    after: logs.recent(2_999).map(({ number }) => number),
    limited: logs.recent(0, 2).map(({ number }) => number),
  }).toEqual({
    followed: 3_000,
    kept: true,
    last: { number: 3_001, at: clock.now(), level: 'info', event: 'unheard', fields: {} },
    after: [3_000, 3_001],
    limited: [3_000, 3_001],
  })
})

test('files stay within their room, however slow the disk: the oldest lines go, the newest stay', async () => {
  const logs = await open({ maxBytes: 300_000 })
  for (let i = 0; i < 6_000; i++) {
    logs.log.info('batch stored', { number: i, padding: 'x'.repeat(100) })
    // All in one go: a slow disk has none of it while the next files are begun.
    clock.advance(1)
  }
  await logs.close()
  const files = readdirSync(directory).sort()
  const content = files.map((name) => readFileSync(join(directory, name), 'utf8'))
  const lines = jsonLines(content.join('')) as { number: number }[]
  expect({
    several: files.length > 2,
    bytes: content.join('').length < 300_000 + 70_000,
    last: lines.at(-1)?.number,
    gapless: lines.every((line, i) => i === 0 || line.number === lines[i - 1]!.number + 1),
  }).toEqual({ several: true, bytes: true, last: 5_999, gapless: true })
})

test('a directory that fails is said once on the output, and logging goes on', async () => {
  const logs = await open()
  rmSync(directory, { recursive: true })
  logs.log.info('one')
  await expect.poll(() => written, { timeout: 30_000 }).toContain('log file failed')
  for (let i = 0; i < 10; i++) logs.log.info('two')
  await logs.close()
  expect([written.match(/"event":"two"/g)?.length, written.match(/ENOENT[^"]*\.log/g)?.length]).toEqual([10, 1])
})

test('the newest whole lines are handed out, as many as fit, from the files or from memory', async () => {
  const newest = async (logs: Logs, maxBytes: number) => {
    let text = ''
    await logs.newest(maxBytes, (more) => void (text += more))
    return jsonLines(text).map((line) => (line as { event: string }).event)
  }
  const write = (logs: Logs) => {
    for (const event of ['über one', 'two', 'three']) logs.log.info(event)
  }
  const filed = await open()
  write(filed)
  await filed.close()
  const kept = await open({ files: false })
  write(kept)
  const lineBytes = Buffer.byteLength(written.split('\n')[1]!) + 1
  const both = async (maxBytes: number) => [await newest(filed, maxBytes), await newest(kept, maxBytes)]
  expect([await both(10_000), await both(2 * lineBytes + 5), await both(10)]).toEqual([
    [
      ['über one', 'two', 'three'],
      ['über one', 'two', 'three'],
    ],
    [
      ['two', 'three'],
      ['two', 'three'],
    ],
    [[], []],
  ])
})
