import { execFile } from 'node:child_process'
import { appendFile, chmod, chown, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, listening, run, scratch } from './processes.ts'

const execute = promisify(execFile)

export interface Postgres {
  readonly host: '127.0.0.1'
  readonly port: number
  /** The superuser. */
  readonly user: 'postgres'
  readonly password: string
  /** Of the postmaster, whose children serve the sessions. */
  readonly pid: number
  /** Runs SQL as the superuser, in a database. */
  sql(text: string, database?: string): Promise<string>
  stop(): Promise<void>
}

/** The directory of the newest PostgreSQL's programs, or undefined where none is installed. */
export async function postgresPrograms(): Promise<string | undefined> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  const newest = versions
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a)[0]
  return newest === undefined ? undefined : join(root, String(newest), 'bin')
}

/** The ids that the distribution gave a user of its own. */
export async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((which) => execute('id', [which, name])))
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
}

/** A real PostgreSQL on a free port, with password sign-in and an empty cluster. `configuration` is appended to postgresql.conf. */
export function startPostgres(configuration = ''): Promise<Postgres> {
  return start(async (programs, data, options) => {
    const passwordFile = `${data}-password`
    await writeFile(passwordFile, password)
    await chmod(passwordFile, 0o644)
    const words = [
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--no-sync',
      '--no-instructions',
      '--encoding=UTF8',
    ]
    await execute(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '--locale=C', ...words], options)
    return [
      `listen_addresses = '127.0.0.1'`,
      `unix_socket_directories = ''`,
      'fsync = off',
      'shared_buffers = 16MB',
      'max_connections = 30',
      'log_min_messages = warning',
      configuration,
    ].join('\n')
  })
}

/** A standby of another one, copied from it and following it by a slot of its own, which is named `standby`. */
export function startStandby(primary: Postgres): Promise<Postgres> {
  return start(async (programs, data, options) => {
    const way = ['-h', primary.host, '-p', String(primary.port), '-U', primary.user, '--create-slot', '--slot=standby']
    const words = ['--write-recovery-conf', '--wal-method=stream', '--checkpoint=fast', '--no-sync']
    const env = { ...process.env, PGPASSWORD: primary.password, PGAPPNAME: 'standby' }
    await execute(join(programs, 'pg_basebackup'), ['-D', data, ...way, ...words], { ...options, env })
    await chmod(data, 0o700)
    return ''
  })
}

const password = 'p0stgres-secret'

interface AsUser {
  readonly cwd: string
  readonly uid?: number
  readonly gid?: number
}

/** Has a data directory made, and serves it. What `make` gives is appended to the configuration. */
async function start(make: (programs: string, data: string, options: AsUser) => Promise<string>): Promise<Postgres> {
  const programs = await postgresPrograms()
  if (programs === undefined) throw new Error('PostgreSQL is not installed')
  const directory = await scratch('postgres')
  const port = await freePort()
  try {
    // The server refuses to run as root; root becomes the user that the distribution made for it. As a direct child of ours, so that
    // it can be ended by its id: runuser keeps the signals it is sent to itself.
    const user = process.getuid?.() === 0 ? await idsOf('postgres') : undefined
    if (user !== undefined) await chown(directory.path, user.uid, user.gid)
    const options = { cwd: directory.path, ...user }
    await chmod(directory.path, 0o750)
    const data = join(directory.path, 'data')
    const configuration = await make(programs, data, options)
    await appendFile(join(data, 'postgresql.conf'), `${configuration}\nport = ${port}\n`)
    const server = run(join(programs, 'postgres'), ['-D', data], options)
    const stop = async () => {
      // A fast shutdown: sessions are ended, not waited for.
      await server.stop('SIGINT')
      await directory.remove()
    }
    try {
      await listening(port, server)
      const sql = async (text: string, database = 'postgres') => {
        const args = [
          '-h',
          '127.0.0.1',
          '-p',
          String(port),
          '-U',
          'postgres',
          '-d',
          database,
          '-XAtq',
          '-v',
          'ON_ERROR_STOP=1',
        ]
        const { stdout } = await execute(join(programs, 'psql'), [...args, '-c', text], {
          env: { ...process.env, PGPASSWORD: password },
        })
        return stdout.trim()
      }
      // It listens a moment before it lets anybody in.
      const until = Date.now() + 60_000
      for (;;) {
        const failed = await sql('SELECT 1').then(
          () => undefined,
          (error: unknown) => error,
        )
        if (failed === undefined) break
        if (Date.now() > until) throw new Error('it lets nobody in', { cause: failed })
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return { host: '127.0.0.1', port, user: 'postgres', password, pid: server.child.pid ?? 0, sql, stop }
    } catch (error) {
      await stop()
      throw error
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
