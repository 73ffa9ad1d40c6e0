import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareDataDirectory, type DataDirectory } from '../data-directory.ts'
import { openKeystore, type Keystore } from './keystore.ts'
import { fetchServerCertificate } from './server-certificate.ts'

const now = Date.UTC(2026, 10, 22)
let directory: DataDirectory
const opened: Keystore[] = []

beforeEach(async () => {
  directory = await prepareDataDirectory(mkdtempSync(join(tmpdir(), 'farwatch-keystore-')), now)
})
afterEach(() => {
  for (const keystore of opened.splice(0)) keystore.close()
  rmSync(directory.path, { recursive: true })
})

async function open(): Promise<Keystore> {
  const keystore = await openKeystore(directory, {
    now: () => Date.now(),
    onProblem: (thrown) => {
      throw thrown
    },
  })
  opened.push(keystore)
  return keystore
}

const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, { cwd: directory.path, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const asFile = (name: string, content: string): string => {
  writeFileSync(join(directory.path, name), content)
  return name
}
const opensslReads = (): string =>
  openssl('pkcs12', '-in', 'certificates/.keystore', '-passin', 'file:keys/keystore.password', '-nodes')

test('the first start makes a certificate for this machine, and the next start finds it', async () => {
  const first = await open()
  const again = await open()
  expect({ names: first.own().names, trusted: first.trusted() }).toEqual({
    names: ['localhost', '127.0.0.1', '0:0:0:0:0:0:0:1'],
    trusted: [],
  })
  expect(again.tlsMaterial()).toEqual(first.tlsMaterial())
})

test('openssl opens the store and finds key, certificate and what is trusted', async () => {
  const keystore = await open()
  const other = openssl(
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -subj /CN=other -days 30'.split(
      ' ',
    ),
  )
  const trusted = await keystore.trust(other, 'Other server:8443')
  const text = opensslReads()
  expect({
    certificates: text.match(/friendlyName: .*/g),
    keys: text.match(/BEGIN PRIVATE KEY/g)?.length,
    holdsOwn: text.includes(keystore.own().pem.split('\n')[1]!),
    holdsTrusted: text.includes(trusted.pem.split('\n')[1]!),
    trusts: keystore.trusts(trusted.fingerprint.replaceAll(':', '').toLowerCase()),
  }).toEqual({
    certificates: ['friendlyName: farwatch', 'friendlyName: farwatch', 'friendlyName: other-server:8443'],
    keys: 1,
    holdsOwn: true,
    holdsTrusted: true,
    trusts: true,
  })
  await keystore.trust(other, 'again')
  expect(keystore.trusted().map(({ name }) => name)).toEqual(['other-server:8443'])
  await keystore.distrust(trusted.fingerprint)
  expect((await open()).trusted()).toEqual([])
})

test('a certificate generated for given names serves them, and a running server takes it without a restart', async () => {
  const keystore = await open()
  const server = createServer(keystore.tlsMaterial(), (_, response) => response.end('hello'))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  try {
    const { port } = server.address() as AddressInfo
    const seen = (): Promise<string> =>
      fetchServerCertificate('127.0.0.1', port, AbortSignal.timeout(30_000)).then(({ fingerprint }) => fingerprint)
    const before = await seen()
    keystore.onChange(() => server.setSecureContext(keystore.tlsMaterial()))
    const made = await keystore.generate(['watch.example.org', '127.0.0.1'])
    expect([before === made.fingerprint, await seen()]).toEqual([false, made.fingerprint])
    const status = await new Promise((done, failed) => {
      request({ host: '127.0.0.1', port, ca: made.pem, agent: false }, (answer) => {
        answer.resume()
        answer.on('end', () => done(answer.statusCode))
      })
        .on('error', failed)
        .end()
    })
    expect(status).toBe(200)
  } finally {
    server.close()
  }
})

test('an own certificate is imported as PEM and as PKCS#12, an encrypted RSA key included', async () => {
  const keystore = await open()
  // One line for the password read, one for the password written.
  asFile('pass', 'opensesame\nopensesame\n')
  const rsa = openssl(
    ...'req -x509 -newkey rsa:2048 -keyout rsa.key -passout file:pass -subj /CN=rsa.example.org -days 30'.split(' '),
  )
  const key = readFileSync(join(directory.path, 'rsa.key'), 'utf8')
  await expect(keystore.import({ kind: 'pem', certificate: rsa, key })).rejects.toMatchObject({ code: 'invalid-value' })
  const byPem = await keystore.import({ kind: 'pem', certificate: rsa, key, passphrase: 'opensesame' })
  asFile('rsa.crt', rsa)
  openssl(...'pkcs12 -export -inkey rsa.key -passin file:pass -in rsa.crt -out rsa.p12 -passout file:pass'.split(' '))
  const bytes = readFileSync(join(directory.path, 'rsa.p12'))
  await keystore.generate(['localhost'])
  const byPkcs12 = await keystore.import({ kind: 'pkcs12', bytes, password: 'opensesame' })
  expect([byPem.subject, byPkcs12.fingerprint]).toEqual(['CN=rsa.example.org', byPem.fingerprint])
  expect(opensslReads()).toContain('subject=CN = rsa.example.org')
})

test('what cannot be used is refused with the reason, and nothing changes', async () => {
  const keystore = await open()
  const before = keystore.tlsMaterial()
  const certificate = keystore.own().pem
  openssl(...'genpkey -algorithm ed25519 -out stranger.key'.split(' '))
  const stranger = readFileSync(join(directory.path, 'stranger.key'), 'utf8')
  const refused = (act: Promise<unknown>): Promise<string> =>
    act.then(
      () => 'accepted',
      (thrown: Error) => thrown.message,
    )
  const bytes = readFileSync(directory.file('certificates', '.keystore'))
  expect([
    await refused(keystore.import({ kind: 'pem', certificate, key: 'nonsense' })),
    await refused(keystore.import({ kind: 'pem', certificate, key: stranger })),
    await refused(keystore.import({ kind: 'pkcs12', bytes, password: 'wrong' })),
    await refused(keystore.import({ kind: 'pkcs12', bytes: Buffer.from('nonsense'), password: '' })),
    await refused(keystore.generate(['not a name'])),
    await refused(keystore.generate([])),
    await refused(keystore.trust('nonsense', 'x')),
    await refused(keystore.distrust('AA:BB')),
  ]).toEqual([
    'the private key cannot be read',
    'the private key does not belong to the first certificate',
    'the given PKCS#12 file cannot be read: the password is wrong, or the file is damaged',
    'the given PKCS#12 file cannot be read: it is not a PKCS#12 file',
    '"not a name" is neither a DNS name nor an address',
    'a certificate bears 1 to 100 names and addresses, not 0',
    'the text holds 0 certificates; 1 to 20 are allowed',
    'no trusted certificate has the fingerprint AA:BB',
  ])
  expect(keystore.tlsMaterial()).toEqual(before)
})

test('trust given by another process is seen by the one that runs', async () => {
  const running = await open()
  const beside = await open()
  const changed = new Promise<void>((seen) => running.onChange(seen))
  await beside.trust((await fetchedFromItself(beside)).pem, 'north')
  await changed
  expect(running.trusted().map(({ name }) => name)).toEqual(['north'])
})

async function fetchedFromItself(keystore: Keystore): Promise<{ pem: string }> {
  const server = createServer(keystore.tlsMaterial())
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  try {
    const { port } = server.address() as AddressInfo
    return await fetchServerCertificate('127.0.0.1', port, AbortSignal.timeout(30_000))
  } finally {
    server.close()
  }
}

const hasKeytool = ((): boolean => {
  try {
    execFileSync('keytool', ['-help'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

test.runIf(hasKeytool)(
  "Java's keytool lists the own key and the trusted certificate as such",
  { timeout: 120_000 },
  async () => {
    const keystore = await open()
    const pem = openssl(...'req -x509 -newkey rsa:2048 -nodes -keyout other.key -subj /CN=other -days 30'.split(' '))
    await keystore.trust(pem, 'other')
    const args = '-list -keystore certificates/.keystore -storepass:file keys/keystore.password'.split(' ')
    const listed = execFileSync('keytool', args, { cwd: directory.path, encoding: 'utf8' })
    expect(
      listed
        .match(/^(farwatch|other),.*(PrivateKeyEntry|trustedCertEntry)/gm)
        ?.map((line) => line.replace(/,.*, /, ' ')),
    ).toEqual(['farwatch PrivateKeyEntry', 'other trustedCertEntry'])
  },
)
