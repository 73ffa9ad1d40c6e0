import { defineMonitor } from '../sdk/index.ts'
import { countersIn, hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana, since } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn } from './formats/sql-parts.ts'

const service = ['host', 'port']
const volume = ['host', 'port', 'type', 'path']
const fewest = 10

/** What makes changes durable: savepoints, log segments, and the disks below them. */
export default defineMonitor({
  id: 'hana.log',
  title: 'HANA savepoints and log',
  summary: 'Savepoints and the time they block for, log segments that are not free, and latency of the volumes.',
  connector: 'hana',
  settings: {},
  metrics: {
    savepoint_age: { title: 'Time since the last savepoint began', unit: 's', items: service },
    critical_phase: {
      title: 'Longest time within an hour that a savepoint blocked changes for',
      unit: 's',
      items: service,
    },
    savepoint_duration: { title: 'Longest savepoint within an hour', unit: 's', items: service },
    segments: { title: 'Log segments', unit: '', items: service },
    segments_used: { title: 'Log segments that are not free', unit: '', items: service },
    write_latency: { title: 'Time of a write since the run before', unit: 'ms', items: volume },
    read_latency: { title: 'Time of a read since the run before', unit: 'ms', items: volume },
    io_failed: { title: 'Reads and writes that failed', unit: '', kind: 'counter', items: volume },
  },
  period: '2m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'no savepoint', metric: 'savepoint_age', thresholds: { WARNING: '> 900s', CRITICAL: '> 1h' } },
    { name: 'savepoint blocks', metric: 'critical_phase', thresholds: { WARNING: '> 10s' } },
    { name: 'log segments', metric: 'segments_used', thresholds: { WARNING: '> 100' } },
    {
      name: 'log disk slow',
      metric: 'write_latency',
      items: { type: 'LOG' },
      thresholds: { WARNING: '> 20ms' },
      of: '3 of 5',
    },
    {
      name: 'data disk slow',
      metric: 'read_latency',
      items: { type: 'DATA' },
      thresholds: { WARNING: '> 20ms' },
      of: '3 of 5',
    },
    { name: 'disk fails', metric: 'io_failed', thresholds: { CRITICAL: '> 0' } },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: hanaThresholds,
  tryIt: hanaTry('hana.log'),
  collect(_, { client, signal, previous, remember }) {
    return readHana(client, signal, async (parts) => {
      const savepoints = await parts.read('savepoints', savepointsSql)
      const segments = await parts.read('log segments', segmentsSql)
      const volumes = await parts.read('volumes', volumesSql)
      const counted = countersIn(volumes, volume, ['writes', 'write_time', 'reads', 'read_time'])
      remember(counted)
      const latency = (of: (grown: readonly number[]) => readonly [number, number]) =>
        since(previous, counted, volume, (grown) => {
          const [times, microseconds] = of(grown)
          // Of a few one cannot speak.
          return times < fewest ? undefined : microseconds / times / 1_000
        })
      return {
        metrics: measured({
          savepoint_age: itemsIn(savepoints, 'age', service),
          critical_phase: itemsIn(savepoints, 'critical', service),
          savepoint_duration: itemsIn(savepoints, 'duration', service),
          segments: itemsIn(segments, 'segments', service),
          segments_used: itemsIn(segments, 'used', service),
          write_latency: latency(([times = 0, duration = 0]) => [times, duration]),
          read_latency: latency(([, , times = 0, duration = 0]) => [times, duration]),
          io_failed: itemsIn(volumes, 'failed', volume),
        }),
      }
    })
  },
})

const savepointsSql = `
  SELECT HOST, PORT, SECONDS_BETWEEN(MAX(START_TIME), CURRENT_TIMESTAMP) AS AGE,
         MAX(CASE WHEN START_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -3600) THEN CRITICAL_PHASE_DURATION ELSE 0 END) / 1000000.0 AS CRITICAL,
         MAX(CASE WHEN START_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -3600) THEN DURATION ELSE 0 END) / 1000000.0 AS DURATION
    FROM SYS.M_SAVEPOINTS GROUP BY HOST, PORT ORDER BY HOST, PORT`

const segmentsSql = `
  SELECT HOST, PORT, COUNT(*) AS SEGMENTS, SUM(CASE WHEN STATE = 'Free' THEN 0 ELSE 1 END) AS USED
    FROM SYS.M_LOG_SEGMENTS GROUP BY HOST, PORT ORDER BY HOST, PORT`

// Times are microseconds.
const volumesSql = `
  SELECT HOST, PORT, TYPE, PATH, TOTAL_WRITES + TOTAL_TRIGGER_ASYNC_WRITES AS WRITES, TOTAL_WRITE_TIME AS WRITE_TIME,
         TOTAL_READS + TOTAL_TRIGGER_ASYNC_READS AS READS, TOTAL_READ_TIME AS READ_TIME,
         TOTAL_FAILED_READS + TOTAL_FAILED_WRITES AS FAILED
    FROM SYS.M_VOLUME_IO_TOTAL_STATISTICS ORDER BY HOST, PORT, TYPE, PATH`
