/** Icinga 2 with the monitoring plugins; what it stores are lines of performance data. */
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { inPath } from '../../scripts/programs.mjs'
import { idsOf } from '../../test/servers/postgres.ts'
import { run, scratch } from '../../test/servers/processes.ts'
import type { Carrying, ComparedKind, Peer, PeerLoad } from './peer.ts'

const plugins = '/usr/lib/nagios/plugins'

/** Arguments of a plugin, in Icinga's language; `vars.n` of a service counts from 0. */
const commands: Record<ComparedKind, (port: number) => string> = {
  'http-new': (port) => `[ "${plugins}/check_http", "-I", "127.0.0.1", "-p", "${port}", "-u", "/" ]`,
  tcp: (port) => `[ "${plugins}/check_tcp", "-H", "127.0.0.1", "-p", "${port}" ]`,
  ping: () => `[ "${plugins}/check_ping", "-4", "-H", "$address$", "-w", "100,20%", "-c", "500,60%", "-p", "3" ]`,
}

function configuration({ kind, tasks, periodMs, port }: PeerLoad, folder: (name: string) => string): string {
  return `
include <itl>
const NodeName = "bench"
const ZoneName = "bench"
object Endpoint NodeName { }
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" { }
object PerfdataWriter "perfdata" {
  host_perfdata_path = "${folder('perfdata')}/host"
  service_perfdata_path = "${folder('perfdata')}/service"
  host_temp_path = "${folder('spool')}/host"
  service_temp_path = "${folder('spool')}/service"
  rotation_interval = 1s
}
object CheckCommand "bench" { command = ${commands[kind](port)} }
object Host "target" { check_command = "dummy"; enable_active_checks = false }
for (n in range(${tasks})) {
  object Service "check-" + n use(n) {
    host_name = "target"
    check_command = "bench"
    check_interval = ${periodMs / 1_000}s
    retry_interval = ${periodMs / 1_000}s
    vars.address = "127." + (1 + (n >> 16)) + "." + ((n >> 8) & 255) + "." + (n & 255)
  }
}
`
}

async function carry(load: PeerLoad): Promise<Carrying> {
  const directory = await scratch('icinga')
  const folder = (name: string) => join(directory.path, name)
  // It leaves root itself for the user that its package made, and needs its folders to be that user's.
  const user = process.getuid?.() === 0 ? await idsOf('nagios') : undefined
  const own = async (path: string) => {
    if (user !== undefined) await chown(path, user.uid, user.gid)
  }
  await chmod(directory.path, 0o755)
  for (const name of ['data', 'log', 'cache', 'spool', 'run', 'perfdata']) {
    await mkdir(folder(name))
    await own(folder(name))
  }
  await own(directory.path)
  const file = folder('icinga2.conf')
  await writeFile(file, configuration(load, folder))
  await own(file)
  const places = { DataDir: 'data', LogDir: 'log', CacheDir: 'cache', SpoolDir: 'spool', InitRunDir: 'run' }
  const server = run(
    '/usr/sbin/icinga2',
    [
      'daemon',
      '-c',
      file,
      '-x',
      'warning',
      ...Object.entries(places).map(([constant, name]) => `-DConfiguration.${constant}=${folder(name)}`),
    ],
    { cwd: directory.path, ...user },
  )
  const stop = async () => {
    await server.stop()
    await directory.remove()
  }
  const written = () => readdir(folder('perfdata'))
  try {
    // It listens nowhere: it runs when it writes.
    for (let attempt = 0; (await written()).length === 0; attempt++) {
      if (server.child.exitCode !== null) throw new Error(`it ended with ${server.child.exitCode}: ${server.output()}`)
      if (attempt > 300) throw new Error(`it checks nothing: ${server.output()}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return {
    parts: [{ name: 'with plugins', roots: [server.child.pid ?? 0] }],
    stop,
    async stored(from, to) {
      const [after, until] = [Math.floor(from / 1_000), Math.floor(to / 1_000)]
      let count = 0
      for (const name of await written()) {
        const text = await readFile(join(folder('perfdata'), name), 'utf8')
        for (const [, second, state] of text.matchAll(/TIMET::(\d+)\t.*SERVICESTATE::(\w+)/g))
          if (Number(second) > after && Number(second) <= until && state === 'OK') count++
      }
      return count
    },
  }
}

export const icinga: Peer = {
  name: 'icinga',
  programs: [
    { package: 'icinga2', isThere: () => inPath('icinga2') },
    { package: 'monitoring-plugins-basic', isThere: () => existsSync(join(plugins, 'check_http')) },
  ],
  // A process is started for each check: two cores do not hold 500 of them a second beside their target.
  rates: { 'http-new': 100, tcp: 100, ping: 100 },
  does: {
    'http-new': 'check_http, a line of performance data',
    tcp: 'check_tcp, a line of performance data',
    ping: 'check_ping, 3 packets 1 s apart, a line of performance data',
  },
  prepare: () => Promise.resolve({ carry, [Symbol.asyncDispose]: () => Promise.resolve() }),
}
