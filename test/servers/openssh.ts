import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, listening, run, scratch } from './processes.ts'

const execute = promisify(execFile)

export interface OpenSsh {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Whoever runs the tests: the server lets nobody else in. */
  readonly username: string
  /** Private keys it lets in; the second is encrypted with `passphrase`. */
  readonly key: string
  readonly encryptedKey: string
  readonly passphrase: 'open sesame'
  /** Files with the key for ssh-add. */
  readonly keyFile: string
  /** `ssh-ed25519 SHA256:…` and `ssh-rsa SHA256:…` */
  readonly hostKeys: { readonly ed25519: string; readonly rsa: string }
  /** What it wrote to its log. */
  log(): string
  /** A server in its place with other host keys. */
  restartWithNewKeys(): Promise<{ readonly ed25519: string; readonly rsa: string }>
  stop(): Promise<void>
}

/** A real sshd as the current user on a free port, with host keys, a configuration and a user's key of its own. */
export async function startOpenSsh(): Promise<OpenSsh> {
  const directory = await scratch('sshd')
  const at = (name: string) => join(directory.path, name)
  const generate = (name: string, type: string, passphrase = '') =>
    execute('ssh-keygen', [
      '-q',
      '-t',
      type,
      ...(type === 'rsa' ? ['-b', '2048'] : ['-a', '1']),
      '-N',
      passphrase,
      '-C',
      '',
      '-f',
      at(name),
    ])
  const fingerprint = async (name: string) => {
    const { stdout } = await execute('ssh-keygen', ['-lf', at(`${name}.pub`)])
    return `ssh-${name.replace(/^.*_/, '')} ${stdout.split(' ')[1]!}`
  }
  const hostKeys = async (round: number) => {
    await generate(`host${round}_ed25519`, 'ed25519')
    // Making one takes long, and whether it changes as well shows nothing more.
    if (round === 0) await generate('host0_rsa', 'rsa')
    return {
      ed25519: await fingerprint(`host${round}_ed25519`),
      rsa: await fingerprint('host0_rsa'),
    }
  }
  try {
    const port = await freePort()
    let shown = await hostKeys(0)
    await Promise.all([generate('user', 'ed25519'), generate('locked', 'ed25519', 'open sesame')])
    await writeFile(
      at('authorized'),
      (await readFile(at('user.pub'), 'utf8')) + (await readFile(at('locked.pub'), 'utf8')),
    )
    // As root it gives up its rights in part, and wants a directory for that.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true })
    const start = async (round: number) => {
      await writeFile(
        at('config'),
        [
          `ListenAddress 127.0.0.1:${port}`,
          `HostKey ${at(`host${round}_ed25519`)}`,
          `HostKey ${at('host0_rsa')}`,
          `AuthorizedKeysFile ${at('authorized')}`,
          'PidFile none',
          'StrictModes no',
          'UsePAM no',
          'PasswordAuthentication no',
          'PermitRootLogin prohibit-password',
          'LogLevel VERBOSE',
          'MaxSessions 10',
          '',
        ].join('\n'),
      )
      const started = run('/usr/sbin/sshd', ['-D', '-e', '-f', at('config')])
      await listening(port, started)
      return started
    }
    let server = await start(0)
    let round = 0
    return {
      host: '127.0.0.1',
      port,
      username: userInfo().username,
      key: await readFile(at('user'), 'utf8'),
      encryptedKey: await readFile(at('locked'), 'utf8'),
      passphrase: 'open sesame',
      keyFile: at('user'),
      hostKeys: shown,
      log: () => server.output(),
      async restartWithNewKeys() {
        await server.stop()
        shown = await hostKeys(++round)
        server = await start(round)
        return shown
      },
      async stop() {
        await server.stop()
        await directory.remove()
      },
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
