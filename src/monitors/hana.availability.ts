import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, numberIn } from './formats/sql-parts.ts'

/** Whether somebody new gets in, and whether all services and databases are there. */
export default defineMonitor({
  id: 'hana.availability',
  title: 'HANA availability',
  summary: 'Time to sign in, services and databases that are not active, and time since the start.',
  connector: 'hana',
  settings: {},
  metrics: {
    connect: { title: 'Time to sign in with a new session', unit: 'ms' },
    service: { title: 'The service is active (1) or not (0)', unit: '', items: ['host', 'port', 'service'] },
    services_inactive: { title: 'Services that are not active', unit: '' },
    services_active: { title: 'Services that are active', unit: '' },
    database: { title: 'The database is active (1) or not (0)', unit: '', items: ['database'] },
    databases_inactive: { title: 'Databases that are not active', unit: '' },
    uptime: { title: 'Time since the database was started', unit: 's' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow sign-in', metric: 'connect', thresholds: { WARNING: '> 1s', CRITICAL: '> 5s' }, of: '3 of 5' },
    { name: 'service inactive', metric: 'service', thresholds: { CRITICAL: '< 1' } },
    { name: 'database inactive', metric: 'database', thresholds: { MAJOR: '< 1' } },
    { name: 'restarted', metric: 'uptime', thresholds: { WARNING: '< 10m' } },
  ],
  needs: `${hanaNeeds} From the SYSTEMDB all tenants are seen, from a tenant only itself.`,
  grant: hanaGrant,
  thresholdsFrom: `${hanaThresholds}; times of signing in: check_sap_health`,
  tryIt: `${hanaTry('hana.availability')}; to see it raise, stop a tenant: \`ALTER SYSTEM STOP DATABASE …\``,
  async collect(_, { client, signal }) {
    const connect = await client.signIn(signal)
    return readHana(client, signal, async (parts) => {
      const services = await parts.read('services', servicesSql)
      const databases = await parts.read('databases', databasesSql)
      const [uptime] = (await parts.read('uptime', uptimeSql)) ?? []
      const inactive = (rows: typeof services) => rows?.filter((row) => numberIn(row, 'active') !== 1).length
      return {
        metrics: measured({
          connect,
          service: itemsIn(services, 'active', ['host', 'port', 'service']),
          services_inactive: inactive(services),
          services_active: services === undefined ? undefined : services.length - (inactive(services) ?? 0),
          database: itemsIn(databases, 'active', ['database']),
          databases_inactive: inactive(databases),
          uptime: numberIn(uptime, 'uptime'),
        }),
      }
    })
  },
})

const servicesSql = `
  SELECT HOST, PORT, SERVICE_NAME AS SERVICE, CASE WHEN ACTIVE_STATUS = 'YES' THEN 1 ELSE 0 END AS ACTIVE
    FROM SYS.M_SERVICES ORDER BY HOST, PORT`

const databasesSql = `
  SELECT DATABASE_NAME AS DATABASE, CASE WHEN ACTIVE_STATUS = 'YES' THEN 1 ELSE 0 END AS ACTIVE
    FROM SYS.M_DATABASES ORDER BY DATABASE_NAME`

const uptimeSql = `
  SELECT SECONDS_BETWEEN(START_TIME, CURRENT_TIMESTAMP) AS UPTIME FROM SYS.M_DATABASE`
