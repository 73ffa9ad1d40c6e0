import { defineMonitor } from '../sdk/index.ts'
import { shareOf } from './formats/measured.ts'
import { namedItems, namesOf, numberOf, spared, unprotected, userNeeded } from './formats/sap.ts'

/** The application servers behind a Web Dispatcher, as it sees them. */
export default defineMonitor({
  id: 'sap.webdispatcher',
  title: 'SAP Web Dispatcher',
  summary: 'The servers behind a Web Dispatcher: whether they are up, their load, their connections and their times.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    up: { title: 'The server is up (1) or not (0)', unit: '', items: ['server'] },
    servers: { title: 'Servers', unit: '' },
    servers_up: { title: 'Servers that are up', unit: '' },
    load: { title: 'Load as the Web Dispatcher reckons it', unit: '', items: ['server'] },
    connections: { title: 'Connections to the server', unit: '', items: ['server'] },
    connections_used: { title: 'Connections to the server, of those there can be', unit: '%', items: ['server'] },
    response: { title: 'Response time, on average', unit: 'ms', items: ['server'] },
    ping: { title: 'Time of the last ping', unit: 'ms', items: ['server'] },
  },
  period: '1m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'server down', metric: 'up', thresholds: { WARNING: '< 1' } },
    { name: 'all servers down', metric: 'servers_up', thresholds: { CRITICAL: '< 1' } },
    { name: 'connections used up', metric: 'connections_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
  ],
  needs: userNeeded('The instance of a Web Dispatcher. To see its servers:'),
  grant: unprotected('WebDispGetServerList'),
  thresholdsFrom: 'Our own judgement.',
  tryIt:
    'Stop one application server of a test system, then: `farwatch check sap.webdispatcher --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const seen = await client.read('WebDispGetServerList', signal)
    if (seen.is === 'not asked') return spared(seen)
    const { rows } = seen
    const names = namesOf(rows, ({ instance, hostname, protocol, port }) => {
      const server = instance || [hostname, port].filter((part) => part).join(':')
      return server === '' ? null : [server, protocol].filter((part) => part).join(' ')
    })
    const up = rows.map(({ status }) => /^(ok|active|available|up|running|online)\b/i.test(status ?? ''))
    const down = names.filter((_name, place) => !up[place])
    return {
      metrics: {
        up: namedItems(rows, 'server', names, (_row, place) => (up[place] === true ? 1 : 0)),
        servers: rows.length,
        servers_up: rows.length - down.length,
        load: namedItems(rows, 'server', names, ({ load }) => numberOf(load)),
        connections: namedItems(rows, 'server', names, (row) => numberOf(row['cur-conn'])),
        connections_used: namedItems(rows, 'server', names, (row) =>
          shareOf(numberOf(row['cur-conn']), numberOf(row['max-conn'])),
        ),
        response: namedItems(rows, 'server', names, (row) => numberOf(row['resp-time-avg'])),
        ping: namedItems(rows, 'server', names, (row) => numberOf(row['ping-time-last'])),
      },
      message: down.length === 0 ? `${rows.length} servers are up` : `down: ${down.join(', ')}`.slice(0, 900),
    }
  },
})
