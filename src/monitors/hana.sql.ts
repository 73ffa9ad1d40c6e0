import { defineMonitor } from '../sdk/index.ts'
import { countersIn, hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana, since } from './formats/hana.ts'
import { measured, shareOf } from './formats/measured.ts'
import { itemsIn, numberIn, sumIn, textIn } from './formats/sql-parts.ts'

/** What HANA allows where the parameter is not set. */
const usualConnections = 65_536
const fewest = 100

/** How fast statements are answered, which take most of the time, and how many are connected. */
export default defineMonitor({
  id: 'hana.sql',
  title: 'HANA statements and connections',
  summary: 'Average time of statements, the statements that took most time, expensive ones, and connections.',
  connector: 'hana',
  settings: {
    statements: {
      kind: 'number',
      label: 'Statements shown',
      help: 'So many of those that took most time in all. 0 shows none, and does not read their texts.',
      min: 0,
      max: 100,
      integer: true,
      default: 10,
    },
  },
  metrics: {
    average: { title: 'Time of a statement since the run before', unit: 'ms', items: ['host', 'port'] },
    executions: { title: 'Statements executed', unit: '', kind: 'counter', items: ['host', 'port'] },
    lock_wait: { title: 'Time of waiting for locks', unit: 's', kind: 'counter', items: ['host', 'port'] },
    top_time: { title: 'Time that a statement took in all', unit: 's', items: ['hash'] },
    top_average: { title: 'Average time of a statement that took much in all', unit: 'ms', items: ['hash'] },
    expensive: { title: 'Expensive statements within five minutes', unit: '' },
    expensive_longest: { title: 'Longest expensive statement within five minutes', unit: 's' },
    connections: { title: 'Connections', unit: '', items: ['type', 'status'] },
    connections_used: { title: 'Connections of those allowed', unit: '%' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'statements slow', metric: 'average', thresholds: { WARNING: '> 1000ms' }, for: '5m' },
    { name: 'connections used up', metric: 'connections_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
  ],
  needs: `${hanaNeeds} Expensive statements are seen where HANA is told to keep them (expensive_statement, enable = true).`,
  grant: hanaGrant,
  thresholdsFrom: `${hanaThresholds}, the Grafana mixin for SAP HANA`,
  tryIt: hanaTry('hana.sql'),
  collect({ statements }, { client, signal, previous, remember }) {
    return readHana(client, signal, async (parts) => {
      const services = await parts.read('plan cache', servicesSql)
      const top = statements === 0 ? undefined : await parts.read('statements', topSql(statements), statements)
      const [expensive] = (await parts.read('expensive statements', expensiveSql)) ?? []
      const connections = await parts.read('connections', connectionsSql)
      const [limit] = (await parts.read('limit', limitSql)) ?? []
      const counted = countersIn(services, ['host', 'port'], ['executions', 'duration'])
      remember(counted)
      const first = top?.[0]
      return {
        metrics: measured({
          average: since(previous, counted, ['host', 'port'], ([times = 0, microseconds = 0]) =>
            times < fewest ? undefined : microseconds / times / 1_000,
          ),
          executions: itemsIn(services, 'executions', ['host', 'port']),
          lock_wait: itemsIn(services, (row) => (numberIn(row, 'lock_wait') ?? Number.NaN) / 1e6, ['host', 'port']),
          top_time: itemsIn(top, (row) => (numberIn(row, 'duration') ?? Number.NaN) / 1e6, ['hash']),
          top_average: itemsIn(
            top,
            (row) => (numberIn(row, 'duration') ?? Number.NaN) / (numberIn(row, 'executions') ?? 0) / 1_000,
            ['hash'],
          ),
          expensive: numberIn(expensive, 'amount'),
          expensive_longest: expensive === undefined ? undefined : (numberIn(expensive, 'longest') ?? 0) / 1e6,
          connections: itemsIn(connections, 'amount', ['type', 'status']),
          connections_used: shareOf(sumIn(connections, 'amount'), numberIn(limit, 'allowed') ?? usualConnections),
        }),
        ...(first === undefined
          ? {}
          : { message: `most time: ${textIn(first, 'hash')} ${withoutData(textIn(first, 'beginning'))}` }),
      }
    })
  },
})

// Times are microseconds. What was put out of the cache takes its counts along; the run after it says nothing.
const servicesSql = `
  SELECT HOST, PORT, SUM(EXECUTION_COUNT) AS EXECUTIONS, SUM(TOTAL_EXECUTION_TIME) AS DURATION,
         SUM(TOTAL_LOCK_WAIT_DURATION) AS LOCK_WAIT
    FROM SYS.M_SQL_PLAN_CACHE GROUP BY HOST, PORT ORDER BY HOST, PORT`

const topSql = (statements: number) => `
  SELECT STATEMENT_HASH AS HASH, SUM(EXECUTION_COUNT) AS EXECUTIONS, SUM(TOTAL_EXECUTION_TIME) AS DURATION,
         MAX(TO_NVARCHAR(SUBSTRING(STATEMENT_STRING, 1, 60))) AS BEGINNING
    FROM SYS.M_SQL_PLAN_CACHE WHERE EXECUTION_COUNT > 0
   GROUP BY STATEMENT_HASH ORDER BY SUM(TOTAL_EXECUTION_TIME) DESC LIMIT ${statements}`

const expensiveSql = `
  SELECT COUNT(*) AS AMOUNT, MAX(DURATION_MICROSEC) AS LONGEST
    FROM SYS.M_EXPENSIVE_STATEMENTS WHERE START_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -300)`

const connectionsSql = `
  SELECT CONNECTION_TYPE AS TYPE, CASE WHEN CONNECTION_STATUS = '' THEN 'none' ELSE CONNECTION_STATUS END AS STATUS,
         COUNT(*) AS AMOUNT
    FROM SYS.M_CONNECTIONS GROUP BY CONNECTION_TYPE, CONNECTION_STATUS ORDER BY CONNECTION_TYPE, CONNECTION_STATUS`

const limitSql = `
  SELECT MAX(VALUE) AS ALLOWED FROM SYS.M_INIFILE_CONTENTS
   WHERE FILE_NAME = 'indexserver.ini' AND SECTION = 'session' AND "KEY" = 'maximum_connections'`

/** What stands in quotes may be somebody's data; the other words say enough of which statement it is. */
function withoutData(statement: string): string {
  return statement.replace(/'[^']*(?:'|$)/g, "'…'").replace(/\s+/g, ' ')
}
