import { defineMonitor } from '../sdk/index.ts'
import {
  countersIn,
  hanaGrant,
  hanaNeeds,
  hanaThresholds,
  hanaTry,
  percentOf,
  readHana,
  since,
} from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn } from './formats/sql-parts.ts'

const times = ['user_time', 'system_time', 'wait_time', 'idle_time'] as const

/** The hosts as HANA sees them. */
export default defineMonitor({
  id: 'hana.host',
  title: 'HANA hosts',
  summary: 'Processors, memory and swap space of each host of the system.',
  connector: 'hana',
  settings: {},
  metrics: {
    cpu: { title: 'Processors busy since the run before', unit: '%', items: ['host'] },
    cpu_wait: { title: 'Processors waiting for disks since the run before', unit: '%', items: ['host'] },
    memory: { title: 'Physical memory used', unit: '%', items: ['host'] },
    memory_used: { title: 'Physical memory used', unit: 'B', items: ['host'] },
    memory_free: { title: 'Physical memory free', unit: 'B', items: ['host'] },
    swap_used: { title: 'Swap space used', unit: 'B', items: ['host'] },
    instance_memory: { title: 'Memory that HANA uses of what it may', unit: '%', items: ['host'] },
    instance_memory_used: { title: 'Memory that HANA uses', unit: 'B', items: ['host'] },
    instance_memory_peak: { title: 'Most memory that HANA used since its start', unit: 'B', items: ['host'] },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'processors', metric: 'cpu', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'memory', metric: 'memory', thresholds: { WARNING: '> 95%', CRITICAL: '> 98%' }, for: '5m' },
    { name: 'swap', metric: 'swap_used', thresholds: { WARNING: '> 0' }, for: '15m' },
    {
      name: 'allocation limit',
      metric: 'instance_memory',
      thresholds: { WARNING: '> 90%', CRITICAL: '> 97%' },
      for: '5m',
    },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: hanaThresholds,
  tryIt: hanaTry('hana.host'),
  collect(_, { client, signal, previous, remember }) {
    return readHana(client, signal, async (parts) => {
      const hosts = await parts.read('hosts', hostsSql)
      const cpu = countersIn(hosts, ['host'], times)
      remember(cpu)
      const share = (part: (grown: readonly number[]) => number) =>
        since(previous, cpu, ['host'], (grown) => {
          const all = grown.reduce((sum, one) => sum + one, 0)
          return all > 0 ? (100 * part(grown)) / all : undefined
        })
      return {
        metrics: measured({
          cpu: share(([user = 0, system = 0]) => user + system),
          cpu_wait: share(([, , wait = 0]) => wait),
          memory: itemsIn(hosts, percentOf('memory_used', 'memory_size'), ['host']),
          memory_used: itemsIn(hosts, 'memory_used', ['host']),
          memory_free: itemsIn(hosts, 'memory_free', ['host']),
          swap_used: itemsIn(hosts, 'swap_used', ['host']),
          instance_memory: itemsIn(hosts, percentOf('instance_used', 'instance_limit'), ['host']),
          instance_memory_used: itemsIn(hosts, 'instance_used', ['host']),
          instance_memory_peak: itemsIn(hosts, 'instance_peak', ['host']),
        }),
      }
    })
  },
})

const hostsSql = `
  SELECT HOST, USED_PHYSICAL_MEMORY AS MEMORY_USED, FREE_PHYSICAL_MEMORY AS MEMORY_FREE,
         USED_PHYSICAL_MEMORY + FREE_PHYSICAL_MEMORY AS MEMORY_SIZE, USED_SWAP_SPACE AS SWAP_USED,
         INSTANCE_TOTAL_MEMORY_USED_SIZE AS INSTANCE_USED, INSTANCE_TOTAL_MEMORY_PEAK_USED_SIZE AS INSTANCE_PEAK,
         ALLOCATION_LIMIT AS INSTANCE_LIMIT,
         TOTAL_CPU_USER_TIME AS USER_TIME, TOTAL_CPU_SYSTEM_TIME AS SYSTEM_TIME,
         TOTAL_CPU_WIO_TIME AS WAIT_TIME, TOTAL_CPU_IDLE_TIME AS IDLE_TIME
    FROM SYS.M_HOST_RESOURCE_UTILIZATION ORDER BY HOST`
