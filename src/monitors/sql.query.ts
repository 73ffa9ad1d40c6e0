import { defineMonitor, sqlConnectors } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { queryProblems, readUserQuery } from './formats/sql-samples.ts'

const metrics = {
  query_duration: { title: 'Time of the query', unit: 'ms' },
  query_rows: { title: 'Rows that the query gives', unit: '' },
  connect: { title: 'Time until a session was ready', unit: 'ms' },
} as const

/** Anything that a database can be asked: one SELECT of the user's, bounded in rows and time, in a session that cannot write. */
export default defineMonitor({
  id: 'sql.query',
  title: 'SQL query',
  summary: 'A query of one’s own: its numbers become metrics, its texts their labels.',
  connector: sqlConnectors,
  settings: {
    query: {
      kind: 'text',
      label: 'Query',
      help: 'One SELECT. Each numeric column becomes a metric of that name, each other column a label. Runs read-only and within the connector’s statement timeout.',
      multiline: true,
      maxLength: 16_000,
      example: 'SELECT state, count(*) AS orders FROM orders GROUP BY state',
    },
    labels: {
      kind: 'list',
      of: { kind: 'text', label: 'Column', maxLength: 128 },
      label: 'Columns that are labels',
      help: 'Although they hold numbers, such as ids.',
      default: [],
      maxItems: 30,
    },
    maxRows: {
      kind: 'number',
      label: 'Rows at most',
      help: 'A query that gives more fails. Too small: a grown table stops the monitor. Too large: metrics nobody looks at.',
      min: 1,
      max: 10_000,
      integer: true,
      default: 1_000,
    },
  },
  metrics,
  openMetrics: 'The numeric columns of `query`, with its other columns as labels.',
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  rules: [
    { name: 'query failed', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'query slow', metric: 'query_duration', thresholds: { WARNING: '> 10s' } },
  ],
  needs: 'A user that may read what the query reads, and nothing else.',
  grant: 'GRANT SELECT ON orders TO farwatch;',
  thresholdsFrom: 'Our own judgement; rules of one’s own name the columns of the query.',
  tryIt:
    "`farwatch check sql.query --connector postgresql --set host=db1.example --set username=watcher --set secret=… --set query='SELECT 42 AS answer'`",
  check: ({ query }, path) => queryProblems(query, `${path}.query`),
  collect({ query, labels, maxRows }, { client, signal, now }) {
    return client.session(signal, async (session) => {
      const taken = (name: string) => name === 'failed' || Object.hasOwn(metrics, name)
      const seen = await readUserQuery(session, { sql: query, maxRows, now, taken, labels })
      return {
        metrics: measured({ connect: session.connect, query_duration: seen.duration, query_rows: seen.rows }),
        more: seen.samples,
        facts: { version: session.version, database: client.database },
        ...(seen.failure === undefined
          ? {}
          : {
              failure: { reason: 'assertion' as const, message: `${client.target}: ${seen.failure}`.slice(0, 900) },
            }),
      }
    })
  },
})
