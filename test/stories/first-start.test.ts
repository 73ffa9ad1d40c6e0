import { createHash } from 'node:crypto'
import { cp, readFile, readdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Launched, descendants, scratchDirectory, stillThere } from '../support/launch.ts'
import { TestInstance, until } from '../support/instance.ts'

const local = ['--host', '127.0.0.1', '--port', '0']
const linkLine = /^\{"level":"info","event":"set-up link","url":"(\S+)"\}$/m
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

test('the first start prints a link that makes one administrator, once, and that no log has', async () => {
  await using data = await scratchDirectory()
  await using farwatch = new Launched(['start', '--data', data.path, ...local], { FARWATCH_ADMIN_PASSWORD: undefined })
  const url = await farwatch.ready()
  expect(farwatch.stdout).toMatch(new RegExp(`^farwatch ready ${url} uuid=${uuid} role=standalone\n$`))
  const link = new URL((await farwatch.printed(({ stderr }) => linkLine.exec(stderr)))[1]!)
  const token = link.searchParams.get('token')!

  const instance = TestInstance.at(url, data.path)
  const send = async (method: string, path: string, body?: unknown, bearer = '') => {
    const answer = await instance.send(method, path, body, bearer)
    return [answer.status, JSON.parse(answer.body) as Record<string, unknown>] as const
  }
  const setUp = (given: object) => send('POST', '/api/v1/setup', given)
  const mine = { username: 'ada', password: 'a long enough secret' }
  expect([link.origin, link.pathname, (await send('GET', '/healthz'))[0], (await send('GET', '/readyz'))[0]]).toEqual([
    url,
    '/setup',
    200,
    200,
  ])
  expect((await send('GET', '/api/v1/setup'))[1]).toEqual({ needed: true })
  expect((await setUp({ token: 'guessed', ...mine }))[0]).toBe(401)
  const [status, session] = await setUp({ token, ...mine })
  expect([status, Object.keys(session)]).toEqual([200, ['token', 'expiresAt']])
  expect((await setUp({ token, ...mine, username: 'eve' }))[1]).toMatchObject({ error: { code: 'conflict' } })
  expect((await send('GET', '/api/v1/me', undefined, String(session['token'])))[1]).toEqual({
    username: 'ada',
    grants: [{ group: '*', role: 'admin' }],
    via: 'session',
  })

  const logged = await instance.send('GET', '/api/v1/logs', undefined, String(session['token']))
  const files = await Promise.all(
    (await readdir(join(data.path, 'logs'))).map((name) => readFile(join(data.path, 'logs', name), 'utf8')),
  )
  expect({ api: logged.body.includes(token), files: files.filter((text) => text.includes(token)).length }).toEqual({
    api: false,
    files: 0,
  })
  expect([logged.status, logged.body.includes('instance started'), files.length]).toEqual([200, true, 1])
})

test('a fresh instance measures its own host, ends cleanly when told to, and leaves no process behind', async () => {
  await using instance = await TestInstance.start({ env: { FARWATCH_PROCESSES: '0' } })
  const tasks = await until(
    'everything that is watched out of the box ran',
    () => instance.call('listTasks'),
    (all) => all.length > 1 && all.every((task) => task.lastOutcome === 'ran'),
  )
  const host = tasks.find((task) => task.monitor === 'host.local')!
  const ofCpu = ({ name }: { name: string }) => name.includes('cpu')
  const series = await until(
    'what it measured is there',
    () => instance.call('listSeries', { query: { task: host.id } }),
    (all) => all.some(ofCpu),
  )
  const { points } = await instance.call('queryMetrics', { query: { series: series.find(ofCpu)!.id } })
  const coverage = await instance.call('showCoverage')
  expect({
    points: points.length > 0 && points.every(({ value }) => Number.isFinite(value)),
    // A run that a busy machine began late is none that was missed.
    missed: Object.entries(coverage.outcomes).filter(
      ([outcome, count]) => outcome !== 'ran' && outcome !== 'late' && count > 0,
    ),
    share: coverage.share,
  }).toEqual({ points: true, missed: [], share: 1 })

  const processes = descendants(instance.pid)
  const began = performance.now()
  const code = await instance.stop()
  const tookMs = performance.now() - began
  expect({ code, inTime: tookMs < 10_000, some: processes.length > 0, left: stillThere(processes) }).toEqual({
    code: 0,
    inTime: true,
    some: true,
    left: [],
  })
})

test('a kill soon after the first start leaves no record of slots before it', async () => {
  await using instance = await TestInstance.start()
  const { startedAt } = await instance.call('showInstance')
  const ran = () => instance.call('listTasks')
  await until('both tasks ran', ran, (tasks) => tasks.length === 2 && tasks.every((task) => task.lastOutcome === 'ran'))
  const before = (await ran()).map((task) => task.lastSlot)
  await instance.kill()
  await instance.start()
  await instance.signIn()
  await until('both ran again', ran, (tasks) =>
    tasks.every((task, i) => task.lastOutcome === 'ran' && task.lastSlot !== before[i]),
  )
  const rows = await Promise.all(
    (await ran()).map((task) => instance.call('listResults', { params: { id: task.id }, query: {} })),
  )
  expect(rows.flat().filter((row) => (row.from ?? row.plannedAt) < startedAt)).toEqual([])
})

test('a signal during the start ends it as well, wherever it meets it', async () => {
  await using data = await scratchDirectory()
  // What has happened when the signal is sent. The code runs from the moment that the command does; before that there is only Node.
  const moments = ['lock.json', 'history.db', 'spool']
  for (const file of moments) {
    const directory = join(data.path, file)
    await using farwatch = new Launched(['start', '--data', directory, ...local])
    await until(
      `${file} is there`,
      () => readdir(directory).catch((): string[] => []),
      (names) => names.includes(file),
    )
    const processes = descendants(farwatch.pid)
    farwatch.signal('SIGTERM')
    expect([file, await farwatch.ended]).toEqual([file, 0])
    expect(stillThere(processes)).toEqual([])
  }
})

test('a second start on the same directory is told who has it, and the first goes on', async () => {
  await using instance = await TestInstance.start()
  await using second = new Launched(['start', '--data', instance.data, ...local])
  const code = await second.ended
  const holder = JSON.parse(await readFile(join(instance.data, 'lock.json'), 'utf8')) as { pid: number }
  expect({
    code,
    code2: /\[data-directory-in-use\]/.test(second.stderr),
    names: second.stderr.includes(`process ${holder.pid} on `),
    ours: [instance.pid, ...descendants(instance.pid)].includes(holder.pid),
    first: (await instance.send('GET', '/readyz')).status,
    commandLine: (await instance.cli(['status'])).code,
  }).toEqual({ code: 1, code2: true, names: true, ours: true, first: 200, commandLine: 0 })
})

describe('what a newer Farwatch left is refused and not touched', () => {
  /** Everything of a directory but who held it last and what was logged: path → digest. */
  async function contents(directory: string): Promise<Record<string, string>> {
    const names = await readdir(directory, { recursive: true, withFileTypes: true })
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    const digests = await Promise.all(
      files
        .filter((file) => !/[/\\](lock\.|logs[/\\])/.test(file.slice(directory.length)))
        .sort()
        .map(async (file) => [
          file.slice(directory.length),
          createHash('sha256')
            .update(await readFile(file))
            .digest('hex'),
        ]),
    )
    return Object.fromEntries(digests) as Record<string, string>
  }
  const raise = (file: string) => (directory: string) => {
    const db = new DatabaseSync(join(directory, file))
    db.exec('UPDATE schema_part SET version = version + 100')
    db.close()
  }
  const newer: Record<string, (directory: string) => void | Promise<void>> = {
    'by the mark of the directory': async (directory) => {
      const file = join(directory, 'farwatch.json')
      const mark = JSON.parse(await readFile(file, 'utf8')) as object
      await writeFile(file, JSON.stringify({ ...mark, format: 2 }))
    },
    'by the schema of farwatch.db': raise('farwatch.db'),
    'by the schema of history.db': raise('history.db'),
  }
  let left: TestInstance
  beforeAll(async () => {
    left = await TestInstance.start({ signIn: false })
    await left.stop()
  })
  afterAll(() => left[Symbol.asyncDispose]())
  test.each(Object.entries(newer))('%s', async (_, change) => {
    await using data = await scratchDirectory()
    await cp(left.data, data.path, { recursive: true })
    await change(data.path)
    const before = await contents(data.path)
    await using again = new Launched(['start', '--data', data.path, ...local])
    expect([await again.ended, /\[data-directory-newer\]/.test(again.stderr)]).toEqual([1, true])
    expect(again.stderr).toContain('Start the newer Farwatch again')
    expect(await contents(data.path)).toEqual(before)
  })
})

describe('what cannot be meant is refused with its words', () => {
  const wrong: Record<string, { args?: string[]; env?: Record<string, string>; code: number; says: string[] }> = {
    'a port that is no number': {
      args: ['--port', 'abc'],
      code: 2,
      says: ['--port: "abc"', 'a whole number from 0 to 65535', '[invalid-setting]'],
    },
    'a port that is too large, by environment': {
      env: { FARWATCH_PORT: '99999' },
      code: 2,
      says: ['FARWATCH_PORT: "99999" is too large', '[invalid-setting]'],
    },
    'an address of another machine': {
      args: ['--host', '203.0.113.7', '--port', '0'],
      code: 2,
      says: ['203.0.113.7 is not an address of this machine', '--host'],
    },
    'a flag that does not exist': { args: ['--prot', '1'], code: 2, says: ["unknown option '--prot'", '--port'] },
    'a role that does not exist': { args: ['--role', 'king'], code: 2, says: ['--role: "king"', 'standalone'] },
    'a database elsewhere, whose password is not repeated': {
      env: { FARWATCH_DATABASE_URL: 'postgres://u:s3cret@db/x' },
      code: 1,
      says: ['FARWATCH_DATABASE_URL is set', 'Unset FARWATCH_DATABASE_URL', '[not-supported]'],
    },
    'a data directory that is a file': {
      args: ['--data', '/dev/null/x'],
      code: 1,
      says: ['/dev/null/x cannot be used', '[data-directory-unusable]'],
    },
  }
  test.concurrent.each(Object.entries(wrong))('%s', async (_, { args = [], env = {}, code, says }) => {
    await using data = await scratchDirectory()
    await using farwatch = new Launched(['start', '--data', join(data.path, 'data'), ...args], env)
    expect({
      code: await farwatch.ended,
      missing: says.filter((words) => !farwatch.stderr.includes(words)),
      leaks: farwatch.stderr.includes('s3cret'),
      stdout: farwatch.stdout,
      stack: /\n\s+at /.test(farwatch.stderr),
    }).toEqual({ code, missing: [], leaks: false, stdout: '', stack: false })
  })

  test('a port that is taken', async () => {
    await using data = await scratchDirectory()
    const other = createServer()
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = other.address() as AddressInfo
      await using farwatch = new Launched(['start', '--data', data.path, '--host', '127.0.0.1', '--port', String(port)])
      expect([await farwatch.ended, farwatch.stderr]).toEqual([
        1,
        expect.stringContaining(`127.0.0.1:${port} is taken by another program [address-in-use]`),
      ])
    } finally {
      await new Promise((resolve) => other.close(resolve))
    }
  })
})
