/** Zabbix 6.0: the server with a PostgreSQL of its own, without its portal; hosts and items are put into its database. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { inPath } from '../../scripts/programs.mjs'
import { postgresPrograms, startPostgres, type Postgres } from '../../test/servers/postgres.ts'
import { listening, run, scratch } from '../../test/servers/processes.ts'
import type { Carrying, ComparedKind, Peer, PeerLoad, PreparedPeer } from './peer.ts'

const execute = promisify(execFile)
const packaged = '/usr/share/zabbix-server-pgsql'
const template = 'zabbix'
/** Above all ids of what comes with it. */
const firstId = 1_000_000

// PostgreSQL as it comes, where the one of the tests spares the disk and memory. Each of Zabbix' processes keeps a connection.
const asItComes = ['fsync = on', 'shared_buffers = 128MB', 'max_connections = 100'].join('\n')

/** An item, as SQL over `n`, which counts from 0. Types are Zabbix' own: 3 a simple check, 19 its HTTP client; values 0 a number, 1 a text. */
const items: Record<
  ComparedKind,
  { type: number; valueType: 0 | 1; key(port: number): string; url(port: number): string }
> = {
  'http-new': { type: 19, valueType: 1, key: () => `'page'`, url: (port) => `'http://127.0.0.1:${port}/'` },
  tcp: { type: 3, valueType: 0, key: (port) => `'net.tcp.service.perf[tcp,127.0.0.1,${port}]'`, url: () => `''` },
  ping: {
    type: 3,
    valueType: 0,
    key: () => `'icmppingsec[127.' || 1 + (n >> 16) || '.' || (n >> 8 & 255) || '.' || (n & 255) || ',3,20]'`,
    url: () => `''`,
  },
}

// A host for each item: keys must differ within a host, and Zabbix spreads pings over their period by host.
function loadSql({ kind, tasks, periodMs, port }: PeerLoad): string {
  const { type, valueType, key, url } = items[kind]
  const each = `FROM generate_series(0, ${tasks - 1}) n`
  const id = `${firstId} + n`
  return `
    INSERT INTO hosts (hostid, host, name) SELECT ${id}, 'target-' || n, 'target-' || n ${each};
    INSERT INTO interface (interfaceid, hostid, main, type) SELECT ${id}, ${id}, 1, 1 ${each};
    INSERT INTO items (itemid, hostid, interfaceid, type, value_type, name, key_, url, delay)
      SELECT ${id}, ${id}, ${id}, ${type}, ${valueType}, 'check', ${key(port)}, ${url(port)}, '${periodMs / 1_000}s' ${each};
    INSERT INTO item_rtdata (itemid) SELECT ${id} ${each};`
}

/** A port that Zabbix accepts in its configuration: none of those that a system hands out. */
async function configurablePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

async function packagedSql(part: string): Promise<string> {
  return (await promisify(gunzip)(await readFile(join(packaged, `${part}.sql.gz`)))).toString('utf8')
}

/**
 * A cluster with the database as Zabbix' package brings it, from which each load gets a copy. Of the data that come with it only what a
 * server needs: its templates take a minute to store and are used by none of these hosts.
 */
async function database(): Promise<Postgres> {
  const postgres = await startPostgres(asItComes)
  const directory = await scratch('zabbix-sql')
  try {
    await postgres.sql(`CREATE DATABASE ${template}`)
    const psql = join((await postgresPrograms()) ?? '', 'psql')
    const way = ['-h', postgres.host, '-p', String(postgres.port), '-U', postgres.user, '-d', template]
    const needed = (await packagedSql('data')).match(/^INSERT INTO (role|users|hstgrp|usrgrp|config) .*$/gm) ?? []
    const file = join(directory.path, 'zabbix.sql')
    await writeFile(file, `${await packagedSql('schema')}\n${needed.join('\n')}\n`)
    await execute(psql, [...way, '-X', '-q', '--single-transaction', '-v', 'ON_ERROR_STOP=1', '-f', file], {
      env: { ...process.env, PGPASSWORD: postgres.password },
    })
    return postgres
  } catch (thrown) {
    await postgres.stop()
    throw thrown
  } finally {
    await directory.remove()
  }
}

async function carry(postgres: Postgres, name: string, load: PeerLoad): Promise<Carrying> {
  await postgres.sql(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  await postgres.sql(loadSql(load), name)
  const directory = await scratch('zabbix')
  const port = await configurablePort()
  const configuration = join(directory.path, 'zabbix_server.conf')
  const settings = {
    ListenIP: '127.0.0.1',
    ListenPort: port,
    LogType: 'console',
    PidFile: join(directory.path, 'zabbix.pid'),
    SocketDir: directory.path,
    DBHost: postgres.host,
    DBPort: postgres.port,
    DBName: name,
    DBUser: postgres.user,
    DBPassword: postgres.password,
    FpingLocation: '/usr/bin/fping',
    AllowRoot: 1,
    // Enough for the rates; each further process costs memory and a connection.
    StartPollers: 5,
    StartPingers: 4,
    StartDiscoverers: 0,
    StartHTTPPollers: 0,
    CacheSize: '32M',
    HistoryCacheSize: '32M',
  }
  await writeFile(
    configuration,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
    {
      mode: 0o600,
    },
  )
  const server = run('/usr/sbin/zabbix_server', ['--foreground', '--config', configuration])
  const stop = async () => {
    await server.stop()
    await directory.remove()
    await postgres.sql(`DROP DATABASE ${name} WITH (FORCE)`)
  }
  try {
    await listening(port, server)
  } catch (thrown) {
    await stop()
    throw thrown
  }
  const table = items[load.kind].valueType === 0 ? 'history' : 'history_str'
  return {
    parts: [{ name: 'with PostgreSQL', roots: [server.child.pid ?? 0, postgres.pid] }],
    stop,
    async stored(from, to) {
      const seconds = `clock > ${Math.floor(from / 1_000)} AND clock <= ${Math.floor(to / 1_000)}`
      // The time of a check that failed is stored as 0.
      const answered = table === 'history' ? 'value > 0' : `value <> ''`
      return Number(await postgres.sql(`SELECT count(*) FROM ${table} WHERE ${seconds} AND ${answered}`, name))
    },
  }
}

export const zabbix: Peer = {
  name: 'zabbix',
  programs: [
    { package: 'zabbix-server-pgsql', isThere: () => existsSync(join(packaged, 'schema.sql.gz')) },
    { package: 'postgresql', isThere: () => existsSync('/usr/lib/postgresql') },
    { package: 'fping', isThere: () => inPath('fping') },
  ],
  rates: { 'http-new': 1_000, tcp: 1_000, ping: 400 },
  does: {
    'http-new': 'HTTP agent item, the body as text',
    tcp: 'net.tcp.service.perf, the seconds',
    ping: 'icmppingsec, 3 packets 20 ms apart, the mean',
  },
  async prepare(): Promise<PreparedPeer> {
    const postgres = await database()
    let loads = 0
    return {
      carry: (load) => carry(postgres, `load_${++loads}`, load),
      [Symbol.asyncDispose]: () => postgres.stop(),
    }
  },
}
