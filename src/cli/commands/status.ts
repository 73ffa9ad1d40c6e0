import { formatDuration } from '../../base/index.ts'
import type { Client } from '../client.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'

/** One screen: who, what is watched, how well, what is wrong. */
export async function status(terminal: Terminal, client: Client, options: { json?: boolean }): Promise<void> {
  const [now, open] = await Promise.all([
    client.call('showStatus'),
    client.call('listAlarms', { query: { state: 'open', limit: 10 } }),
  ])
  if (options.json === true) return line(terminal.stdout, JSON.stringify({ ...now, open }))
  const roles = [now.instance.roles.server ? 'server' : '', now.instance.roles.agent ? 'agent' : ''].filter(Boolean)
  const alarms = Object.entries(now.alarms)
    .filter(([, count]) => count > 0)
    .reverse()
  const missed = Object.entries(now.coverage.outcomes).filter(([outcome, count]) => count > 0 && outcome !== 'ran')
  const rows = [
    [
      'Instance',
      `${printable(now.instance.name)} (${now.instance.uuid}), version ${now.instance.version}, up ${formatDuration(Math.floor(now.process.uptimeMs / 1_000) * 1_000)}`,
    ],
    ['Role', roles.length === 2 ? 'standalone (server and agent)' : roles.join('')],
    ['Term', String(now.term)],
    ['Agents', `${now.agents.online} online, ${now.agents.offline} offline, ${now.agents.pending} pending`],
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

function mib(bytes: number): string {
  return bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GiB` : `${(bytes / 1024 ** 2).toFixed(0)} MiB`
}
