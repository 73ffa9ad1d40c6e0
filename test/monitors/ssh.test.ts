import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, TargetError, type OpenCredential, type SshClient } from '../../src/sdk/index.ts'
import { expectSound } from '../../src/sdk/testing.ts'
import { startOpenSsh, type OpenSsh } from '../servers/openssh.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const execute = promisify(execFile)
let server: OpenSsh
let place: Record<string, unknown>
let keyOnly: OpenCredential

beforeAll(async () => {
  server = await startOpenSsh()
  place = { host: 'localhost', port: server.port, hostKeys: [server.hostKeys.ed25519] }
  keyOnly = { type: 'ssh-key', fields: { username: server.username, secret: server.key } }
})
afterAll(() => server?.stop())

function client(settings: Record<string, unknown>, credential: OpenCredential | undefined) {
  const connector = theOne(connectors, 'ssh')
  const checked = checkDeclared(connector, settings, 'connector')
  if (!checked.ok) throw new Error(checked.problems.map((one) => `${one.path} ${one.message}`).join('; '))
  // A connector of this type opens clients of this type.
  return connector.open(checked.value, credential) as SshClient & { close(): void }
}

const said = (run: Promise<unknown>) =>
  run.then(
    () => 'an answer',
    (thrown: unknown) => {
      if (!(thrown instanceof TargetError)) throw thrown
      return `${thrown.reason}: ${thrown.message}`
        .replaceAll(String(server.port), 'PORT')
        .replaceAll(/SHA256:[A-Za-z0-9+/]+/g, 'SHA256:…')
        .replaceAll(server.username, 'USER')
    },
  )
const signal = () => AbortSignal.timeout(60_000)
const echo = (...words: string[]) => ({ words: ['printf', '%s|', ...words], maxOutputBytes: 1_000 })

test('this machine says how it is by SSH', async () => {
  const monitor = theOne(monitors, 'host.linux')
  const first = await runMonitor('host.linux', place, {}, { credential: keyOnly })
  const second = await measured('host.linux', place, {}, { credential: keyOnly, previous: first.kept })
  expectSound(monitor, second, [server.key])
  expect([
    Number(second.metrics['memory_total']) > 1e8,
    Number(second.metrics['uptime']) > 0,
    Number(second.metrics['cpus']) > 0,
    typeof second.facts?.['hostname'],
  ]).toEqual([true, true, true, 'string'])
})

test('the command line checks a host as the program does, outside of this test’s way to load packages', async () => {
  const launcher = fileURLToPath(new URL('../../bin/farwatch', import.meta.url))
  const set = { ...place, username: server.username, secret: server.key, hostKeys: server.hostKeys.ed25519 }
  const args = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`])
  const { stdout } = await execute(
    process.execPath,
    [launcher, 'check', 'ssh.command', '--credential', 'ssh-key', '--set', 'command=echo fine', ...args],
    { timeout: 110_000 },
  )
  expect(stdout).toMatch(/^OK - ssh\.command: fine\n/)
})

test('its file systems and processes are told by SSH', async () => {
  const own = { processes: { tests: '*vitest*', none: 'no such program*' } }
  const space = await measured('host.linux.filesystems', place, {}, { credential: keyOnly })
  const seen = await measured('host.linux.processes', place, own, { credential: keyOnly })
  const units = await runMonitor('host.linux.units', place, {}, { credential: keyOnly })
  expectSound(theOne(monitors, 'host.linux.filesystems'), space)
  expectSound(theOne(monitors, 'host.linux.processes'), seen)
  const counts = seen.metrics['process_count']
  const mounts = space.metrics['filesystem_size']
  expect([
    typeof mounts === 'object' && mounts.some((one) => one.labels['mount'] === '/' && one.value > 1e8),
    typeof counts === 'object' && counts.map((one) => one.value > 0),
    Number(seen.metrics['processes']) > 3,
    // Containers have no systemd, and then say so.
    units.failed ?? typeof units.gathered.metrics['failed_units'],
  ]).toEqual([
    true,
    [true, false],
    true,
    expect.stringMatching(/^number$|^configuration: localhost:\d+ is not run by systemd/),
  ])
})

test('all runs of a client share one connection, which is kept, and more at once than the server has channels for', async () => {
  const host = client(place, keyOnly)
  try {
    const begun = server.log().split('Accepted publickey').length
    const seen = await Promise.all(Array.from({ length: 12 }, (_, i) => host.run(echo(String(i)), signal())))
    const later = await host.run(echo('later'), signal())
    expect([
      seen.map((one) => one.stdout),
      later.stdout,
      server.log().split('Accepted publickey').length - begun,
    ]).toEqual([Array.from({ length: 12 }, (_, i) => `${i}|`), 'later|', 1])
  } finally {
    host.close()
  }
})

test('nothing in a word is expanded, output is bounded, and the exit code is told', async () => {
  const host = client(place, keyOnly)
  try {
    const words = ['$HOME', '`id`', "it's", '*', '; exit 7', '-n', '', 'a\nb']
    const many = await host.run(
      { words: ['sh', '-c', 'yes | head -c 300000; exit 3'], maxOutputBytes: 5_000 },
      signal(),
    )
    expect([
      (await host.run(echo(...words), signal())).stdout,
      [many.exit, many.stdout.length, many.truncated],
      (await host.run({ words: ['no-such-program'], maxOutputBytes: 100 }, signal())).exit,
    ]).toEqual([words.map((word) => `${word}|`).join(''), [3, 5_000, true], 127])
  } finally {
    host.close()
  }
})

// OpenSSH before 9.9 takes no signals from sessions of root; what runs there ends by itself, or when it writes.
const endsOnHost = process.getuid?.() !== 0
test('a command ends with its signal, on the host as well where the server passes signals on', async () => {
  const host = client(place, keyOnly)
  try {
    const stopped = new AbortController()
    const marker = endsOnHost ? `3601.${process.pid}` : `5.${process.pid}`
    const running = said(host.run({ words: ['sleep', marker], maxOutputBytes: 10 }, stopped.signal))
    const runs = async () => (await execute('ps', ['-eo', 'args'])).stdout.includes(`sleep ${marker}`)
    await expect.poll(runs, { timeout: 60_000 }).toBe(true)
    stopped.abort()
    const words = await running
    if (endsOnHost) await expect.poll(runs, { timeout: 60_000 }).toBe(false)
    expect([words, (await host.run(echo('on'), signal())).stdout]).toEqual([
      'timed out: localhost:PORT did not finish the command in time',
      'on|',
    ])
  } finally {
    host.close()
  }
})

test('a host key must be known before anything is sent, and one that changed is refused', async () => {
  const ask = async (hostKeys: string[]) => {
    const host = client({ ...place, hostKeys }, keyOnly)
    const words = await said(host.run(echo('x'), signal()))
    host.close()
    return words
  }
  const { rsa, ed25519 } = server.hostKeys
  const unknown = client({ ...place, hostKeys: [] }, keyOnly)
  const shown = await unknown.run(echo('x'), signal()).catch((thrown: unknown) => String(thrown))
  unknown.close()
  const before = [await ask([rsa]), await ask([rsa.split(' ')[1]!, ed25519.split(' ')[1]!])]
  await server.restartWithNewKeys()
  const after = await ask([ed25519])
  place = { ...place, hostKeys: [(await server.restartWithNewKeys()).ed25519] }
  expect([String(shown).includes(ed25519), await ask([]), before, after]).toEqual([
    true,
    'configuration: the host key of localhost:PORT is not known: ssh-ed25519 SHA256:… – compare it with what `ssh-keygen -lf` shows for the key files of that host, then enter it as a host key of the connector',
    ['an answer', 'an answer'],
    'tls: the host key of localhost:PORT is none of those entered: it shows ssh-ed25519 SHA256:… – either the host was set up anew, or somebody stands between; nothing was sent to it',
  ])
})

test('keys with a passphrase and an agent sign in; what cannot is said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'farwatch-agent-'))
  const socket = join(folder, 'socket')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    await once(agent.stdout, 'data')
    await execute('ssh-add', ['-q', server.keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
    const { username } = server
    const ask = async (credential: OpenCredential | undefined) => {
      const host = client(place, credential)
      const words = await said(host.run(echo('x'), signal()))
      host.close()
      return words
    }
    const locked = (passphrase?: string): OpenCredential => ({
      type: 'ssh-key',
      fields: { username, secret: server.encryptedKey, ...(passphrase === undefined ? {} : { passphrase }) },
    })
    expect([
      await ask(locked(server.passphrase)),
      await ask({ type: 'ssh-agent', fields: { username, socket } }),
      await ask(locked('wrong')),
      await ask(locked()),
      await ask({ type: 'ssh-key', fields: { username, secret: 'no key' } }),
      await ask({ type: 'ssh-key', fields: { username: 'nobody-here', secret: server.key } }),
      await ask({ type: 'ssh-agent', fields: { username, socket: join(folder, 'none') } }),
      await ask(undefined),
    ]).toEqual([
      'an answer',
      'an answer',
      'configuration: the private key for localhost:PORT cannot be used: the passphrase does not open it',
      'configuration: the private key for localhost:PORT cannot be used: it is encrypted, and no passphrase is given',
      'configuration: the private key for localhost:PORT cannot be used: it is in no form that is known; take the file that ssh-keygen wrote',
      'credentials: localhost:PORT refused the sign-in of nobody-here',
      'configuration: the SSH agent cannot be asked: it is not there, or refuses to sign',
      'configuration: no credential to sign in to localhost:PORT with',
    ])
  } finally {
    agent.kill()
    await rm(folder, { recursive: true, force: true })
  }
})

test('a wrong password is tried once and not again, by password and by the questions of PAM alike', async () => {
  // A server that is asked by password alone: the real one would need an account of this machine whose password is known.
  const hostKey = ssh2.utils.generateKeyPairSync('ed25519')
  let tries: string[] = []
  let interactive = false
  const other = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
    connection.on('error', () => undefined)
    connection.on('authentication', (asked) => {
      if (interactive && asked.method === 'keyboard-interactive') {
        asked.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
          tries.push(`question ${answers.join()}`)
          if (answers[0] === 'geheim') asked.accept()
          else asked.reject(['keyboard-interactive'])
        })
      } else if (!interactive && asked.method === 'password') {
        tries.push(`password ${asked.password}`)
        if (asked.password === 'geheim') asked.accept()
        else asked.reject(['password'])
      } else asked.reject([interactive ? 'keyboard-interactive' : 'password'])
    })
    connection.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const channel = acceptExec()
        channel.write('hello')
        channel.exit(0)
        channel.end()
      })
    })
  })
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const settings = { host: '127.0.0.1', port: (other.address() as AddressInfo).port }
  const pin = await said(
    client(settings, { type: 'basic', fields: { username: 'eve', secret: 'x' } }).run(echo('x'), signal()),
  )
  const key = ssh2.utils.parseKey(hostKey.public)
  if (key instanceof Error) throw key
  const { createHash } = await import('node:crypto')
  const hostKeys = [`SHA256:${createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '')}`]
  const ask = async (secret: string, times: number) => {
    const host = client({ ...settings, hostKeys }, { type: 'basic', fields: { username: 'eve', secret } })
    const words = []
    for (let i = 0; i < times; i++)
      words.push((await said(host.run(echo('x'), signal()))).replace(/^.*(credentials)/, '$1'))
    host.close()
    const seen = [words.map((one) => one.replace(String(settings.port), 'PORT')), tries]
    tries = []
    return seen
  }
  try {
    const byPassword = [await ask('geheim', 1), await ask('falsch', 2)]
    interactive = true
    const byQuestion = [await ask('geheim', 1), await ask('falsch', 2)]
    const refusal = 'credentials: 127.0.0.1:PORT refused the sign-in of eve'
    const refused = [refusal, refusal]
    expect([pin.startsWith('configuration'), byPassword, byQuestion]).toEqual([
      true,
      [
        [['an answer'], ['password geheim']],
        [refused, ['password falsch']],
      ],
      [
        [['an answer'], ['question geheim']],
        [refused, ['question falsch']],
      ],
    ])
  } finally {
    await new Promise<void>((resolve) => other.close(() => resolve()))
  }
})

test('wrong ports, wrong services and silent ones are told apart', async () => {
  const web = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const mute = createServer((socket) => socket.on('error', () => undefined))
  for (const one of [web, mute]) {
    one.listen(0, '127.0.0.1')
    await once(one, 'listening')
  }
  const ask = async (port: number, timeoutMs: number) => {
    const seen = await runMonitor('host.linux', { ...place, port }, {}, { credential: keyOnly, timeoutMs })
    return seen.failed?.replace(String(port), 'PORT')
  }
  try {
    expect([
      await ask(1, 60_000),
      await ask((web.address() as AddressInfo).port, 60_000),
      await ask((mute.address() as AddressInfo).port, 200),
    ]).toEqual([
      'refused: connection refused by localhost:PORT',
      'protocol: localhost:PORT does not speak SSH',
      'timed out: localhost:PORT did not finish the sign-in in time',
    ])
  } finally {
    for (const one of [web, mute]) one.close()
  }
})

test('a server is found at a host by its name, and a host key that nobody has compared is not proposed', async () => {
  const discovery = theOne(connectors, 'ssh').discovery
  const found = await discovery?.identify({ host: '127.0.0.1', port: server.port }, signal())
  expect(found?.map((one) => [one.title.replace(/OpenSSH.*/, 'OpenSSH …'), one.settings, one.credential])).toEqual([
    ['SSH server OpenSSH …', { host: '127.0.0.1', port: server.port }, 'ssh-key'],
  ])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('host.linux', place, { credential: keyOnly }),
    await byHand('host.linux.filesystems', place, { credential: keyOnly }),
    await byHand('host.linux.processes', place, {
      credential: keyOnly,
      settings: { processes: { tests: '*vitest*' } },
    }),
    await byHand('host.linux.units', place, { credential: keyOnly }),
    await byHand('cluster.pacemaker', place, { credential: keyOnly, settings: { sudo: false } }),
  ]).toEqual([
    expect.stringMatching(/^[012] host\.linux ran$/),
    expect.stringMatching(/^[012] host\.linux\.filesystems ran$/),
    expect.stringMatching(/^[012] host\.linux\.processes ran$/),
    // A machine may have neither systemd nor a cluster, and then says so.
    expect.stringMatching(/^([012] host\.linux\.units ran|3 host\.linux\.units .* is not run by systemd)/),
    expect.stringMatching(/^([012] cluster\.pacemaker ran|3 cluster\.pacemaker .* shows no cluster)/),
  ])
})
