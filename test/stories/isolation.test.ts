import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { descendants, stillThere, zombies } from '../support/launch.ts'

const healthy = 12
const timeoutMs = 1_500
/** For so long what has timed out may take to end, before it is ended. */
const graceMs = 2_000

/** A target that is none: each path harms whoever trusts it. */
class HostileTarget implements AsyncDisposable {
  readonly #bomb = gzipSync(Buffer.alloc(200 * 1_048_576))
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #server = createServer((request, response) => {
    response.on('error', () => undefined)
    this.#paths[request.url ?? '']?.(response)
  })
  readonly #paths: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/endless-body': (response) => {
      const part = Buffer.alloc(65_536, 'x')
      const more = () => {
        while (!response.destroyed && response.write(part));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    },
    '/slow-loris': (response) => {
      response.writeHead(200, { 'content-length': '100000' })
      this.#every(100, () => response.write('x'))
    },
    '/gzip-bomb': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(this.#bomb),
    '/redirect-loop': (response) => response.writeHead(302, { location: '/redirect-loop' }).end(),
    '/silence': () => undefined,
  }

  static async start(): Promise<HostileTarget> {
    const target = new HostileTarget()
    await new Promise<void>((resolve) => void target.#server.listen(0, '127.0.0.1', resolve))
    return target
  }

  get paths(): string[] {
    return Object.keys(this.#paths)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #every(ms: number, act: () => void): void {
    this.#timers.add(setInterval(act, ms))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A directory of monitoring plugins that note the processes they are. */
async function plugins(): Promise<AsyncDisposable & { readonly path: string; pids(): Promise<number[]> }> {
  const path = await mkdtemp(join(tmpdir(), 'farwatch-plugins-'))
  const noted = join(path, 'pids')
  const add = (name: string, script: string) =>
    writeFile(join(path, name), `#!/bin/sh\necho $$ >> ${noted}\n${script}\n`, { mode: 0o755 })
  await add('check_sleeper', `sleep 300 &\necho $! >> ${noted}\nsleep 300`)
  await add('check_babbler', 'exec yes "OK - and so on"')
  await add('check_well', 'echo "OK - well | load=1"')
  return {
    path,
    pids: async () => (await readFile(noted, 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

test('whatever a target or a plugin does, it fails by itself, in time and with a reason, and nothing else is harmed', async () => {
  await using good = await CountingTarget.start()
  await using hostile = await HostileTarget.start()
  await using directory = await plugins()
  await using instance = await TestInstance.start({ env: { FARWATCH_PROCESSES: '2' } })
  const timeout = `${timeoutMs}ms`
  const plugin = (name: string) => ({
    monitor: 'nagios.plugin',
    name,
    period: '2s',
    timeout,
    settings: { command: name },
  })
  const connector = (name: string, type: string, settings: object, profile: string) => ({
    name,
    type,
    settings,
    profiles: [profile],
  })
  await instance.call('applyConfiguration', {
    query: {},
    body: {
      profiles: [
        { name: 'web', connector: 'http', monitors: [{ monitor: 'http.response', period: '2s', timeout }] },
        { name: 'well', connector: 'http', monitors: [{ monitor: 'http.response', period: '1s' }] },
        {
          name: 'plugins',
          connector: 'exec',
          monitors: ['check_sleeper', 'check_babbler', 'check_well'].map(plugin),
        },
      ],
      groups: [
        {
          name: 'acme',
          systems: [
            {
              name: 'well',
              connectors: Array.from({ length: healthy }, (_, i) =>
                connector(`front-${i}`, 'http', { url: `${good.url}/${i}` }, 'well'),
              ),
            },
            {
              name: 'hostile',
              connectors: hostile.paths.map((path) =>
                connector(path.slice(1), 'http', { url: hostile.url + path }, 'web'),
              ),
            },
            { name: 'plugins', connectors: [connector('local', 'exec', { directory: directory.path }, 'plugins')] },
          ],
        },
      ],
    },
  })
  const tasks = await instance.call('listTasks', { query: { group: 'acme' } })
  const bad = tasks.filter(({ system, name }) => system === 'hostile' || /sleeper|babbler/.test(name))
  const runs = async (id: string) =>
    (await instance.call('listResults', { params: { id }, query: {} })).filter(({ startedAt }) => startedAt !== null)
  const byName = await until(
    'each of the bad ones failed three times',
    async () =>
      new Map(
        await Promise.all(
          bad.map(async ({ id, name, connector: on, system }) => {
            const all = await runs(id)
            return [system === 'hostile' ? on : name, all] as const
          }),
        ),
      ),
    (all) => [...all.values()].every((results) => results.length >= 3),
  )
  const seen = Object.fromEntries(
    [...byName].map(([name, results]) => [
      name,
      {
        outcomes: [...new Set(results.map(({ outcome }) => outcome))].join(),
        reasons: [...new Set(results.map(({ reason }) => reason))].join(),
        inTime: results.every(({ durationMs }) => durationMs! < timeoutMs + graceMs),
        told: results.every(({ message }) => message !== null && message.length > 10),
      },
    ]),
  )
  const failed = (reasons: string) => ({ outcomes: 'failed', reasons, inTime: true, told: true })
  expect(seen).toEqual({
    'endless-body': failed('too large'),
    'slow-loris': failed('timed out'),
    'gzip-bomb': failed('too large'),
    'redirect-loop': failed('protocol'),
    silence: failed('timed out'),
    check_sleeper: failed('timed out'),
    check_babbler: failed('timed out'),
  })

  const others = tasks.filter((task) => !bad.includes(task))
  // In four seconds each of the bad ones runs twice. A machine that is busy with other tests leaves a slot out now and then, whoever runs beside it.
  await until(
    'all of the others ran for four seconds, beside the bad ones',
    () => {
      const [from, to] = [Date.now() - 6_000, Date.now() - 2_000].map(String) as [string, string]
      return Promise.all(
        others.map(async ({ id, name }) => {
          const { share, outcomes } = await instance.call('showCoverage', { query: { task: id, from, to } })
          return `${name} ${share} ${outcomes['ran']! >= 1}`
        }),
      )
    },
    (lines) => lines.every((line) => line.endsWith(' 1 true')),
  )
  expect(others.length).toBe(healthy + 1)
  // The monitoring processes were not harmed either: none had to be ended.
  expect((await instance.call('agentStatistics'))[0]).toMatchObject({ killed: 0 })

  // While it works, what it ended is cleared away.
  const ended = zombies(descendants(instance.pid))
  await until(
    'no process that ended a moment ago is still kept',
    async () => zombies(descendants(instance.pid)).filter((pid) => ended.includes(pid)),
    (kept) => kept.length === 0,
  )
  const noted = await directory.pids()
  const processes = descendants(instance.pid)
  expect([noted.length > 6, await instance.stop()]).toEqual([true, 0])
  await until(
    'no process is left',
    async () => stillThere([...noted, ...processes]),
    (left) => left.length === 0,
  )
})
