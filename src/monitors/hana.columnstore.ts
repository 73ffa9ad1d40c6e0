import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, numberIn } from './formats/sql-parts.ts'

const table = ['schema', 'table', 'part']

/** The column store's own troubles: too little memory, merges that fail, partitions that near their limit of 2 billion rows. */
export default defineMonitor({
  id: 'hana.columnstore',
  title: 'HANA column store',
  summary: 'Tables put out of memory for want of it, failed delta merges, the largest deltas and partitions.',
  connector: 'hana',
  settings: {
    tables: {
      kind: 'number',
      label: 'Tables shown',
      help: 'So many of the largest, each by its delta and by its rows.',
      min: 1,
      max: 200,
      integer: true,
      default: 20,
    },
  },
  metrics: {
    unloads: { title: 'Columns put out of memory for want of it within an hour', unit: '' },
    merges_failed: { title: 'Delta merges that failed within a day', unit: '' },
    merges_running: { title: 'Longest delta merge within an hour', unit: 's' },
    delta: { title: 'Size of the delta of a table', unit: 'B', items: table },
    rows: { title: 'Rows of a partition', unit: '', items: table },
    size: { title: 'Memory of all tables of the column store', unit: 'B', items: ['host'] },
  },
  period: '10m',
  timeout: '2m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'unloads', metric: 'unloads', thresholds: { WARNING: '> 0' } },
    { name: 'merges fail', metric: 'merges_failed', thresholds: { WARNING: '>= 1' } },
    { name: 'delta large', metric: 'delta', thresholds: { WARNING: '> 5GiB' } },
    { name: 'partition full', metric: 'rows', thresholds: { WARNING: '> 1500000000', CRITICAL: '> 1800000000' } },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: `${hanaThresholds}; rows of a partition: HANA’s limit of 2 billion`,
  tryIt: hanaTry('hana.columnstore'),
  collect({ tables }, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const [unloads] = (await parts.read('unloads', unloadsSql)) ?? []
      const [merges] = (await parts.read('delta merges', mergesSql)) ?? []
      const deltas = await parts.read('deltas', largestSql('MEMORY_SIZE_IN_DELTA', tables), tables)
      const largest = await parts.read('rows', largestSql('RECORD_COUNT', tables), tables)
      const sizes = await parts.read('size', sizesSql)
      return {
        metrics: measured({
          unloads: numberIn(unloads, 'unloads'),
          merges_failed: merges === undefined ? undefined : (numberIn(merges, 'failed') ?? 0),
          merges_running: merges === undefined ? undefined : (numberIn(merges, 'longest') ?? 0),
          delta: itemsIn(deltas, 'amount', table),
          rows: itemsIn(largest, 'amount', table),
          size: itemsIn(sizes, 'size', ['host']),
        }),
      }
    })
  },
})

const unloadsSql = `
  SELECT COUNT(*) AS UNLOADS FROM SYS.M_CS_UNLOADS
   WHERE REASON = 'LOW MEMORY' AND UNLOAD_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -3600)`

// With the errors 2480 to 2489 a merge says that there was nothing to do or that it was not worth while.
const mergesSql = `
  SELECT SUM(CASE WHEN SUCCESS = 'FALSE' AND LAST_ERROR NOT BETWEEN 2480 AND 2489 THEN 1 ELSE 0 END) AS FAILED,
         MAX(CASE WHEN START_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -3600) THEN EXECUTION_TIME ELSE 0 END) / 1000.0 AS LONGEST
    FROM SYS.M_DELTA_MERGE_STATISTICS
   WHERE TYPE = 'MERGE' AND START_TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -86400)`

const largestSql = (column: string, tables: number) => `
  SELECT SCHEMA_NAME AS SCHEMA, TABLE_NAME AS "table", PART_ID AS PART, ${column} AS AMOUNT
    FROM SYS.M_CS_TABLES ORDER BY ${column} DESC LIMIT ${tables}`

const sizesSql = `
  SELECT HOST, SUM(MEMORY_SIZE_IN_TOTAL) AS SIZE FROM SYS.M_CS_TABLES GROUP BY HOST ORDER BY HOST`
