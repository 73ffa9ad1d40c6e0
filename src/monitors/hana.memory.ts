import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, percentOf, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, numberIn } from './formats/sql-parts.ts'

const service = ['host', 'port', 'service']

/** What each service holds of the memory that it may take. */
export default defineMonitor({
  id: 'hana.memory',
  title: 'HANA memory',
  summary: 'Memory of each service against its limit, by component, the row store, and times when memory ran out.',
  connector: 'hana',
  settings: {},
  metrics: {
    used: { title: 'Memory used of what the service may take', unit: '%', items: service },
    used_size: { title: 'Memory used', unit: 'B', items: service },
    limit: { title: 'Memory that the service may take', unit: 'B', items: service },
    heap_used: { title: 'Heap used', unit: 'B', items: service },
    component: { title: 'Memory used by a component', unit: 'B', items: ['host', 'component'] },
    row_store: { title: 'Memory of the row store', unit: 'B', items: ['host', 'port'] },
    row_store_free: { title: 'Memory of the row store that is taken and not used', unit: '%', items: ['host', 'port'] },
    out_of_memory: { title: 'Times that memory ran out within a day', unit: '' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'memory', metric: 'used', thresholds: { WARNING: '> 80%', CRITICAL: '> 90%' }, for: '5m' },
    { name: 'out of memory', metric: 'out_of_memory', thresholds: { WARNING: '> 0', MAJOR: '> 3' } },
    { name: 'row store large', metric: 'row_store', thresholds: { WARNING: '> 300GiB' } },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: hanaThresholds,
  tryIt: hanaTry('hana.memory'),
  collect(_, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const services = await parts.read('services', servicesSql)
      const components = await parts.read('components', componentsSql)
      const rowStore = await parts.read('row store', rowStoreSql)
      const [events] = (await parts.read('out of memory', eventsSql)) ?? []
      return {
        metrics: measured({
          used: itemsIn(services, percentOf('used', 'allowed'), service),
          used_size: itemsIn(services, 'used', service),
          limit: itemsIn(services, 'allowed', service),
          heap_used: itemsIn(services, 'heap', service),
          component: itemsIn(components, 'used', ['host', 'component']),
          row_store: itemsIn(rowStore, 'allocated', ['host', 'port']),
          row_store_free: itemsIn(rowStore, percentOf('unused', 'allocated'), ['host', 'port']),
          out_of_memory: numberIn(events, 'events'),
        }),
      }
    })
  },
})

const servicesSql = `
  SELECT HOST, PORT, SERVICE_NAME AS SERVICE, TOTAL_MEMORY_USED_SIZE AS USED, HEAP_MEMORY_USED_SIZE AS HEAP,
         EFFECTIVE_ALLOCATION_LIMIT AS ALLOWED
    FROM SYS.M_SERVICE_MEMORY ORDER BY HOST, PORT`

const componentsSql = `
  SELECT HOST, COMPONENT, SUM(USED_MEMORY_SIZE) AS USED
    FROM SYS.M_SERVICE_COMPONENT_MEMORY GROUP BY HOST, COMPONENT ORDER BY HOST, COMPONENT`

const rowStoreSql = `
  SELECT HOST, PORT, SUM(ALLOCATED_SIZE) AS ALLOCATED, SUM(FREE_SIZE) AS UNUSED
    FROM SYS.M_RS_MEMORY WHERE CATEGORY = 'TABLE' GROUP BY HOST, PORT ORDER BY HOST, PORT`

// The view exists from HANA 2.0 SPS 04 on.
const eventsSql = `
  SELECT COUNT(*) AS EVENTS FROM SYS.M_OUT_OF_MEMORY_EVENTS WHERE TIME > ADD_SECONDS(CURRENT_TIMESTAMP, -86400)`
