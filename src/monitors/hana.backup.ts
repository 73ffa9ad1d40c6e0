import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, mostIn, numberIn, textIn } from './formats/sql-parts.ts'

/** What a whole database can be restored from. */
const whole = ['complete data backup', 'data snapshot']

/** The backups that HANA knows of, whoever made them. */
export default defineMonitor({
  id: 'hana.backup',
  title: 'HANA backups',
  summary: 'Age of the last data and log backup, backups that failed or were cancelled, sizes.',
  connector: 'hana',
  settings: {},
  metrics: {
    data_age: { title: 'Time since the last successful data backup or snapshot', unit: 's' },
    log_age: { title: 'Time since the last successful log backup', unit: 's' },
    age: { title: 'Time since the last success', unit: 's', items: ['kind'] },
    last: { title: 'The last one: 0 successful, 1 running, 2 cancelled, 3 failed', unit: '', items: ['kind'] },
    failures: { title: 'Backups that failed within a day', unit: '', items: ['kind'] },
    data_backups: { title: 'Successful data backups and snapshots that HANA knows of', unit: '' },
    data_size: { title: 'Size of the last successful data backup', unit: 'B' },
    catalog_size: { title: 'Size of the backup catalogue', unit: 'B' },
  },
  period: '10m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'data backup old', metric: 'data_age', thresholds: { WARNING: '> 1.2d', CRITICAL: '> 2d' } },
    { name: 'log backup old', metric: 'log_age', thresholds: { WARNING: '> 1h', CRITICAL: '> 4h' } },
    { name: 'never backed up', metric: 'data_backups', thresholds: { CRITICAL: '< 1' } },
    { name: 'backup failed', metric: 'last', thresholds: { WARNING: '>= 2', CRITICAL: '>= 3' } },
    { name: 'catalogue large', metric: 'catalog_size', thresholds: { INFO: '> 50MiB' } },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: `${hanaThresholds}, Checkmk’s backup age`,
  tryIt: `${hanaTry('hana.backup')}; to see it raise, cancel a backup`,
  collect(_, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const ages = await parts.read('ages', agesSql)
      const last = await parts.read('last backups', lastSql)
      const failed = await parts.read('failed backups', failedSql)
      const [size] = (await parts.read('size', sizeSql)) ?? []
      const [catalog] = (await parts.read('catalogue', catalogSql)) ?? []
      const wholes = ages?.filter((row) => whole.includes(textIn(row, 'kind')))
      const youngest = wholes?.flatMap((row) => numberIn(row, 'age') ?? [])
      const wrong = last?.find((row) => (numberIn(row, 'state') ?? 0) === 3)
      return {
        metrics: measured({
          data_age: youngest === undefined || youngest.length === 0 ? undefined : Math.min(...youngest),
          log_age: mostIn(
            ages?.filter((row) => textIn(row, 'kind') === 'log backup'),
            'age',
          ),
          age: itemsIn(ages, 'age', ['kind']),
          last: itemsIn(last, 'state', ['kind']),
          failures: itemsIn(failed, 'failures', ['kind']),
          data_backups: wholes?.reduce((sum, row) => sum + (numberIn(row, 'successes') ?? 0), 0),
          data_size: numberIn(size, 'bytes'),
          catalog_size: numberIn(catalog, 'bytes'),
        }),
        ...(wrong === undefined
          ? {}
          : { message: `the last ${textIn(wrong, 'kind')} failed: ${textIn(wrong, 'why')}` }),
      }
    })
  },
})

const agesSql = `
  SELECT ENTRY_TYPE_NAME AS KIND, SECONDS_BETWEEN(MAX(SYS_END_TIME), CURRENT_TIMESTAMP) AS AGE, COUNT(*) AS SUCCESSES
    FROM SYS.M_BACKUP_CATALOG WHERE STATE_NAME = 'successful' GROUP BY ENTRY_TYPE_NAME ORDER BY ENTRY_TYPE_NAME`

const lastSql = `
  SELECT C.ENTRY_TYPE_NAME AS KIND, MAX(C.MESSAGE) AS WHY,
         MAX(CASE C.STATE_NAME WHEN 'successful' THEN 0 WHEN 'running' THEN 1 WHEN 'failed' THEN 3 ELSE 2 END) AS STATE
    FROM SYS.M_BACKUP_CATALOG C
    JOIN (SELECT ENTRY_TYPE_NAME, MAX(SYS_START_TIME) AS LATEST
            FROM SYS.M_BACKUP_CATALOG GROUP BY ENTRY_TYPE_NAME) L
      ON L.ENTRY_TYPE_NAME = C.ENTRY_TYPE_NAME AND L.LATEST = C.SYS_START_TIME
   GROUP BY C.ENTRY_TYPE_NAME ORDER BY C.ENTRY_TYPE_NAME`

const failedSql = `
  SELECT ENTRY_TYPE_NAME AS KIND, SUM(CASE WHEN STATE_NAME = 'failed' THEN 1 ELSE 0 END) AS FAILURES
    FROM SYS.M_BACKUP_CATALOG WHERE SYS_START_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -86400)
   GROUP BY ENTRY_TYPE_NAME ORDER BY ENTRY_TYPE_NAME`

const sizeSql = `
  SELECT SUM(F.BACKUP_SIZE) AS BYTES
    FROM SYS.M_BACKUP_CATALOG_FILES F
   WHERE F.SOURCE_TYPE_NAME = 'volume' AND F.BACKUP_ID = (
         SELECT MAX(BACKUP_ID) FROM SYS.M_BACKUP_CATALOG
          WHERE ENTRY_TYPE_NAME = 'complete data backup' AND STATE_NAME = 'successful')`

const catalogSql = `
  SELECT MAX(F.BACKUP_SIZE) AS BYTES
    FROM SYS.M_BACKUP_CATALOG_FILES F
   WHERE F.SOURCE_TYPE_NAME = 'catalog' AND F.BACKUP_ID = (
         SELECT MAX(BACKUP_ID) FROM SYS.M_BACKUP_CATALOG WHERE STATE_NAME = 'successful')`
