import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn } from './formats/sql-parts.ts'

const to = ['site', 'host', 'port', 'mode']

/** System replication as the primary sees it: each service and where its copy is. */
export default defineMonitor({
  id: 'hana.replication',
  title: 'HANA system replication',
  summary: 'State of the replication of each service, how far the secondary is behind, and its log.',
  connector: 'hana',
  settings: {},
  metrics: {
    status: {
      title: 'Replication: 0 active, 1 initialising, 2 syncing, 3 unknown, 4 error',
      unit: '',
      items: to,
    },
    secondary_active: { title: 'The secondary is active (1) or not (0)', unit: '', items: to },
    shipping_delay: { title: 'How far the shipped log is behind', unit: 's', items: to },
    log_gap: { title: 'Log that is not shipped yet', unit: 'B', items: to },
    replay_delay: { title: 'How far the replayed log is behind', unit: 's', items: to },
    backlog: { title: 'Log that waits to be shipped', unit: 'B', items: to },
    buffer_full: { title: 'Times that the buffer for shipping was full', unit: '', kind: 'counter', items: to },
    reconnects: { title: 'Times that the secondary connected anew', unit: '', kind: 'counter', items: to },
    replicated: { title: 'Services that are replicated', unit: '' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'not replicating', metric: 'status', thresholds: { WARNING: '> 0', CRITICAL: '>= 4' } },
    { name: 'secondary inactive', metric: 'secondary_active', thresholds: { CRITICAL: '< 1' } },
    { name: 'shipping late', metric: 'shipping_delay', thresholds: { WARNING: '> 60s', CRITICAL: '> 600s' } },
    { name: 'log not shipped', metric: 'log_gap', thresholds: { WARNING: '> 100MiB' }, for: '5m' },
    { name: 'backlog', metric: 'backlog', thresholds: { WARNING: '> 1GiB', CRITICAL: '> 10GiB' } },
    { name: 'replay late', metric: 'replay_delay', thresholds: { WARNING: '> 600s' } },
  ],
  needs: `${hanaNeeds} Ask the primary; a secondary shows nothing.`,
  grant: hanaGrant,
  thresholdsFrom: hanaThresholds,
  tryIt: `${hanaTry('hana.replication')}; to see it raise, stop the secondary`,
  collect(_, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const services = await parts.read('replication', replicationSql)
      const backlog = await parts.read('backlog', backlogSql)
      const replay = await parts.read('replay', replaySql)
      return {
        metrics: measured({
          status: itemsIn(services, 'status', to),
          secondary_active: itemsIn(services, 'active', to),
          shipping_delay: itemsIn(services, 'delay', to),
          log_gap: itemsIn(services, 'gap', to),
          reconnects: itemsIn(services, 'reconnects', to),
          backlog: itemsIn(backlog, 'backlog', to),
          buffer_full: itemsIn(backlog, 'buffer_full', to),
          replay_delay: itemsIn(replay, 'delay', to),
          replicated: services?.length,
        }),
      }
    })
  },
})

const place = `SECONDARY_SITE_NAME AS SITE, SECONDARY_HOST AS HOST, SECONDARY_PORT AS PORT, REPLICATION_MODE AS MODE`

// Positions in the log count blocks of 64 bytes.
const replicationSql = `
  SELECT ${place},
         CASE UPPER(REPLICATION_STATUS) WHEN 'ACTIVE' THEN 0 WHEN 'INITIALIZING' THEN 1 WHEN 'SYNCING' THEN 2
                                        WHEN 'ERROR' THEN 4 ELSE 3 END AS STATUS,
         CASE WHEN SECONDARY_ACTIVE_STATUS = 'YES' THEN 1 ELSE 0 END AS ACTIVE,
         SECONDS_BETWEEN(SHIPPED_LOG_POSITION_TIME, LAST_LOG_POSITION_TIME) AS DELAY,
         (LAST_LOG_POSITION - SHIPPED_LOG_POSITION) * 64 AS GAP, SECONDARY_RECONNECT_COUNT AS RECONNECTS
    FROM SYS.M_SERVICE_REPLICATION ORDER BY SECONDARY_SITE_NAME, SECONDARY_HOST, SECONDARY_PORT`

// These columns came with later versions, each of the two on its own.
const backlogSql = `
  SELECT ${place}, BACKLOG_SIZE AS BACKLOG, ASYNC_BUFFER_FULL_COUNT AS BUFFER_FULL
    FROM SYS.M_SERVICE_REPLICATION`

const replaySql = `
  SELECT ${place}, SECONDS_BETWEEN(REPLAYED_LOG_POSITION_TIME, SHIPPED_LOG_POSITION_TIME) AS DELAY
    FROM SYS.M_SERVICE_REPLICATION WHERE OPERATION_MODE LIKE 'logreplay%'`
