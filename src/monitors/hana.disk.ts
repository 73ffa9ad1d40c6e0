import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, percentOf, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn } from './formats/sql-parts.ts'

const disk = ['host', 'usage', 'path']

/** The disks that HANA keeps its data, log, backups and traces on. */
export default defineMonitor({
  id: 'hana.disk',
  title: 'HANA disks',
  summary: 'Space of the disks by what they are used for, and how full the data volumes are.',
  connector: 'hana',
  settings: {},
  metrics: {
    used: { title: 'Space used of the disk', unit: '%', items: disk },
    used_size: { title: 'Space used of the disk', unit: 'B', items: disk },
    size: { title: 'Size of the disk', unit: 'B', items: disk },
    hana_used: { title: 'Space that HANA uses, by purpose', unit: 'B', items: ['host', 'usage'] },
    volume_size: { title: 'Size of the volume', unit: 'B', items: ['host', 'port', 'type'] },
    volume_free: {
      title: 'Space of the volume that is taken and not used',
      unit: '%',
      items: ['host', 'port', 'type'],
    },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    {
      name: 'disk full',
      metric: 'used',
      thresholds: { WARNING: '> 80%', MAJOR: '> 90%', CRITICAL: '> 95%' },
    },
    {
      name: 'data volume unused',
      metric: 'volume_free',
      items: { type: 'DATA' },
      thresholds: { INFO: '> 50%' },
      alarm: false,
    },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: hanaThresholds,
  tryIt: hanaTry('hana.disk'),
  collect(_, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const disks = await parts.read('disks', disksSql)
      const usage = await parts.read('usage', usageSql)
      const volumes = await parts.read('volumes', volumesSql)
      return {
        metrics: measured({
          used: itemsIn(disks, percentOf('used', 'size'), disk),
          used_size: itemsIn(disks, 'used', disk),
          size: itemsIn(disks, 'size', disk),
          hana_used: itemsIn(usage, 'used', ['host', 'usage']),
          volume_size: itemsIn(volumes, 'size', ['host', 'port', 'type']),
          volume_free: itemsIn(volumes, percentOf('unused', 'size'), ['host', 'port', 'type']),
        }),
      }
    })
  },
})

const disksSql = `
  SELECT HOST, USAGE_TYPE AS USAGE, PATH, USED_SIZE AS USED, TOTAL_SIZE AS SIZE
    FROM SYS.M_DISKS WHERE TOTAL_SIZE > 0 AND USED_SIZE >= 0 ORDER BY HOST, USAGE_TYPE, PATH`

// -1 where HANA does not know.
const usageSql = `
  SELECT HOST, USAGE_TYPE AS USAGE, SUM(USED_SIZE) AS USED
    FROM SYS.M_DISK_USAGE WHERE USED_SIZE >= 0 GROUP BY HOST, USAGE_TYPE ORDER BY HOST, USAGE_TYPE`

const volumesSql = `
  SELECT HOST, PORT, FILE_TYPE AS TYPE, SUM(TOTAL_SIZE) AS SIZE, SUM(TOTAL_SIZE - USED_SIZE) AS UNUSED
    FROM SYS.M_VOLUME_FILES GROUP BY HOST, PORT, FILE_TYPE ORDER BY HOST, PORT, FILE_TYPE`
