import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { certificateFor } from './certificate.ts'
import { freePort, run, scratch, serving } from './processes.ts'

const execute = promisify(execFile)

export interface Dovecot {
  readonly port: number
  readonly tlsPort: number
  /** For `localhost`; PEM, to be trusted. */
  readonly certificate: string
  /** Puts a message into INBOX of anna, as the program does that delivers mail. */
  deliver(message: string): Promise<void>
  /** What is in her INBOX now: one text for each message. */
  messages(): Promise<readonly string[]>
  stop(): Promise<void>
}

/** A real Dovecot with the user `anna` (password `geheim "x"`), who has two messages in INBOX, one of them read. */
export async function startDovecot(): Promise<Dovecot> {
  const directory = await scratch('dovecot')
  const at = (...names: string[]) => join(directory.path, ...names)
  const [port, tlsPort] = [await freePort(), await freePort()]
  try {
    const { key, cert } = await certificateFor('localhost')
    const isRoot = process.getuid?.() === 0
    // Mail of root is refused; root's tests keep theirs as nobody.
    const [uid, gid] = isRoot ? [65_534, 65_534] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
    const me = isRoot ? '' : (await execute('id', ['-un'])).stdout.trim()
    await chmod(directory.path, 0o755)
    await writeFile(at('key.pem'), key, { mode: 0o600 })
    await writeFile(at('cert.pem'), cert)
    await writeFile(at('users'), 'anna:{PLAIN}geheim "x"\n')
    for (const folder of [[], ['anna'], ['anna', 'cur'], ['anna', 'new'], ['anna', 'tmp']]) {
      await mkdir(at('mail', ...folder))
      await chown(at('mail', ...folder), uid, gid)
    }
    const message = 'From: bert@example\nTo: anna@example\nSubject: x\n\nx\n'
    for (const file of [at('mail', 'anna', 'new', '1.one.x'), at('mail', 'anna', 'cur', '2.two.x:2,S')]) {
      await writeFile(file, message)
      await chown(file, uid, gid)
    }
    await writeFile(
      at('dovecot.conf'),
      `
base_dir = ${at('run')}
state_dir = ${at('run')}
log_path = ${at('log')}
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <${at('cert.pem')}
ssl_key = <${at('key.pem')}
auth_mechanisms = plain
disable_plaintext_auth = yes
auth_failure_delay = 0
mail_location = maildir:${at('mail')}/%u
first_valid_uid = 1
passdb {
  driver = passwd-file
  args = ${at('users')}
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${at('mail')}/%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
    ssl = yes
  }
}
service anvil {
  chroot =
  # Lets nobody wait because somebody at this address was wrong before.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${isRoot ? '' : `default_internal_user = ${me}\ndefault_login_user = ${me}\n`}
`,
    )
    const server = run('/usr/sbin/dovecot', ['-F', '-c', at('dovecot.conf')])
    let delivered = 0
    return {
      port,
      tlsPort,
      certificate: cert,
      async deliver(message) {
        const name = `${Date.now()}.${++delivered}.x`
        // Whole when it appears (maildir).
        await writeFile(at('mail', 'anna', 'tmp', name), message)
        await chown(at('mail', 'anna', 'tmp', name), uid, gid)
        await rename(at('mail', 'anna', 'tmp', name), at('mail', 'anna', 'new', name))
      },
      async messages() {
        const folders = ['new', 'cur'].map((folder) => at('mail', 'anna', folder))
        const files = await Promise.all(
          folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
        )
        return Promise.all(files.flat().map((file) => readFile(file, 'utf8')))
      },
      stop: await serving(server, tlsPort, directory),
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
