import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying, type SapSaid } from '../sdk/testing.ts'
import sapJavaMemory from './sap.java.memory.ts'

/** `12:00:05 300ms 60%`: a collection that began then, took so long and left so much of the heap. */
function collections(...notation: string[]) {
  return notation.map((words) => {
    const [time, took = '', left = ''] = words.split(' ')
    return {
      processname: 'server0',
      startTime: `2026 05 10 ${time}`,
      duration: took.replace('ms', ''),
      objBytesAfter: left.replace('%', ''),
      heapSize: '100',
    }
  })
}

async function run(gc: readonly object[], about: { at?: number; previous?: unknown; said?: SapSaid } = {}) {
  let kept: unknown
  const client = sapSaying({
    J2EEGetVMHeapInfo: [{ processname: 'server0', type: 'Heap', size: '512', maxSize: '2048' }],
    J2EEGetVMGCHistory2: gc,
    J2EEGetSharedTableInfo: [
      { table: 'Threads', used: '30', limit: '100' },
      { table: 'Broken', used: '1', limit: '0' },
    ],
    ...about.said,
  })
  const seen = await collectOnce(
    sapJavaMemory,
    {},
    {
      client,
      now: () => about.at ?? 0,
      previous: about.previous,
      remember: (value) => (kept = value),
    },
  )
  expectSound(sapJavaMemory, seen)
  return { seen, kept }
}

test('heap, what collections left, their time since the run before, and shared tables are measured', async () => {
  const first = await run(collections('12:00:00 900ms 40%', '12:00:05 100ms 50%'), { at: 0 })
  const second = await run(collections('12:00:05 100ms 50%', '12:00:40 3000ms 60%'), {
    at: 60_000,
    previous: first.kept,
  })
  const server = (value: number) => [{ labels: { process: 'server0' }, value }]
  const common = {
    heap_used: [{ labels: { pool: 'server0 Heap' }, value: 25 }],
    table_used: [{ labels: { table: 'Threads' }, value: 30 }],
  }
  expect([first.seen.metrics, second.seen.metrics, second.seen.message]).toEqual([
    { ...common, heap_after_gc: server(50) },
    { ...common, heap_after_gc: server(60), gc_time: server(5) },
    'server0 Heap 25 %',
  ])
})

// what the last collection left and how long it took of a minute → what the default rules say, holding times aside
const verdicts: [string, string, Record<string, string>][] = [
  ['85%', '1000ms', {}],
  ['90%', '1000ms', { 'heap full after collection': 'WARNING' }],
  ['96%', '1000ms', { 'heap full after collection': 'CRITICAL' }],
  ['50%', '7000ms', { 'much garbage collection': 'WARNING' }],
  ['50%', '16000ms', { 'much garbage collection': 'CRITICAL' }],
]
test.each(verdicts)('%s left after %s', async (left, took, verdict) => {
  const previous = { at: 0, newest: 20_260_510_120_000 }
  const { seen } = await run(collections(`12:00:30 ${took} ${left}`), { at: 60_000, previous })
  expect(judgedBy(sapJavaMemory, seen)).toEqual(verdict)
})

test('a shared table that is nearly full raises', async () => {
  const said = { J2EEGetSharedTableInfo: [{ table: 'Sessions', used: '96', limit: '100' }] }
  expect(judgedBy(sapJavaMemory, (await run([], { said })).seen)).toEqual({ 'shared table fills': 'CRITICAL' })
})
