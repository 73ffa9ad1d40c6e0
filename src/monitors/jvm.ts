import { defineMonitor, TargetError, type JolokiaAnswer } from '../sdk/index.ts'
import { numberAt, objectOf, textAt, valueAt } from './formats/json.ts'
import { itemsOf, measured, shareOf } from './formats/measured.ts'

const metrics = {
  heap_used: { title: 'Heap of the allowed size', unit: '%' },
  heap: { title: 'Heap in use', unit: 'B' },
  heap_committed: { title: 'Heap taken from the system', unit: 'B' },
  heap_after_gc: { title: 'Heap that the last collection left, of the allowed size', unit: '%', items: ['pool'] },
  non_heap: { title: 'Memory beside the heap', unit: 'B' },
  pool_used: { title: 'A memory pool of its allowed size', unit: '%', items: ['pool'] },
  gc_time: { title: 'Time spent on collecting garbage since the run before', unit: '%' },
  gc_runs: { title: 'Collections', unit: '', kind: 'counter', items: ['collector'] },
  threads: { title: 'Threads', unit: '' },
  threads_peak: { title: 'Most threads at a time since the start', unit: '' },
  deadlocked: { title: 'Threads that wait for each other for ever', unit: '' },
  classes: { title: 'Classes loaded', unit: '' },
  files_used: { title: 'File descriptors of the allowed number', unit: '%' },
  cpu: { title: 'Processor time of the machine that the process takes', unit: '%' },
  uptime: { title: 'Time since the start', unit: 's' },
} as const

const reads = [
  { mbean: 'java.lang:type=Memory', attributes: ['HeapMemoryUsage', 'NonHeapMemoryUsage'] },
  { mbean: 'java.lang:type=MemoryPool,name=*', attributes: ['Usage', 'CollectionUsage', 'Type'] },
  { mbean: 'java.lang:type=GarbageCollector,name=*', attributes: ['CollectionCount', 'CollectionTime'] },
  { mbean: 'java.lang:type=Threading', attributes: ['ThreadCount', 'PeakThreadCount'] },
  { mbean: 'java.lang:type=ClassLoading', attributes: ['LoadedClassCount'] },
  {
    mbean: 'java.lang:type=OperatingSystem',
    attributes: ['OpenFileDescriptorCount', 'MaxFileDescriptorCount', 'ProcessCpuLoad'],
  },
  // Not its SystemProperties, where passwords are.
  { mbean: 'java.lang:type=Runtime', attributes: ['Uptime', 'VmName', 'VmVersion'] },
  'deadlocked threads',
] as const
const parts = ['memory', 'pools', 'collectors', 'threads', 'classes', 'files', 'runtime', 'deadlocks'] as const

interface Before {
  readonly uptime: number
  readonly spent: number
}

export default defineMonitor({
  id: 'jvm',
  title: 'Java virtual machine',
  summary:
    'Heap, memory pools, garbage collection, threads and deadlocks, classes and file descriptors of a Java process.',
  connector: 'jolokia',
  settings: {},
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'heap', metric: 'heap_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'heap after collection', metric: 'heap_after_gc', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'collecting garbage', metric: 'gc_time', thresholds: { WARNING: '> 10%', CRITICAL: '> 25%' }, for: '5m' },
    { name: 'deadlock', metric: 'deadlocked', thresholds: { CRITICAL: '> 0' } },
    { name: 'file descriptors', metric: 'files_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
  ],
  thresholdsFrom:
    'The catalogue: heap 85 and 95 %, collection 10 and 25 % of the time, 80 and 95 % of what can be used up.',
  needs: 'The Jolokia agent in the process, which may be told to let nothing but reading through.',
  grant:
    '<restrict>\n  <commands><command>read</command><command>exec</command></commands>\n  <allow><mbean><name>java.lang:*</name><attribute mode="read">*</attribute></mbean>\n    <mbean><name>java.lang:type=Threading</name><operation>findDeadlockedThreads</operation></mbean></allow>\n</restrict>',
  tryIt:
    '`farwatch check jvm --set url=http://app1:8778/jolokia`. Start the process with a small -Xmx, and `heap` raises.',
  async collect(_, { client, signal, previous, remember }) {
    const answers = await client.read(reads, signal)
    const missing = answers.flatMap((answer, i) => ('refused' in answer ? [`${parts[i]} (${answer.refused})`] : []))
    if (missing.length === answers.length)
      throw new TargetError('configuration', `${client.url} lets nothing be read: ${missing[0]}`)
    const [memory, pools, collectors, threading, classes, system, runtime, deadlocked] = answers.map(valueOf)
    const each = (beans: unknown) =>
      Object.entries(objectOf(beans) ?? {})
        .slice(0, 100)
        .map(([bean, values]) => ({ name: nameIn(bean), values }))
    const heapPools = each(pools).filter(({ values }) => textAt(values, 'Type') === 'HEAP')
    const spent = each(collectors).reduce((sum, one) => sum + (numberAt(one.values, 'CollectionTime') ?? 0), 0)
    const uptimeMs = numberAt(runtime, 'Uptime')
    if (uptimeMs !== undefined) remember({ uptime: uptimeMs, spent } satisfies Before)
    const cpu = numberAt(system, 'ProcessCpuLoad')
    const heapUsed = usage(valueAt(memory, 'HeapMemoryUsage'))
    const name = [textAt(runtime, 'VmName'), textAt(runtime, 'VmVersion')].filter((one) => one !== undefined).join(' ')
    return {
      metrics: measured({
        heap_used: heapUsed,
        heap: numberAt(memory, 'HeapMemoryUsage', 'used'),
        heap_committed: numberAt(memory, 'HeapMemoryUsage', 'committed'),
        heap_after_gc: itemsOf(
          // The young ones are empty after each collection, whatever the old one holds.
          heapPools.filter((pool) => /\b(old|tenured)\b|^ZHeap$|^Shenandoah$/i.test(pool.name)),
          (pool) => ({ pool: pool.name }),
          (pool) => usage(valueAt(pool.values, 'CollectionUsage')),
        ),
        non_heap: numberAt(memory, 'NonHeapMemoryUsage', 'used'),
        pool_used: itemsOf(
          each(pools),
          (pool) => ({ pool: pool.name }),
          (pool) => usage(valueAt(pool.values, 'Usage')),
        ),
        gc_time: uptimeMs === undefined ? undefined : timeShare(previous, { uptime: uptimeMs, spent }),
        gc_runs: itemsOf(
          each(collectors),
          (one) => ({ collector: one.name }),
          (one) => numberAt(one.values, 'CollectionCount'),
        ),
        threads: numberAt(threading, 'ThreadCount'),
        threads_peak: numberAt(threading, 'PeakThreadCount'),
        // No deadlock is told as no list at all.
        deadlocked: deadlocked === null ? 0 : Array.isArray(deadlocked) ? deadlocked.length : undefined,
        classes: numberAt(classes, 'LoadedClassCount'),
        files_used: shareOf(numberAt(system, 'OpenFileDescriptorCount'), numberAt(system, 'MaxFileDescriptorCount')),
        // Negative where the machine does not tell.
        cpu: cpu === undefined || cpu < 0 ? undefined : 100 * cpu,
        uptime: uptimeMs === undefined ? undefined : uptimeMs / 1000,
      }),
      facts: {
        ...(name === '' ? {} : { version: name }),
        ...(missing.length === 0 ? {} : { missing: missing.join('; ') }),
      },
      message: `${heapUsed === undefined ? 'running' : `heap ${Math.round(heapUsed)} %`}${missing.length === 0 ? '' : `; left out: ${missing.join('; ')}`}`,
    }
  },
})

function valueOf(answer: JolokiaAnswer): unknown {
  return 'value' in answer ? answer.value : undefined
}

/** `java.lang:name=G1 Old Gen,type=MemoryPool` is `G1 Old Gen`. */
function nameIn(bean: string): string {
  return (/(?:^|[:,])name=([^,]*)/.exec(bean)?.[1] ?? bean).slice(0, 200)
}

/** Percent of what a pool may take; undefined where it may take what it likes. */
function usage(pool: unknown): number | undefined {
  return shareOf(numberAt(pool, 'used'), numberAt(pool, 'max'))
}

function timeShare(previous: unknown, now: Before): number | undefined {
  const uptime = numberAt(previous, 'uptime')
  const spent = numberAt(previous, 'spent')
  // A process that was started anew counts from its beginning.
  if (uptime === undefined || spent === undefined || now.uptime <= uptime || now.spent < spent) return undefined
  return (100 * (now.spent - spent)) / (now.uptime - uptime)
}
