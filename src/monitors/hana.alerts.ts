import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, mostIn, numberIn, textIn } from './formats/sql-parts.ts'

/** The statistics server's ratings in its own words. */
const ratings = [
  [1, 'information'],
  [2, 'low'],
  [3, 'medium'],
  [4, 'high'],
  [5, 'error'],
] as const

/** What HANA itself complains of, by its own rating: some hundred checks whose thresholds are kept in HANA. */
export default defineMonitor({
  id: 'hana.alerts',
  title: 'HANA alerts',
  summary: 'Current alerts of the statistics server by their rating, and whether that server still looks.',
  connector: 'hana',
  settings: {
    leastRating: {
      kind: 'number',
      label: 'Least rating',
      help: '1 information, 2 low, 3 medium, 4 high, 5 error of the check itself. Milder ones are counted, but not shown one by one.',
      min: 1,
      max: 5,
      integer: true,
      default: 2,
    },
  },
  metrics: {
    alert: { title: 'Rating of a current alert', unit: '', items: ['id', 'alert', 'host', 'port'] },
    alerts: { title: 'Current alerts of a rating', unit: '', items: ['rating'] },
    checked: { title: 'Time since the statistics server last checked anything', unit: 's' },
  },
  period: '2m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    {
      name: 'alert',
      metric: 'alert',
      thresholds: { WARNING: '>= 2', MINOR: '>= 3', MAJOR: '>= 4', CRITICAL: '>= 5' },
    },
    { name: 'checks stand still', metric: 'checked', thresholds: { WARNING: '> 1h' } },
  ],
  needs: `${hanaNeeds} And SELECT on the schema _SYS_STATISTICS.`,
  grant: `${hanaGrant}
GRANT SELECT ON SCHEMA _SYS_STATISTICS TO FARWATCH;`,
  thresholdsFrom: `${hanaThresholds}; the ratings are HANA’s own`,
  tryIt: hanaTry('hana.alerts'),
  collect({ leastRating }, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const alerts = await parts.read('alerts', alertsSql, 2_000)
      const [checked] = (await parts.read('statistics server', checkedSql)) ?? []
      const shown = alerts?.filter((row) => (numberIn(row, 'rating') ?? 0) >= leastRating).slice(0, 500)
      const count = (rating: number) => alerts?.filter((row) => numberIn(row, 'rating') === rating).length ?? 0
      const worst = alerts?.find((row) => numberIn(row, 'rating') === mostIn(alerts, 'rating'))
      return {
        metrics: measured({
          alert: itemsIn(shown, 'rating', ['id', 'alert', 'host', 'port']),
          alerts:
            alerts === undefined
              ? undefined
              : ratings.map(([rating, name]) => ({ labels: { rating: name }, value: count(rating) })),
          checked: numberIn(checked, 'age'),
        }),
        ...(worst === undefined ? {} : { message: `${alerts?.length} alerts, the worst: ${textIn(worst, 'details')}` }),
      }
    })
  },
})

const alertsSql = `
  SELECT ALERT_ID AS ID, ALERT_NAME AS ALERT, ALERT_HOST AS HOST, ALERT_PORT AS PORT, ALERT_RATING AS RATING,
         ALERT_DETAILS AS DETAILS
    FROM _SYS_STATISTICS.STATISTICS_CURRENT_ALERTS ORDER BY ALERT_RATING DESC, ALERT_TIMESTAMP DESC`

const checkedSql = `
  SELECT SECONDS_BETWEEN(MAX(LATEST_START_SERVERTIME), CURRENT_TIMESTAMP) AS AGE
    FROM _SYS_STATISTICS.STATISTICS_SCHEDULE`
