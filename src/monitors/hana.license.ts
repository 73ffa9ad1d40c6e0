import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, percentOf, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn } from './formats/sql-parts.ts'

/** The licence, whose end locks the database down. */
export default defineMonitor({
  id: 'hana.license',
  title: 'HANA licence',
  summary: 'Days until the licence ends, how much of it is used, and whether it is permanent and valid.',
  connector: 'hana',
  settings: {},
  metrics: {
    days_left: { title: 'Days until the licence ends', unit: 'd', items: ['product'] },
    used: { title: 'Use of what is licensed', unit: '%', items: ['product'] },
    permanent: { title: 'The licence is permanent (1) or not (0)', unit: '', items: ['product'] },
    valid: { title: 'The licence is valid (1) or not (0)', unit: '', items: ['product'] },
    locked: { title: 'The database is locked down for want of a licence (1) or not (0)', unit: '', items: ['product'] },
  },
  period: '1h',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { WARNING: '> 0' } },
    { name: 'licence ends', metric: 'days_left', thresholds: { WARNING: '< 100d', CRITICAL: '< 30d' } },
    { name: 'licence used up', metric: 'used', thresholds: { WARNING: '> 95%', CRITICAL: '>= 100%' } },
    { name: 'licence temporary', metric: 'permanent', thresholds: { WARNING: '< 1' } },
    { name: 'licence invalid', metric: 'valid', thresholds: { CRITICAL: '< 1' } },
    { name: 'locked down', metric: 'locked', thresholds: { CRITICAL: '> 0' } },
  ],
  needs: `${hanaNeeds} M_LICENSE wants the privilege LICENSE ADMIN in some versions; HANA Cloud has no such view.`,
  grant: hanaGrant,
  thresholdsFrom: `${hanaThresholds}, Checkmk’s use of the licence`,
  tryIt: hanaTry('hana.license'),
  collect(_, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const licences = await parts.read('licence', licenceSql)
      return {
        metrics: measured({
          days_left: itemsIn(licences, 'days', ['product']),
          used: itemsIn(licences, percentOf('used', 'allowed'), ['product']),
          permanent: itemsIn(licences, 'permanent', ['product']),
          valid: itemsIn(licences, 'valid', ['product']),
          locked: itemsIn(licences, 'locked', ['product']),
        }),
      }
    })
  },
})

// A licence without an end has no date.
const licenceSql = `
  SELECT PRODUCT_NAME AS PRODUCT, DAYS_BETWEEN(CURRENT_DATE, EXPIRATION_DATE) AS DAYS,
         PRODUCT_USAGE AS USED, PRODUCT_LIMIT AS ALLOWED,
         CASE WHEN PERMANENT = 'TRUE' THEN 1 ELSE 0 END AS PERMANENT,
         CASE WHEN VALID = 'TRUE' THEN 1 ELSE 0 END AS VALID,
         CASE WHEN LOCKED_DOWN = 'TRUE' THEN 1 ELSE 0 END AS LOCKED
    FROM SYS.M_LICENSE ORDER BY PRODUCT_NAME`
