import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificateFor } from '../servers/certificate.ts'
import { TestInstance, runCli, until } from '../support/instance.ts'
import { scratchDirectory } from '../support/launch.ts'

const execute = promisify(execFile)
let instance: TestInstance
beforeAll(async () => {
  instance = await TestInstance.start()
})
afterAll(() => instance?.[Symbol.asyncDispose]())

/** Fingerprint and names of what a server shows to a new connection. */
function shownAt(url: string): Promise<{ fingerprint: string; names: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      const { fingerprint256, subjectaltname = '' } = socket.getPeerCertificate()
      socket.destroy()
      resolve({ fingerprint: fingerprint256, names: subjectaltname })
    })
    socket.once('error', reject)
  })
}

async function refusal(path: string, body: unknown, token = instance.token): Promise<string> {
  const answer = await instance.send('POST', `/api/v1/certificates/${path}`, body, token)
  const { error } = JSON.parse(answer.body) as { error?: { code: string; message: string } }
  return `${answer.status} ${error?.code}: ${error?.message}`
}

test('a generated certificate is shown to new connections at once, and the command line goes on', async () => {
  const before = await shownAt(instance.url)
  const own = await instance.call('generateCertificate', { body: {} })
  const machine = await shownAt(instance.url)
  expect([
    machine.fingerprint === own.fingerprint,
    own.names.includes('localhost'),
    own.names.includes('127.0.0.1'),
  ]).toEqual([true, true, true])
  const made = await instance.cli(['certificate', 'generate', 'watch.example.net', '10.1.2.3', '127.0.0.1'])
  const after = await shownAt(instance.url)
  expect({ code: made.code, names: after.names, shown: made.stdout.includes(after.fingerprint) }).toEqual({
    code: 0,
    names: 'DNS:watch.example.net, IP Address:10.1.2.3, IP Address:127.0.0.1',
    shown: true,
  })
  expect(new Set([before, machine, after].map(({ fingerprint }) => fingerprint)).size).toBe(3)
  expect((await instance.cli(['certificate'])).stdout).toContain(after.fingerprint)
  expect(await refusal('generate', { names: ['not a name'] })).toMatch(/^400 invalid-value: "not a name" is neither/)
  expect((await shownAt(instance.url)).fingerprint).toBe(after.fingerprint)
})

test('own ones are imported as PEM and as PKCS#12, and what does not fit is refused', async () => {
  await using scratch = await scratchDirectory()
  const file = (name: string) => join(scratch.path, name)
  const [one, other] = await Promise.all([certificateFor('one.example.net'), certificateFor('other.example.net')])
  await Promise.all([
    writeFile(file('one.pem'), one.cert),
    writeFile(file('one.key'), one.key),
    writeFile(file('other.pem'), other.cert),
    writeFile(file('other.key'), other.key),
    writeFile(file('password'), 'open sesame\n'),
  ])
  const pem = await instance.cli(['certificate', 'import', '--certificate', file('one.pem'), '--key', file('one.key')])
  expect([pem.code, (await shownAt(instance.url)).names]).toEqual([0, 'DNS:one.example.net'])
  await execute('openssl', [
    ...['pkcs12', '-export', '-in', file('other.pem'), '-inkey', file('other.key')],
    ...['-out', file('other.p12'), '-passout', `file:${file('password')}`],
  ])
  const wrong = await instance.cli(['certificate', 'import', '--pkcs12', file('other.p12')])
  const right = await instance.cli([
    ...['certificate', 'import', '--pkcs12', file('other.p12'), '--password-file', file('password')],
  ])
  expect([wrong.code, right.code, (await shownAt(instance.url)).names]).toEqual([1, 0, 'DNS:other.example.net'])

  expect([
    await refusal('import', { certificate: one.cert, key: other.key }),
    await refusal('import', { certificate: one.cert, key: 'nonsense' }),
    await refusal('import', { certificate: 'nonsense', key: one.key }),
    (await refusal('import', { certificate: one.cert })).slice(0, 16),
    (await refusal('import', { pkcs12: 'AAAA', key: one.key })).slice(0, 16),
  ]).toEqual([
    '400 invalid-value: the private key does not belong to the first certificate',
    '400 invalid-value: the private key cannot be read',
    '400 invalid-value: the text holds 0 certificates; 1 to 20 are allowed',
    '400 bad-request:',
    '400 bad-request:',
  ])
  const audit = await instance.call('listAudit', { query: {} })
  expect({
    last: audit[0]!.action,
    keys: JSON.stringify(audit).includes('PRIVATE KEY'),
    log: instance.log.includes('PRIVATE KEY'),
  }).toEqual({ last: 'certificate imported', keys: false, log: false })
  // Other tools open the keystore with the password beside it.
  const opened = await execute('openssl', [
    ...['pkcs12', '-in', join(instance.data, 'certificates', '.keystore'), '-nokeys'],
    ...['-passin', `file:${join(instance.data, 'keys', 'keystore.password')}`],
  ])
  expect(opened.stdout).toContain('BEGIN CERTIFICATE')
})

test('a trusted server is reached, from the moment on that it is trusted, without a restart', async () => {
  const { key, cert } = await certificateFor('127.0.0.1')
  const server = createServer({ key, cert }, (_request, response) => response.end())
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await instance.call('applyConfiguration', {
      query: {},
      body: { plugins: [{ name: 'hook', plugin: 'webhook', settings: { url }, sends: ['alarms'] }] },
    })
    const deliver = () => instance.call('testPlugin', { params: { name: 'hook' } })
    expect((await deliver()).delivered).toBe(false)

    const seen = await instance.call('trustCertificate', { body: { url } })
    expect([seen.trusted, seen.certificate.names, (await deliver()).delivered]).toEqual([false, ['127.0.0.1'], false])
    expect(await refusal('trusted', { url, fingerprint: 'AB'.repeat(32) })).toContain('502 untrusted-certificate')
    const { fingerprint } = seen.certificate
    expect(await instance.call('trustCertificate', { body: { url, fingerprint } })).toMatchObject({ trusted: true })
    expect((await deliver()).delivered).toBe(true)
    await instance.call('distrustCertificate', { params: { fingerprint } })
    expect((await instance.call('listCertificates')).map(({ use }) => use)).toEqual(['tls'])

    // Beside the running instance, by the command line alone.
    const data = ['--data', instance.data]
    const asked = await runCli(['trust', url, ...data])
    const other = await runCli(['trust', url, '--fingerprint', 'CD'.repeat(32), ...data])
    const nobody = await runCli(['trust', 'https://127.0.0.1:1', '--yes', ...data])
    expect([asked, other, nobody].map(({ code, stderr }) => `${code} ${/\[([a-z-]+)\]/.exec(stderr)?.[1]}`)).toEqual([
      '2 wrong-use',
      '1 untrusted-certificate',
      '1 unreachable',
    ])
    expect(asked.stdout).toContain(fingerprint)
    const trusted = await runCli([
      'trust',
      url,
      '--fingerprint',
      fingerprint.replaceAll(':', '').toLowerCase(),
      ...data,
    ])
    expect([trusted.code, trusted.stdout.endsWith('Trusted.\n')]).toEqual([0, true])
    await until(
      'the running instance trusts it',
      () => instance.call('listCertificates'),
      (all) => all.some((one) => one.use === 'trusted' && one.fingerprint === fingerprint),
    )
    expect((await deliver()).delivered).toBe(true)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('trust can be given before the first start, and stays', async () => {
  await using data = await scratchDirectory()
  const { fingerprint } = await shownAt(instance.url)
  const trusted = await runCli(['trust', instance.url, '--yes'], { env: { FARWATCH_DATA: data.path } })
  expect([trusted.code, trusted.stdout.includes(fingerprint)]).toEqual([0, true])
  await using second = await TestInstance.start({ data: data.path })
  expect((await second.call('listCertificates')).map((one) => `${one.use} ${one.fingerprint === fingerprint}`)).toEqual(
    ['tls false', 'trusted true'],
  )
  expect(await readFile(join(data.path, 'farwatch.json'), 'utf8')).toContain(second.uuid)
})

test('only an administrator of everything changes certificates and associations', async () => {
  await instance.call('createUser', {
    body: { username: 'ed', password: 'a good long password', grants: [{ group: '*', role: 'editor' }] },
  })
  const answer = await instance.send(
    'POST',
    '/api/v1/sessions',
    { username: 'ed', password: 'a good long password' },
    '',
  )
  const { token } = JSON.parse(answer.body) as { token: string }
  const codes = await Promise.all([
    refusal('generate', {}, token),
    refusal('trusted', { certificate: 'x' }, token),
    instance
      .send('PUT', '/api/v1/associations', { associations: [] }, token)
      .then(({ status, body }) => `${status} ${(JSON.parse(body) as { error: { code: string } }).error.code}`),
  ])
  expect(codes.map((code) => code.slice(0, 13))).toEqual(Array(3).fill('403 forbidden'))
})

test('an edit of associations says first which groups it would leave to nobody', async () => {
  const before = (await instance.call('listAssociations')).associations
  const body = { associations: [{ group: 'local', agents: ['far-away'] }] }
  const planned = await instance.call('replaceAssociations', { query: { dryRun: true }, body })
  expect([planned.uncovered.map(({ group }) => group), planned.difference.applied]).toEqual([['local'], false])
  expect((await instance.call('listAssociations')).associations).toEqual(before)
  const made = await instance.call('replaceAssociations', { query: {}, body })
  expect([made.difference.applied, (await instance.call('listAssociations')).associations]).toEqual([
    true,
    body.associations,
  ])
  const states = async () => (await instance.call('listGroups')).map(({ name, state }) => `${name} ${state}`)
  await until('nobody runs it', states, (all) => all.includes('local UNCOVERED'))
  const back = await instance.call('replaceAssociations', { query: {}, body: { associations: [] } })
  expect(back.uncovered).toEqual([])
  await until('it is run again', states, (all) => all.includes('local covered'))
  const wrong = await instance.send('PUT', '/api/v1/associations', {
    associations: [{ group: 'nowhere', agents: ['a'] }],
  })
  expect([wrong.status, wrong.body.includes('nowhere')]).toEqual([422, true])
})
