import { defineMonitor, type Item, type SapRow } from '../sdk/index.ts'
import { measured, numbersBefore, shareOf } from './formats/measured.ts'
import { itemsByKey, namedItems, namesOf, numberOf, spared, unprotected, userNeeded } from './formats/sap.ts'

type Collection = SapRow<'J2EEGetVMGCHistory2'>

/** Memory of the Java server of an instance: heap, garbage collection, shared tables. */
export default defineMonitor({
  id: 'sap.java.memory',
  title: 'SAP Java memory',
  summary:
    'Heap, what of it is left after garbage collection, time spent on that, and shared tables of an AS Java instance.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    heap_used: { title: 'Memory in use, of what there can be, by process and kind', unit: '%', items: ['pool'] },
    heap_after_gc: { title: 'Heap in use after the last garbage collection', unit: '%', items: ['process'] },
    gc_time: { title: 'Time spent on garbage collection since the run before', unit: '%', items: ['process'] },
    table_used: { title: 'Entries of shared tables in use, of those there can be', unit: '%', items: ['table'] },
  },
  period: '2m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'heap full after collection',
      metric: 'heap_after_gc',
      thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' },
      of: '3 of 3',
    },
    {
      name: 'much garbage collection',
      metric: 'gc_time',
      thresholds: { WARNING: '> 10%', CRITICAL: '> 25%' },
      of: '2 of 3',
    },
    { name: 'shared table fills', metric: 'table_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
  ],
  needs: userNeeded('An AS Java instance. To see its memory:'),
  grant: unprotected('J2EEGetVMHeapInfo', 'J2EEGetVMGCHistory2', 'J2EEGetSharedTableInfo'),
  thresholdsFrom: 'Our own judgement.',
  tryIt:
    '`farwatch check sap.java.memory --set host=… --set instance=… --set username=… --set secret=…`; the second run has the time of collections.',
  async collect(_, { client, signal, now, previous, remember }) {
    const heap = await client.read('J2EEGetVMHeapInfo', signal)
    if (heap.is === 'not asked') {
      remember(previous)
      return spared(heap)
    }
    const history = await client.read('J2EEGetVMGCHistory2', signal)
    const tables = await client.read('J2EEGetSharedTableInfo', signal)
    const pools = namesOf(heap.rows, ({ processname, type }) => [processname, type].filter((part) => part).join(' '))
    const collections = history.is === 'answered' ? history.rows : []
    const before = numbersBefore(previous)
    const newest = Math.max(before['newest'] ?? 0, ...collections.map((one) => startOf(one) ?? 0))
    remember({ at: now(), newest })
    const sharedTables = tables.is === 'answered' ? tables.rows : []
    const leftOut = [history, tables].flatMap((part) => (part.is === 'not asked' ? [part.message] : []))
    const used = namedItems(heap.rows, 'pool', pools, ({ size, maxSize }) => shareOf(numberOf(size), numberOf(maxSize)))
    return {
      metrics: measured({
        heap_used: used,
        heap_after_gc: afterCollection(collections),
        gc_time: timeSince(collections, before, now()),
        table_used: namedItems(
          sharedTables,
          'table',
          namesOf(sharedTables, ({ table }) => table),
          (row) => shareOf(numberOf(row.used), numberOf(row.limit)),
        ),
      }),
      message:
        leftOut.length > 0
          ? leftOut.join('; ').slice(0, 900)
          : used
              .map(({ labels, value }) => `${labels['pool']} ${Math.round(value)} %`)
              .join(', ')
              .slice(0, 900),
    }
  },
})

/** What the last collection of each process left of its heap. */
function afterCollection(collections: readonly Collection[]): Item[] {
  const last = new Map<string, { readonly start: number; readonly share: number }>()
  for (const one of collections) {
    const start = startOf(one)
    const share = shareOf(numberOf(one.objBytesAfter), numberOf(one.heapSize))
    const process = processOf(one)
    if (start !== undefined && share !== undefined && start >= (last.get(process)?.start ?? 0))
      last.set(process, { start, share })
  }
  return itemsByKey(new Map([...last].map(([process, { share }]) => [process, share])), 'process')
}

/** Durations are in milliseconds; collections that began after the newest one of the run before are those since. */
function timeSince(
  collections: readonly Collection[],
  before: Readonly<Record<string, number>>,
  now: number,
): Item[] | undefined {
  const { newest, at } = before
  if (newest === undefined || at === undefined || now <= at) return undefined
  const spent = new Map<string, number>()
  for (const one of collections) {
    const process = processOf(one)
    const isNew = (startOf(one) ?? 0) > newest
    spent.set(process, (spent.get(process) ?? 0) + (isNew ? (numberOf(one.duration) ?? 0) : 0))
  }
  return itemsByKey(
    new Map([...spent].map(([process, ms]) => [process, Math.min(100, (100 * ms) / (now - at))])),
    'process',
  )
}

function processOf({ processname }: Collection): string {
  return (processname ?? '').slice(0, 200) || 'unnamed'
}

/** A number that grows with the local time that the entry bears. */
function startOf({ startTime }: Collection): number | undefined {
  const found = /^(\d{4})\D(\d\d)\D(\d\d)\D(\d\d):(\d\d):(\d\d)/.exec(startTime ?? '')
  return found === null ? undefined : Number(found.slice(1).join(''))
}
