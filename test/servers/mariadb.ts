import { execFile } from 'node:child_process'
import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { MadeCertificate } from './certificates.ts'
import { freePort, listening, run, scratch } from './processes.ts'

const execute = promisify(execFile)

export interface MariaDb {
  readonly port: number
  /** Runs statements as the superuser; answers with lines of columns parted by tabs. */
  sql(text: string): Promise<string>
  stop(): Promise<void>
}

export interface MariaDbOptions {
  /** Appended to the server's file. */
  readonly configuration?: string
  readonly certificate?: MadeCertificate
}

/** The user that the distribution made for it, where that may be taken on. */
async function owner(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all(['-u', '-g'].map((which) => execute('id', [which, 'mysql'])))
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
}

/** Real MariaDB servers on free ports of 127.0.0.1, with empty data directories: an installation takes seconds, so that there is one for all. */
export async function startMariaDbs(...servers: readonly MariaDbOptions[]): Promise<MariaDb[]> {
  const template = await scratch('mariadb')
  const started: MariaDb[] = []
  try {
    const user = await owner()
    if (user !== undefined) await chown(template.path, user.uid, user.gid)
    const data = join(template.path, 'data')
    await execute('mariadb-install-db', [
      '--no-defaults',
      `--datadir=${data}`,
      '--innodb-log-file-size=4M',
      '--innodb-flush-log-at-trx-commit=0',
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...(user === undefined ? [] : ['--user=mysql']),
    ])
    for (const options of servers) started.push(await start(data, options, user))
    return started
  } catch (error) {
    for (const server of started) await server.stop()
    throw error
  } finally {
    await template.remove()
  }
}

async function start(
  template: string,
  options: MariaDbOptions,
  user: { uid: number; gid: number } | undefined,
): Promise<MariaDb> {
  const directory = await scratch('mariadb')
  const port = await freePort()
  const file = (name: string) => join(directory.path, name)
  try {
    if (options.certificate !== undefined) {
      await writeFile(file('tls.pem'), options.certificate.certificate)
      await writeFile(file('tls.key'), options.certificate.key)
    }
    await writeFile(
      file('my.cnf'),
      [
        '[mariadbd]',
        `datadir=${file('data')}`,
        `socket=${file('socket')}`,
        `pid-file=${file('pid')}`,
        `port=${port}`,
        'bind-address=127.0.0.1',
        'skip-name-resolve',
        'innodb_buffer_pool_size=8M',
        'innodb_log_file_size=4M',
        'innodb_flush_log_at_trx_commit=0',
        'max_connections=20',
        ...(user === undefined ? [] : ['user=mysql']),
        ...(options.certificate === undefined ? [] : [`ssl-cert=${file('tls.pem')}`, `ssl-key=${file('tls.key')}`]),
        options.configuration ?? '',
        '',
      ].join('\n'),
    )
    await execute('cp', ['-a', template, file('data')])
    if (user !== undefined) await chown(directory.path, user.uid, user.gid)
    const server = run('/usr/sbin/mariadbd', [`--defaults-file=${file('my.cnf')}`])
    const stop = async () => {
      await server.stop()
      await directory.remove()
    }
    try {
      await listening(port, server)
    } catch (error) {
      await stop()
      throw error
    }
    const sql = async (text: string) => {
      const { stdout } = await execute('mariadb', [`--socket=${file('socket')}`, '-u', 'root', '-N', '-B', '-e', text])
      return stdout.trim()
    }
    return { port, sql, stop }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
