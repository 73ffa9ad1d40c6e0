import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnswerOf, LiveEvent, Operations } from '../../src/contract/index.ts'
import { TestInstance, adminPassword, until } from '../support/instance.ts'

let instance: TestInstance
const password = 'a good long password'
/** Role in the group alpha → session token; `everything` is a viewer of all groups. */
const tokens: Record<string, string> = {}
/** Of each group: what must not be seen by those of the other. */
const ids: Record<string, { task: string; system: string; alarm: string; series: string }> = {}

const group = (name: string) => ({
  name,
  systems: [
    {
      name: `${name}-shop`,
      connectors: [
        // Nobody listens there, so that each group has an alarm.
        { name: `${name}-front`, type: 'tcp', settings: { host: '127.0.0.1', port: 1 }, profiles: ['port'] },
        {
          name: `${name}-self`,
          type: 'http',
          settings: { url: instance.url, verifyCertificate: false },
          profiles: ['web'],
        },
      ],
    },
  ],
})

async function code(token: string, method: string, path: string, body?: unknown): Promise<string> {
  const answer = await instance.send(method, `/api/v1${path}`, body, token)
  const { error } = (answer.body.startsWith('{') ? JSON.parse(answer.body) : {}) as { error?: { code: string } }
  return `${answer.status}${error === undefined ? '' : ` ${error.code}`}`
}

/** Listens to the live events of somebody. */
function listen(token: string): Disposable & { readonly events: LiveEvent[]; readonly ended: Promise<void> } {
  const events: LiveEvent[] = []
  let text = ''
  const sent = request(`${instance.url}/api/v1/events`, {
    rejectUnauthorized: false,
    headers: { authorization: `Bearer ${token}` },
  })
  const ended = new Promise<void>((resolve) => {
    sent.once('error', () => resolve())
    sent.once('response', (response) => {
      response.once('close', resolve)
      response.on('error', () => undefined)
      response.on('data', (part: Buffer) => {
        text += part.toString('utf8')
        const messages = text.split('\n\n')
        text = messages.pop()!
        for (const message of messages)
          if (message.startsWith('data: ')) events.push(JSON.parse(message.slice(6)) as LiveEvent)
      })
    })
  })
  sent.end()
  return { events, ended, [Symbol.dispose]: () => sent.destroy() }
}

beforeAll(async () => {
  instance = await TestInstance.start()
  await instance.call('applyConfiguration', {
    query: {},
    body: {
      profiles: [
        { name: 'port', connector: 'tcp', monitors: [{ monitor: 'tcp.port', period: '1s' }] },
        // Without the row for no answer: on a busy machine one within a second is not certain, and each group is to have one alarm.
        {
          name: 'web',
          connector: 'http',
          monitors: [
            {
              monitor: 'http.response',
              period: '1s',
              rules: [{ name: 'slow', metric: 'duration', thresholds: { CRITICAL: '> 5s' } }],
            },
          ],
        },
      ],
      groups: [group('alpha'), group('beta')],
    },
  })
  for (const role of ['viewer', 'operator', 'editor', 'admin'] as const) {
    await instance.call('createUser', {
      body: { username: `${role}-a`, password, grants: [{ group: 'alpha', role }] },
    })
    const answer = await instance.send('POST', '/api/v1/sessions', { username: `${role}-a`, password }, '')
    tokens[role] = (JSON.parse(answer.body) as { token: string }).token
  }
  for (const name of ['alpha', 'beta']) {
    const alarms = await until(
      `${name} has an alarm`,
      () => instance.call('listAlarms', { query: { group: name } }),
      (all) => all.length > 0,
    )
    const tasks = await instance.call('listTasks', { query: { group: name, monitor: 'http.response' } })
    const series = await until(
      `${name} has series`,
      () => instance.call('listSeries', { query: { task: tasks[0]!.id } }),
      (all) => all.length > 0,
    )
    const systems = await instance.call('listSystems', { query: { group: name } })
    ids[name] = { task: tasks[0]!.id, system: systems[0]!.id, alarm: alarms[0]!.id, series: series[0]!.id }
  }
})
afterAll(() => instance?.[Symbol.asyncDispose]())

describe('who is of one group', () => {
  test('sees nothing of another, anywhere', async () => {
    const lists = [
      '/groups',
      '/systems',
      '/systems?text=beta',
      '/tasks',
      '/tasks?group=beta',
      '/metrics/series',
      '/metrics/series?match=%7Bgroup%3D%22beta%22%7D',
      '/alarms',
      '/alarms?group=beta',
      '/configuration',
      '/associations',
      '/agents',
      '/instance',
      '/status',
      '/statistics/monitors?by=connector',
      '/statistics/agents',
      '/coverage?group=beta',
      '/library/monitors',
      '/systems/index',
      '/alarms/counts?group=beta',
      '/maintenances',
      '/dashboards',
    ]
    const beta = ids['beta']!
    const secret = ['beta', beta.task, beta.system, beta.alarm]
    const leaks: string[] = []
    for (const path of lists) {
      const { status, body } = await instance.send('GET', `/api/v1${path}`, undefined, tokens['admin'])
      if (status !== 200 || secret.some((word) => body.includes(word)))
        leaks.push(`${path} ${status} ${body.slice(0, 300)}`)
    }
    expect(leaks).toEqual([])
    const metrics = await instance.send('GET', '/metrics', undefined, tokens['viewer'])
    expect([metrics.status, metrics.body.includes('beta')]).toEqual([200, false])

    const direct = [
      `GET /tasks/${beta.task}`,
      `GET /tasks/${beta.task}/results`,
      `POST /tasks/${beta.task}/run`,
      `GET /systems/${beta.system}`,
      `GET /alarms/${beta.alarm}`,
      `POST /alarms/${beta.alarm}/acknowledge`,
      `POST /alarms/${beta.alarm}/assign`,
      `POST /alarms/${beta.alarm}/comment`,
      `POST /alarms/${beta.alarm}/clear`,
      `GET /metrics/query?series=${beta.series}`,
      `GET /metrics/chart?series=${ids['alpha']!.series},${beta.series}`,
      `GET /coverage?task=${beta.task}`,
      `GET /tasks/${beta.task}/outcomes`,
      `GET /tasks/${beta.task}/thresholds`,
      `GET /alarms/${beta.alarm}/why`,
      `GET /alarms/${beta.alarm}/destinations`,
    ]
    const bodies: Record<string, unknown> = { assign: { to: 'viewer-a' }, comment: { comment: 'mine' } }
    const answers = await Promise.all(
      direct.map(async (line) => {
        const [method, path] = line.split(' ') as [string, string]
        const body = method === 'GET' || path.endsWith('/run') ? undefined : (bodies[path.split('/').at(-1)!] ?? {})
        return `${line} ${await code(tokens['admin']!, method, path, body)}`
      }),
    )
    expect(answers.filter((line) => !line.endsWith(' 404 not-found'))).toEqual([])
    expect(await instance.call('showAlarm', { params: { id: beta.alarm } })).toMatchObject({ state: 'raised' })
  })

  test('sees of its own why an alarm was raised, whom it goes to, how slots ended and where thresholds lie', async () => {
    const alpha = ids['alpha']!
    const look = async (path: string): Promise<unknown> =>
      JSON.parse((await instance.send('GET', `/api/v1${path}`, undefined, tokens['viewer'])).body)
    const why = (await look(`/alarms/${alpha.alarm}/why`)) as AnswerOf<Operations['explainAlarm']>
    const outcomes = (await look(`/tasks/${alpha.task}/outcomes`)) as AnswerOf<Operations['listOutcomes']>
    const thresholds = (await look(`/tasks/${alpha.task}/thresholds`)) as AnswerOf<Operations['listThresholds']>
    const counts = (await look('/alarms/counts?points=4')) as AnswerOf<Operations['countAlarms']>
    const index = (await look('/systems/index')) as AnswerOf<Operations['indexSystems']>
    expect({
      why: [why.by, why.rule?.name, why.runs.some(({ severity }) => severity === 'CRITICAL')],
      // Plugins belong to all groups.
      goes: await code(tokens['viewer']!, 'GET', `/alarms/${alpha.alarm}/destinations`),
      goesFrom: await instance.call('listAlarmDestinations', { params: { id: alpha.alarm } }),
      ran: outcomes.stretches.some(({ outcome, everyMs }) => outcome === 'ran' && everyMs === 1_000),
      late: outcomes.late,
      slow: thresholds.flatMap(({ threshold, at, unit }) => (threshold === '> 5s' ? [{ at, unit }] : [])),
      counts: [counts.at.length, counts.open.CRITICAL.at(-1)],
      index: index.map(({ id, name }) => [id, name]),
    }).toEqual({
      why: ['rule', 'no connection', true],
      goes: '403 forbidden',
      goesFrom: [],
      ran: true,
      late: [],
      slow: [{ at: [5_000], unit: 'ms' }],
      counts: [4, 1],
      index: [[alpha.system, 'alpha-shop']],
    })
  })

  test('sees what belongs to all groups neither', async () => {
    const paths = ['/audit', '/users', '/settings', '/logs', '/plugins', '/snapshots', '/configuration/revisions']
    expect(await Promise.all(paths.map((path) => code(tokens['admin']!, 'GET', path)))).toEqual(
      paths.map(() => '403 forbidden'),
    )
  })

  test('does in it what the role allows, and nothing in another', async () => {
    const edit = (name: string) => ({ groups: [{ name, systems: [{ name: `${name}-shop`, tags: { seen: 'yes' } }] }] })
    const alpha = ids['alpha']!
    const exported = await instance.send('GET', '/api/v1/configuration', undefined, tokens['editor'])
    const emptied = { ...(JSON.parse(exported.body) as object), groups: [{ name: 'alpha' }] }
    const deeds: Record<string, [string, string, unknown?]> = {
      look: ['GET', `/tasks/${alpha.task}`],
      run: ['POST', `/tasks/${alpha.task}/run`],
      comment: ['POST', `/alarms/${alpha.alarm}/comment`, { comment: 'on it' }],
      edit: ['PUT', '/configuration', edit('alpha')],
      'edit another group': ['PUT', '/configuration', edit('beta')],
      'edit a group that is not there': ['PUT', '/configuration', edit('gamma')],
      'add a profile': ['PUT', '/configuration', { profiles: [{ name: 'mine', connector: 'http', monitors: [] }] }],
      'add a plugin': [
        'PUT',
        '/configuration',
        { plugins: [{ name: 'h', plugin: 'webhook', settings: { url: 'http://h' }, sends: ['alarms'] }] },
      ],
      associate: ['PUT', '/configuration', { associations: [{ group: 'alpha', agents: ['local'] }] }],
      'read a variable of the server': [
        'PUT',
        '/configuration',
        { groups: [{ name: 'alpha', credentials: [{ name: 'c', type: 'token', secret: { env: 'PATH' } }] }] },
      ],
      'remove all that is not named': ['PUT', '/configuration?prune=true&dryRun=true', emptied],
    }
    const table: Record<string, string[]> = {}
    for (const [name, [method, path, body]] of Object.entries(deeds))
      table[name] = await Promise.all(
        ['viewer', 'operator', 'editor', 'admin'].map((role) => code(tokens[role]!, method, path, body)),
      )
    const no = '403 forbidden'
    expect(table).toEqual({
      look: ['200', '200', '200', '200'],
      run: [no, '200', '200', '200'],
      comment: [no, '200', '200', '200'],
      edit: [no, no, '200', '200'],
      'edit another group': [no, no, no, no],
      'edit a group that is not there': [no, no, no, no],
      'add a profile': [no, no, no, no],
      'add a plugin': [no, no, no, no],
      associate: [no, no, no, no],
      'read a variable of the server': [no, no, '422 invalid-document', '422 invalid-document'],
      'remove all that is not named': [no, no, '200', '200'],
    })
    const planned = await instance.send(
      'PUT',
      '/api/v1/configuration?prune=true&dryRun=true',
      emptied,
      tokens['editor'],
    )
    expect([planned.body.includes('alpha-shop'), planned.body.includes('beta')]).toEqual([true, false])
  })

  test('hears of nothing but it, and of nothing at all once the session has ended', async () => {
    const answer = await instance.send('POST', '/api/v1/sessions', { username: 'viewer-a', password }, '')
    const { token } = JSON.parse(answer.body) as { token: string }
    using mine = listen(token)
    using all = listen(instance.token)
    const tasksOf = (events: readonly LiveEvent[]) =>
      new Set(events.flatMap((event) => (event.is === 'results' ? event.tasks.map(({ task }) => task) : [])))
    await until(
      'both heard of results',
      async () => [tasksOf(mine.events), tasksOf(all.events)] as const,
      ([seen, whole]) => seen.has(ids['alpha']!.task) && whole.has(ids['beta']!.task),
    )
    for (const name of ['alpha', 'beta'])
      await instance.call('commentAlarm', { params: { id: ids[name]!.alarm }, body: { comment: 'hello' } })
    await until(
      'both heard of the alarm',
      async () => [mine.events, all.events].map((events) => events.filter(({ is }) => is === 'alarm').length),
      ([few, many]) => few! > 0 && many! > 1,
    )
    expect(JSON.stringify(mine.events)).not.toMatch(new RegExp(`beta|${ids['beta']!.task}`))
    expect(await code(token, 'DELETE', '/sessions/current')).toBe('200')
    await mine.ended
    expect(await code(token, 'GET', '/me')).toBe('401 unauthenticated')
  })
})

describe('an API token', () => {
  const make = async (token: string, body: object) => {
    const answer = await instance.send('POST', '/api/v1/tokens', body, token)
    return {
      status: answer.status,
      ...(JSON.parse(answer.body) as { token?: string; id?: string; expiresAt?: string }),
    }
  }
  test('may be narrower than its owner and never wider, now or later', async () => {
    await instance.call('createUser', {
      body: {
        username: 'mover',
        password,
        grants: [
          { group: 'alpha', role: 'editor' },
          { group: 'beta', role: 'viewer' },
        ],
      },
    })
    await instance.send('POST', '/api/v1/sessions', { username: 'mover', password }, '')
    const session = (
      JSON.parse((await instance.send('POST', '/api/v1/sessions', { username: 'mover', password }, '')).body) as {
        token: string
      }
    ).token
    const narrow = (await make(session, { name: 'n', grants: [{ group: 'alpha', role: 'viewer' }] })).token!
    const whole = (await make(session, { name: 'w' })).token!
    const wide = await make(session, { name: 'x', grants: [{ group: 'beta', role: 'operator' }] })
    const wider = await make(narrow, { name: 'y', grants: [{ group: 'alpha', role: 'editor' }] })
    const see = (token: string, of: string) => code(token, 'GET', `/tasks/${ids[of]!.task}`)
    expect({
      wide: [wide.status, wider.status],
      narrow: [
        await see(narrow, 'alpha'),
        await see(narrow, 'beta'),
        await code(narrow, 'POST', `/tasks/${ids['alpha']!.task}/run`),
      ],
      whole: [await see(whole, 'alpha'), await see(whole, 'beta')],
    }).toEqual({
      wide: [403, 403],
      narrow: ['200', '404 not-found', '403 forbidden'],
      whole: ['200', '200'],
    })
    await instance.call('updateUser', {
      params: { username: 'mover' },
      body: { grants: [{ group: 'alpha', role: 'viewer' }] },
    })
    expect([await see(whole, 'alpha'), await see(whole, 'beta'), await see(session, 'beta')]).toEqual([
      '200',
      '404 not-found',
      '404 not-found',
    ])
    await instance.call('removeUser', { params: { username: 'mover' } })
    expect([await see(whole, 'alpha'), await see(narrow, 'alpha'), await see(session, 'alpha')]).toEqual(
      Array(3).fill('401 unauthenticated'),
    )
  })

  test('ends when it said, and so does what it made; revoked it ends at once', async () => {
    const lasting = await make(instance.token, { name: 'lasting' })
    const me = (token: string) => code(token, 'GET', '/me')
    /** A token and one made by it, and what both were good for. */
    const shortLived = async (seconds: number) => {
      const short = await make(instance.token, { name: 'short', expiresIn: `${seconds}s` })
      const made = await make(short.token!, { name: 'made by it' })
      return { short, made, seen: await Promise.all([me(short.token!), me(made.token ?? '')]) }
    }
    let lived = await shortLived(2)
    // A busy machine may be too slow to see that before they end.
    for (let seconds = 4; Date.now() >= Date.parse(lived.short.expiresAt!); seconds *= 2)
      lived = await shortLived(seconds)
    const { short, made, seen } = lived
    expect([...seen, made.expiresAt]).toEqual(['200', '200', short.expiresAt])
    await until(
      'it has ended',
      () => me(short.token!),
      (answer) => answer === '401 unauthenticated',
    )
    expect([await me(made.token!), await me(lasting.token!)]).toEqual(['401 unauthenticated', '200'])
    const local = JSON.parse(await readFile(join(instance.data, 'local-access.json'), 'utf8')) as { token: string }
    expect((await make(local.token, { name: 'nobody’s' })).status).toBe(403)
    await instance.call('removeToken', { params: { id: lasting.id! } })
    expect(await me(lasting.token!)).toBe('401 unauthenticated')
  })
})

test('a changed password ends the other sessions, and the old one is no longer good', async () => {
  const signIn = (word: string) =>
    instance.send('POST', '/api/v1/sessions', { username: 'operator-a', password: word }, '')
  const other = (JSON.parse((await signIn(password)).body) as { token: string }).token
  const change = (given: object) => code(tokens['operator']!, 'PUT', '/me/password', given)
  expect(await change({ password: 'not the one', newPassword: 'another long one' })).toBe('401 wrong-password')
  expect(await change({ password, newPassword: 'short' })).toBe('400 bad-request')
  expect(await change({ password, newPassword: 'another long one' })).toBe('200')
  expect([
    await code(tokens['operator']!, 'GET', '/me'),
    await code(other, 'GET', '/me'),
    (await signIn(password)).status,
    (await signIn('another long one')).status,
  ]).toEqual(['200', '401 unauthenticated', 401, 200])
})

test('nobody can take away the last administrator, and no group is called like all of them', async () => {
  expect(await code(instance.token, 'DELETE', '/users/admin')).toBe('409 conflict')
  expect(await code(instance.token, 'PATCH', '/users/admin', { grants: [] })).toBe('409 conflict')
  expect(await code(instance.token, 'PUT', '/configuration', { groups: [{ name: '*' }] })).toBe('422 invalid-document')
})

test('after a few wrong passwords the right one has to wait too, for that user alone', async () => {
  const signIn = (username: string, word: string) => code('', 'POST', '/sessions', { username, password: word })
  // The first wait is a second, which a busy machine may need for one question. A guess that comes after it is one more failure, and doubles
  // it: guessed is until there is time left in which to try the right one.
  let [failures, failedAt] = [0, 0]
  for (;;) {
    const began = performance.now()
    const answer = await signIn('editor-a', 'a guess')
    const [tookMs, sinceMs] = [performance.now() - began, performance.now() - failedAt]
    const waitMs = failures < 5 ? 0 : 1_000 * 2 ** (failures - 5)
    const possible = [
      ...(sinceMs < waitMs ? [] : ['401 wrong-password']),
      ...(waitMs === 0 ? [] : ['429 too-many-requests']),
    ]
    expect(possible).toContain(answer)
    if (answer === '401 wrong-password') [failures, failedAt] = [failures + 1, began]
    else if (sinceMs + 2 * tookMs < waitMs) break
  }
  const refused = await instance.send('POST', '/api/v1/sessions', { username: 'editor-a', password }, '')
  expect([refused.status, await signIn('admin', adminPassword)]).toEqual([429, '200'])
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
})
