import { formatDuration } from '../../base/index.ts'
import type { Connection, Instance, Status } from '../../contract/index.ts'
import type { Client } from '../client.ts'
import { line, mib, printable, table, type Terminal } from '../terminal.ts'

/** One screen: who, what is watched, how well, what is wrong. */
export async function status(terminal: Terminal, client: Client, options: { json?: boolean }): Promise<void> {
  const instance = await client.call('showInstance')
  if (!instance.roles.server) {
    const connection = await client.call('showConnection')
    if (options.json === true) return line(terminal.stdout, JSON.stringify({ instance, connection }))
    const named = `${printable(instance.name)} (${instance.uuid}), version ${instance.version}`
    return line(terminal.stdout, table([['Instance', named], ['Role', 'agent'], ...connectionRows(connection)]))
  }
  const [now, open] = await Promise.all([
    client.call('showStatus'),
    client.call('listAlarms', { query: { state: 'open', limit: 10 } }),
  ])
  if (options.json === true) return line(terminal.stdout, JSON.stringify({ ...now, open }))
  const alarms = Object.entries(now.alarms)
    .filter(([, count]) => count > 0)
    .reverse()
  const missed = Object.entries(now.coverage.outcomes).filter(([outcome, count]) => count > 0 && outcome !== 'ran')
  const rows = [
    [
      'Instance',
      `${printable(now.instance.name)} (${now.instance.uuid}), version ${now.instance.version}, up ${formatDuration(Math.floor(now.process.uptimeMs / 1_000) * 1_000)}`,
    ],
    ['Role', now.instance.roles.agent ? 'standalone (server and agent)' : 'server'],
    ['Term', String(now.term)],
    ...pairRows(now.instance),
    ['Agents', agentCounts(now.agents)],
    ['Watched', `${now.systems} systems, ${now.tasks} tasks`],
    [
      'Coverage',
      `${now.coverage.share === null ? 'nothing ran yet' : `${(now.coverage.share * 100).toFixed(2)} % of the last 24 hours`}${missed.length === 0 ? '' : ` (${missed.map(([outcome, count]) => `${count} ${outcome}`).join(', ')})`}`,
    ],
    [
      'Open alarms',
      alarms.length === 0 ? 'none' : alarms.map(([severity, count]) => `${count} ${severity}`).join(', '),
    ],
    [
      'Storage',
      `${mib(now.storage.bytes)} used${now.storage.freeBytes === null ? '' : `, ${mib(now.storage.freeBytes)} free`}, ${now.storage.series} series${now.storage.writable ? '' : ' — CANNOT BE WRITTEN'}`,
    ],
    ['Memory', `${mib(now.process.rssBytes)}, event loop p99 ${now.process.eventLoopP99Ms.toFixed(0)} ms`],
  ]
  line(terminal.stdout, table(rows))
  // On a terminal a line stays a line; a script or a file gets all of it.
  const cut = (text: string) => (terminal.isInteractive ? text.slice(0, Math.max(40, terminal.columns - 50)) : text)
  if (open.length > 0) {
    line(terminal.stdout, '')
    line(
      terminal.stdout,
      table(
        open.map((alarm) => [
          alarm.raisedAt.slice(0, 19).replace('T', ' '),
          alarm.severity,
          printable(`${alarm.group}/${alarm.system}`),
          cut(printable(alarm.message)),
        ]),
      ),
    )
  }
}

/** What a server says of its pair wherever it is shown; nothing where there is none. */
export function pairRows({ failover }: Instance): readonly (readonly string[])[] {
  if (failover === null || failover.role === 'NONE') return []
  const { role, state, message, activeUrl } = failover
  return [
    ['Pair', `${role}, ${state}`],
    ...(message === null ? [] : [['', printable(message)]]),
    ...(message === null || activeUrl === null ? [] : [['', `the active server: ${printable(activeUrl)}`]]),
  ]
}

/** Those that every instance has, and of the others those there are. */
function agentCounts({ online, offline, pending, ...rarer }: Status['agents']): string {
  const others = Object.entries(rarer).filter(([, count]) => count > 0)
  return [['online', online], ['offline', offline], ['pending', pending], ...others]
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')
}

function standing({ url, serves, acts, term }: Connection['servers'][number]): string {
  const is = serves ? 'works for it' : acts === true ? 'active' : acts === false ? 'stands by' : 'not heard yet'
  return `${printable(url)}: ${is}${term === null ? '' : `, term ${term}`}`
}

/** How it stands between an agent and its server. */
export function connectionRows(now: Connection): readonly (readonly string[])[] {
  const rows: (readonly [string, string | null])[] = [
    ['Server', now.server === null ? 'none' : printable(now.server)],
    ...(now.servers.length < 2 ? [] : now.servers.map((one): [string, string] => ['Knows', standing(one)])),
    ['State', now.state],
    ['', now.message === '' ? null : printable(now.message)],
    ['Fingerprint', now.fingerprint],
    ['Last answer', now.answeredAt ?? 'none yet'],
    ['Runs', `${now.tasks} tasks; ${now.running} running, ${now.waiting} waiting`],
    ['', now.kept ? 'from the assignment it kept, until its server answers' : null],
    ['', now.isolated ? 'it reaches none of its targets' : null],
    ['Spool', `${now.spool.entries} results, ${mib(now.spool.bytes)}`],
    ['Upload', now.upload.problem === null ? null : printable(now.upload.problem)],
  ]
  return rows.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))
}
