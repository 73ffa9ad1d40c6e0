import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Difference, Status } from '../../src/contract/index.ts'
import { startHana } from '../servers/hana.ts'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, runCli, toYaml } from '../support/instance.ts'
import { scratchDirectory } from '../support/launch.ts'

let instance: TestInstance
let target: CountingTarget
beforeAll(async () => {
  target = await CountingTarget.start()
  instance = await TestInstance.start()
})
afterAll(async () => {
  await instance?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

const secret = 'zebra-crossing-93'
const document = (period = '10s') => ({
  profiles: [{ name: 'web', connector: 'http', monitors: [{ monitor: 'http.response', period }] }],
  groups: [
    {
      name: 'acme',
      credentials: [{ name: 'login', type: 'basic', username: 'monitor', secret: { env: 'SHOP_PASSWORD' } }],
      systems: [
        {
          name: 'shop',
          type: 'web',
          connectors: [
            { name: 'front', type: 'http', settings: { url: target.url }, credential: 'login', profiles: ['web'] },
          ],
        },
      ],
    },
  ],
})
const apply = (given: unknown, ...words: string[]) =>
  instance.cli(['apply', '-f', '-', ...words], { stdin: toYaml(given), env: { SHOP_PASSWORD: secret } })
/** Line by line, for what is compared whole. */
const lines = (text: string) => text.trimEnd().split('\n')
const revision = async () => (await instance.call('listRevisions', { query: {} }))[0]!.revision

describe('the configuration as code', () => {
  test('apply shows the difference, changes nothing in a dry run, and has nothing to do the second time', async () => {
    const before = await revision()
    const planned = [
      '+ profile profiles["web"]',
      '+ monitor profiles["web"].monitors["http.response"]',
      '+ group groups["acme"]',
      '+ credential groups["acme"].credentials["login"]',
      '+ system groups["acme"].systems["shop"]',
      '+ connector groups["acme"].systems["shop"].connectors["front"]',
    ]
    const dry = await apply(document(), '--dry-run')
    expect({ code: dry.code, stderr: dry.stderr, shown: lines(dry.stdout).slice(0, -2).sort() }).toEqual({
      code: 0,
      stderr: '',
      shown: planned.toSorted(),
    })
    expect(lines(dry.stdout).slice(-2)).toEqual([
      '6 to add, 0 to change, 0 to remove.',
      'Nothing was changed (dry run).',
    ])
    expect(await revision()).toBe(before)

    const real = await apply(document(), '--comment', 'the shop opens')
    expect([real.code, lines(real.stdout).at(-1)]).toEqual([0, `Applied as revision ${before + 1}.`])
    const again = await apply(document())
    expect([again.code, lines(again.stdout)]).toEqual([0, ['No changes.']])
    expect((await instance.call('listRevisions', { query: {} }))[0]).toMatchObject({
      revision: before + 1,
      comment: 'the shop opens',
    })
  })

  test('a change shows what it was and what it becomes', async () => {
    const changed = await apply(document('20s'), '--json')
    const difference = JSON.parse(changed.stdout) as Difference
    expect({ code: changed.code, applied: difference.applied, summary: difference.summary }).toEqual({
      code: 0,
      applied: true,
      summary: { add: 0, change: 1, remove: 0 },
    })
    const back = await apply(document())
    expect(lines(back.stdout).slice(0, 3)).toEqual([
      '~ monitor profiles["web"].monitors["http.response"]',
      '    period: "20s" → "10s"',
      '0 to add, 1 to change, 0 to remove.',
    ])
  })

  test('a wrong document says every path and changes nothing', async () => {
    const before = await revision()
    const wrong = document()
    wrong.profiles[0]!.monitors[0]!.period = 'often'
    Object.assign(wrong.groups[0]!.systems[0]!.connectors[0]!.settings, { ulr: 'http://x' })
    const refused = await apply(wrong)
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('[invalid-document]')
    expect(refused.stderr).toContain('profiles[0].monitors[0].period: ')
    expect(refused.stderr).toMatch(/groups\[0\]\.systems\[0\]\.connectors\[0\]\.settings\.ulr: .*url/)
    const misnamed = document()
    misnamed.groups[0]!.systems[0]!.connectors[0]!.profiles = ['wep']
    const alone = await apply(misnamed)
    // One problem is told once.
    expect([alone.code, lines(alone.stderr).length, alone.stderr.includes('web')]).toEqual([1, 2, true])
    expect(await revision()).toBe(before)

    const broken = await instance.cli(['apply', '-f', '-'], { stdin: 'groups: [' })
    expect([broken.code, broken.stderr.includes('is not valid YAML')]).toEqual([1, true])
    const absent = await instance.cli(['apply', '-f', 'not-there.yaml'])
    expect([absent.code, absent.stderr.includes('not-there.yaml cannot be read')]).toEqual([2, true])
  })

  test('what was exported can be applied with --prune and changes nothing; the secret is in no answer and no log', async () => {
    await using scratch = await scratchDirectory()
    const file = join(scratch.path, 'all.yaml')
    const exported = await instance.cli(['export', '-o', file])
    expect(exported).toEqual({ code: 0, stdout: '', stderr: '' })
    const again = await instance.cli(['apply', '-f', file, '--prune'])
    expect([again.code, lines(again.stdout)]).toEqual([0, ['No changes.']])
    const json = await instance.cli(['export', '--json'])
    expect(JSON.parse(json.stdout)).toEqual(await instance.call('showConfiguration'))

    const everywhere = {
      document: await readFile(file, 'utf8'),
      audit: JSON.stringify(await instance.call('listAudit', { query: {} })),
      logs: JSON.stringify(await instance.call('listLogs', { query: {} })),
      stderr: instance.log,
      database: (await readFile(join(instance.data, 'farwatch.db'))).toString('latin1'),
      journal: (await readFile(join(instance.data, 'farwatch.db-wal'))).toString('latin1'),
    }
    expect(Object.entries(everywhere).filter(([, text]) => text.includes(secret))).toEqual([])
    expect(everywhere.document).toContain('keep: true')
    expect(everywhere.audit).toContain('credential')
  })

  test('the variable is looked up where the command runs: the target gets the password', async () => {
    const [task] = await instance.call('listTasks', { query: { group: 'acme' } })
    const run = await instance.call('runTask', { params: { id: task!.id } })
    expect([run.outcome, target.authorizations.at(-1)]).toEqual([
      'ran',
      `Basic ${Buffer.from(`monitor:${secret}`).toString('base64')}`,
    ])
    const unknown = document()
    unknown.groups[0]!.credentials[0]!.secret.env = 'NO_SUCH_VARIABLE'
    const refused = await apply(unknown)
    expect([refused.code, refused.stderr.includes('NO_SUCH_VARIABLE')]).toEqual([1, true])
  })

  test('snapshots are made, listed, shown, compared and restored; --prune removes what is not named', async () => {
    const made = await instance.cli(['snapshot', 'create', 'before the big change'])
    const id = /^Saved as (\S+)\.$/.exec(made.stdout.trim())![1]!
    const listed = await instance.cli(['snapshot', 'list'])
    expect(lines(listed.stdout)[1]).toMatch(new RegExp(`^${id}\\s.*before the big change$`))
    expect((await instance.cli(['snapshot', 'show', id])).stdout).toContain('name: acme')
    expect(lines((await instance.cli(['snapshot', 'diff', id])).stdout)).toEqual(['No changes.'])

    const pruned = await apply({ groups: [{ name: 'beta' }] }, '--prune')
    expect([pruned.code, pruned.stdout.includes('- group groups["acme"]')]).toEqual([0, true])
    expect((await instance.call('showConfiguration')) as object).toMatchObject({
      profiles: [],
      groups: [{ name: 'beta', systems: [] }],
    })
    const difference = await instance.cli(['snapshot', 'diff', id, '--json'])
    expect((JSON.parse(difference.stdout) as Difference).applied).toBe(false)
    const restored = await instance.cli(['snapshot', 'restore', id])
    expect([restored.code, lines(restored.stdout).at(-1)]).toEqual([0, `Restored as revision ${await revision()}.`])
    // With its secret: the target is measured again.
    const [task] = await instance.call('listTasks', { query: { group: 'acme' } })
    const run = await instance.call('runTask', { params: { id: task!.id } })
    expect([run.outcome, target.authorizations.at(-1)?.startsWith('Basic ')]).toEqual(['ran', true])
    const wrong = await Promise.all([
      instance.cli(['snapshot', 'restore', 'nothing']),
      instance.cli(['snapshot', 'create']),
      instance.cli(['snapshot', 'restor', id]),
    ])
    expect(wrong.map(({ code }) => code)).toEqual([1, 2, 2])
    expect(wrong[2].stderr).toContain('restore')
  })
})

test('status, agents and certificate fit a screen, and are JSON for machines', async () => {
  const [status, json, agents, certificate] = await Promise.all([
    instance.cli(['status']),
    instance.cli(['status', '--json']),
    instance.cli(['agents', 'list', '--json']),
    instance.cli(['certificate', 'show']),
  ])
  expect([
    status.code,
    status.stdout.includes('standalone (server and agent)'),
    lines(status.stdout).length < 25,
  ]).toEqual([0, true, true])
  expect(Math.max(...lines(status.stdout).map((line) => line.length))).toBeLessThan(140)
  expect((JSON.parse(json.stdout) as Status).instance.uuid).toBe(instance.uuid)
  expect(JSON.parse(agents.stdout)).toMatchObject([{ id: instance.uuid, name: 'local', registration: 'ACCEPTED' }])
  expect(certificate.stdout).toMatch(/^tls .*localhost.* ([0-9A-F]{2}:){31}[0-9A-F]{2}$/m)
})

test('an instance is reached from elsewhere by URL and API token, and what a token may not do is refused', async () => {
  const { token } = await instance.call('createToken', {
    body: { name: 'reader', expiresIn: '10m', grants: [{ group: '*', role: 'viewer' }] },
  })
  const elsewhere = { FARWATCH_DATA: '/nowhere' }
  const byFlags = await runCli(['status', '--url', instance.url, '--token', token, '--json'], { env: elsewhere })
  const byVariables = await runCli(['export'], {
    env: { ...elsewhere, FARWATCH_URL: `${instance.url}/`, FARWATCH_TOKEN: token },
  })
  const refused = await runCli(['apply', '-f', '-', '--url', instance.url, '--token', token], {
    env: elsewhere,
    stdin: toYaml({ groups: [{ name: 'gamma' }] }),
  })
  const wrong = await runCli(['status', '--url', instance.url, '--token', 'guessed'], { env: elsewhere })
  const tokenless = await runCli(['status', '--url', instance.url], { env: elsewhere })
  const otherCertificate = await runCli(
    ['status', '--url', instance.url, '--token', token, '--fingerprint', Array(32).fill('AB').join(':')],
    { env: elsewhere },
  )
  expect([byFlags.code, byVariables.code, byVariables.stdout.includes('groups:')]).toEqual([0, 0, true])
  expect(
    [refused, wrong, tokenless, otherCertificate].map(
      ({ code, stderr }) => `${code} ${/\[([a-z-]+)\]/.exec(stderr)?.[1]}`,
    ),
  ).toEqual(['1 forbidden', '1 unauthenticated', '2 wrong-use', '1 untrusted-certificate'])
})

describe('check runs one monitor here and ends as monitoring plugins do', () => {
  const check = (...args: string[]) => runCli(['check', ...args])
  test('0 when well, 2 when its rules say critical', async () => {
    const url = (path: string) => ['--set', `url=${target.url}${path}`]
    const well = await check('http.response', ...url('/a'), '--set', 'extract.hits=$.hits', '--json')
    expect([well.code, JSON.parse(well.stdout)]).toMatchObject([0, { monitor: 'http.response', outcome: 'ran' }])
    expect((JSON.parse(well.stdout) as { metrics: { name: string }[] }).metrics.map(({ name }) => name)).toContain(
      'hits',
    )
    const human = await check('http.response', ...url('/a'))
    expect(human.stdout).toMatch(/^OK - http\.response/)
    const absent = await check('tcp.port', '--set', 'host=127.0.0.1', '--set', 'port=1', '--timeout', '2s')
    expect([absent.code, absent.stdout.split(' ')[0]]).toEqual([2, 'CRITICAL'])
  })
  test('a warning is 1', async () => {
    const directory = await scratchDirectory()
    await using _ = directory
    const plugin = join(directory.path, 'check_me')
    await writeFile(plugin, '#!/bin/sh\necho "WARNING - nearly | load=5;4;8"\nexit 1\n', { mode: 0o755 })
    const result = await check('nagios.plugin', '--set', `directory=${directory.path}`, '--set', 'command=check_me')
    expect([result.code, result.stdout.split(' ')[0]]).toEqual([1, 'WARNING'])
  })
  test('3 when it cannot be checked as it was asked, with the right word', async () => {
    const [setting, monitor, value, none] = await Promise.all([
      check('http.response', '--set', 'ulr=http://x'),
      check('http.respons', '--set', 'url=http://x'),
      check('tcp.port', '--set', 'host=x', '--set', 'port=many'),
      check(),
    ])
    expect([setting.code, setting.stderr.includes('url')]).toEqual([3, true])
    expect([monitor.code, monitor.stderr.includes('http.response')]).toEqual([3, true])
    expect([value.code, value.stderr.includes('port')]).toEqual([3, true])
    expect([none.code, none.stderr.includes('--list')]).toEqual([3, true])
  })
  test('--list names the library', async () => {
    const human = await check('--list')
    const json = await check('--list', '--json')
    const ids = (JSON.parse(json.stdout) as { id: string }[]).map(({ id }) => id)
    expect(ids).toEqual((await instance.call('listMonitors')).map(({ id }) => id).sort())
    expect([human.code, ids.filter((id) => !human.stdout.includes(`${id} — `))]).toEqual([0, []])
  })
})

test('the tenants of a HANA are named by its SYSTEMDB, with the credential and the settings of the connector that is there', async () => {
  const host = '127.0.0.78'
  const view = [
    { NAME: 'HDB', HOST: 'hana1', PORT: 30_015n, SERVICE: 'indexserver' },
    { NAME: 'PRD', HOST: 'hana1', PORT: 30_047n, SERVICE: 'indexserver' },
    { NAME: 'SYSTEMDB', HOST: 'hana1', PORT: 30_013n, SERVICE: 'nameserver' },
  ]
  const system = await startHana({ at: { host, port: 30_013 }, answers: { 'SYS_DATABASES.M_SERVICES': view } })
  const tenant = await startHana({ at: { host, port: 30_015 } })
  try {
    const monitor = { name: 'hana-login', type: 'basic', username: 'MONITOR', secret: { value: 'Geheim1' } }
    const systemdb = { name: 'systemdb', type: 'hana', settings: { host, tls: 'off' }, credential: 'hana-login' }
    const systems = [{ name: 'HDB-system', connectors: [systemdb] }]
    await apply({ groups: [{ name: 'sap', credentials: [monitor], systems }] })
    const look = async (...words: string[]) => {
      const { stdout } = await instance.cli(['discover', host, '--group', 'sap', ...words])
      return lines(stdout).filter((line) => /HANA|^ {8,}- name: hana|port: 30/.test(line))
    }
    expect([
      await look(),
      system.signIns(),
      await look('--credential', 'hana-login'),
      system.signIns(),
      tenant.signIns(),
    ]).toEqual([
      [
        '#   hana-00-30015: SAP HANA 00, a tenant, port 30015 (port 30015 answered in the words of HANA)',
        '# Left out, needs a credential (--credential NAME): hana-00-30015: SAP HANA 00, a tenant, port 30015',
        '# Left out, is there as HDB-system / systemdb: SAP HANA 00, SYSTEMDB, port 30013',
      ],
      0,
      [
        '#   hana-00-HDB: SAP HANA 00, tenant HDB, port 30015 (named by the SYSTEMDB of instance 00)',
        '#   hana-00-PRD: SAP HANA 00, tenant PRD, port 30047 (named by the SYSTEMDB of instance 00)',
        '# Left out, is there as HDB-system / systemdb: SAP HANA 00, SYSTEMDB, port 30013',
        '          - name: hana-00-HDB',
        '              port: 30015',
        '          - name: hana-00-PRD',
        '              port: 30047',
      ],
      1,
      0,
    ])
  } finally {
    await system.stop()
    await tenant.stop()
  }
})

test('wrong use ends with 2 and says what is possible, an instance that does not run with 1 and a hint', async () => {
  await using scratch = await scratchDirectory()
  const [unknown, option, excess, version, none] = await Promise.all([
    runCli(['statsu']),
    runCli(['status', '--jsn']),
    runCli(['export', 'now', 'please']),
    runCli(['--version']),
    runCli(['status', '--data', scratch.path]),
  ])
  expect([unknown!.code, unknown!.stderr.includes('status')]).toEqual([2, true])
  expect([option!.code, option!.stderr.includes('--json')]).toEqual([2, true])
  expect(excess!.code).toBe(2)
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  expect([none!.code, none!.stderr.includes('no instance runs on'), none!.stderr.includes('--url')]).toEqual([
    1,
    true,
    true,
  ])
})
