import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareDataDirectory, type DataDirectory } from '../data-directory.ts'
import { declarationOf, settingNames } from './declarations.ts'
import { openSettings } from './live-settings.ts'
import { resolveSettings, takeSecrets, type GivenSettings } from './resolve.ts'
import { readSetting, writeSetting } from './value.ts'

let directory: DataDirectory

beforeEach(async () => {
  directory = await prepareDataDirectory(mkdtempSync(join(tmpdir(), 'farwatch-settings-')), 0)
})
afterEach(() => rmSync(directory.path, { recursive: true }))

const file = (text: string): GivenSettings => ({ file: { path: 'settings.yaml', text } })

test('the strongest source wins: flag, environment, file, stored, default', () => {
  const all: GivenSettings = {
    flags: { port: '1001' },
    environment: { FARWATCH_PORT: '1002' },
    file: { path: 'settings.yaml', text: 'port: 1003' },
    stored: { port: 1004 },
  }
  const seen = [
    [],
    ['flags'],
    ['flags', 'environment'],
    ['flags', 'environment', 'file'],
    ['flags', 'environment', 'file', 'stored'],
  ]
    .map((without) =>
      resolveSettings(Object.fromEntries(Object.entries(all).filter(([source]) => !without.includes(source)))),
    )
    .map(({ values, sources }) => [values.port, sources.port])
  expect(seen).toEqual([
    [1001, 'flag'],
    [1002, 'environment'],
    [1003, 'file'],
    [1004, 'stored'],
    [8443, 'default'],
  ])
})

test('every default is a value that its own declaration takes, and reads back as it is written', () => {
  const { values } = resolveSettings({})
  const read = settingNames.map((name) => readSetting(declarationOf(name), writeSetting(values[name])))
  expect(read).toEqual(settingNames.map((name) => ({ ok: true, value: values[name] })))
})

test('values may be written with their unit', () => {
  const { values } = resolveSettings({
    environment: {
      FARWATCH_PROCESS_TIMEOUT_MS: '90s',
      FARWATCH_SPOOL_MAX_BYTES: '2GiB',
      FARWATCH_PROCESS_MEMORY_MIB: '1GiB',
      FARWATCH_RAW_RETENTION_DAYS: '2w',
      FARWATCH_RESULT_RETENTION: 'longer-than 5s',
      FARWATCH_SERVER: 'https://a.example.org:8443/, https://b.example.org/watch/',
      FARWATCH_METRICS_PUBLIC: 'true',
      FARWATCH_HOST: '',
    },
  })
  expect(values).toMatchObject({
    processTimeoutMs: 90_000,
    spoolMaxBytes: 2_147_483_648,
    processMemoryMiB: 1_024,
    rawRetentionDays: 14,
    resultRetention: { keep: 'longer-than', ms: 5_000 },
    servers: ['https://a.example.org:8443', 'https://b.example.org/watch'],
    metricsPublic: true,
    host: '0.0.0.0',
  })
})

// what was given → the exact words
const refusals: readonly (readonly [GivenSettings, string, string])[] = [
  [
    { flags: { port: '70000' } },
    '--port: "70000" is too large; it must be a whole number from 0 to 65535',
    'docs/settings.md lists every setting with what is allowed.',
  ],
  [
    { environment: { FARWATCH_PORT: 'tcp://10.0.0.1:443' } },
    'FARWATCH_PORT: "tcp://10.0.0.1:443" is not a whole number; it must be a whole number from 0 to 65535',
    'Kubernetes sets this for a service named farwatch; put `enableServiceLinks: false` into the pod.',
  ],
  [
    { environment: { FARWATCH_ROLE: 'master' } },
    'FARWATCH_ROLE: "master" is not one of the choices; it must be standalone, server, agent',
    'docs/settings.md lists every setting with what is allowed.',
  ],
  [
    { environment: { FARWATCH_SERVER: 'http://a' } },
    'FARWATCH_SERVER: "http://a" has an entry that is not the URL of a server; it must be URLs such as https://watch.example.org:8443, at most 20, without user name',
    'docs/settings.md lists every setting with what is allowed.',
  ],
  [file('prot: 1'), 'prot in settings.yaml: is not a setting', 'Did you mean "port"?'],
  [file('data: ./x'), 'data in settings.yaml: cannot be set in the file', 'Give it as FARWATCH_DATA.'],
  [
    file('adminPassword: hunter2'),
    'adminPassword in settings.yaml: cannot be set in the file',
    'Give it as FARWATCH_ADMIN_PASSWORD.',
  ],
  [
    file('- a'),
    'settings.yaml: must be a map of settings: one `name: value` a line',
    'docs/settings.md lists every setting with what is allowed.',
  ],
  [
    file('parallelTasks: 0\nlogLevel: loud'),
    'parallelTasks in settings.yaml: "0" is too small; it must be a whole number from 1 to 10000 (and 1 more)',
    'docs/settings.md lists every setting with what is allowed.',
  ],
  [
    { environment: { FARWATCH_ADMIN_PASSWORD: 'hunter2\n' } },
    'FARWATCH_ADMIN_PASSWORD: its value contains control characters or broken Unicode; it must be a text of at most 1000 characters in one line',
    'docs/settings.md lists every setting with what is allowed.',
  ],
  [
    { environment: { FARWATCH_DATABASE_URL: 'postgres://u:hunter2@h/d' } },
    'FARWATCH_DATABASE_URL is set, and this version has the embedded database only',
    'Unset FARWATCH_DATABASE_URL; the data is then kept in the data directory.',
  ],
]

test.each(refusals)('%j is refused', (given, message, hint) => {
  let seen: unknown
  try {
    resolveSettings(given)
  } catch (thrown) {
    const { message: words, hint: help } = thrown as { message: string; hint: string }
    seen = { message: words, hint: help }
  }
  expect(seen).toEqual({ message, hint })
})

test('an unknown variable of ours is warned about with the nearest right one, and those of orchestrators are not', () => {
  const environment = {
    FARWATCH_PROT: '1',
    FARWATCH_SERVICE_HOST: 'x',
    FARWATCH_TOKEN: 'fw_x',
    HOME: '/',
    FARWATCH_PORT_8443_TCP: 'x',
  }
  expect(resolveSettings({ environment }).warnings).toEqual([
    'FARWATCH_PROT is not known and was ignored; did you mean FARWATCH_PORT?',
  ])
})

test('secrets leave the environment and are not shown', async () => {
  const environment: Record<string, string | undefined> = { FARWATCH_ADMIN_PASSWORD: 'hunter2', FARWATCH_PORT: '1' }
  const settings = await openSettings(directory, { environment })
  expect(takeSecrets(environment, settings.values)).toEqual({
    databaseUrl: '',
    adminPassword: 'hunter2',
    enrolmentToken: '',
  })
  expect(environment).toEqual({ FARWATCH_PORT: '1' })
  expect(JSON.stringify([settings.shown(), { ...settings.values }])).not.toMatch(/hunter2|adminPassword/)
})

test('a change is stored, holds at once and over a restart, and can be taken back', async () => {
  const settings = await openSettings(directory, {})
  const heard: unknown[] = []
  settings.onChange((changed, values) => heard.push([changed, values.parallelTasks]))
  expect(await settings.change({ parallelTasks: 7, logLevel: 'info' })).toEqual(['parallelTasks'])
  const restarted = await openSettings(directory, {})
  expect([settings.values.parallelTasks, restarted.values.parallelTasks]).toEqual([7, 7])
  expect(restarted.shown().find(({ name }) => name === 'parallelTasks')).toMatchObject({
    value: 7,
    default: 200,
    source: 'stored',
    scope: 'travels',
    change: 'at once',
  })
  await settings.change({ parallelTasks: null })
  expect(heard).toEqual([
    [['parallelTasks'], 7],
    [['parallelTasks'], 200],
  ])
  expect(JSON.parse(readFileSync(directory.file('settings.stored.json'), 'utf8'))).toEqual({ logLevel: 'info' })
})

test('a stronger source overrules a change and says so; a bad change changes nothing', async () => {
  writeFileSync(directory.file('settings.yaml'), '# by the administrator\nparallelTasks: 9\n')
  const settings = await openSettings(directory, {})
  expect(await settings.change({ parallelTasks: 7 })).toEqual([])
  expect(settings.shown().find(({ name }) => name === 'parallelTasks')).toMatchObject({ value: 9, overruledBy: 'file' })
  const bad = { sessionHours: 0, paralelTasks: 1, port: 1, parallelTasks: 8 }
  await expect(settings.change(bad)).rejects.toMatchObject({
    code: 'invalid-setting',
    problems: [
      { path: 'sessionHours' },
      { path: 'paralelTasks', hint: 'Did you mean "parallelTasks"?' },
      { path: 'port', message: 'is given when Farwatch is started and cannot be changed here' },
    ],
  })
  await expect(settings.change({ nonsense: null })).rejects.toMatchObject({ code: 'invalid-setting' })
  expect(JSON.parse(readFileSync(directory.file('settings.stored.json'), 'utf8'))).toEqual({ parallelTasks: 7 })
})

test('the password of a proxy is used and never shown, and what was shown can be given back', async () => {
  const environment: Record<string, string | undefined> = { FARWATCH_PROXY: 'http://u:hunter2@proxy:3128' }
  const given = await openSettings(directory, { environment })
  takeSecrets(environment, given.values)
  const settings = await openSettings(directory, {})
  await settings.change({ proxy: 'http://u:hunter2@proxy:3128' })
  const shown = settings.shown().find(({ name }) => name === 'proxy')!.value
  await settings.change({ proxy: shown, sessionHours: 3 })
  expect([given.values.proxy, environment, shown, settings.values.proxy]).toEqual([
    'http://u:hunter2@proxy:3128',
    {},
    'http://u:***@proxy:3128',
    'http://u:hunter2@proxy:3128',
  ])
  await expect(settings.change({ proxy: 'http://u:***@other:3128' })).rejects.toMatchObject({
    message: 'proxy: the password is needed once more where anything else changes',
  })
  await expect(settings.change({ proxy: 'socks5://u:hunter2@proxy' })).rejects.toMatchObject({
    message:
      'proxy: its value is not the URL of a proxy; it must be http://name:port or https://name:port, with user name and password where the proxy asks for them, or empty',
  })
})
