import { expect, test } from 'vitest'
import type { JolokiaAnswer, JolokiaClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import jvm from './jvm.ts'

const mega = 1024 * 1024
const pool = (used: number, max: number, type = 'HEAP') => ({
  Usage: { init: 0, used, committed: max, max },
  CollectionUsage: type === 'HEAP' ? { init: 0, used: used / 2, committed: max, max } : null,
  Type: type,
})

// As Jolokia 1.7 answers for a Java 17, in the order of the questions.
const healthy = [
  {
    HeapMemoryUsage: { used: 50 * mega, committed: 80 * mega, max: 100 * mega },
    NonHeapMemoryUsage: { used: mega, max: -1 },
  },
  {
    'java.lang:name=Tenured Gen,type=MemoryPool': pool(40 * mega, 80 * mega),
    'java.lang:name=Metaspace,type=MemoryPool': pool(5 * mega, -1, 'NON_HEAP'),
  },
  { 'java.lang:name=Copy,type=GarbageCollector': { CollectionCount: 12, CollectionTime: 900 } },
  { ThreadCount: 20, PeakThreadCount: 25 },
  { LoadedClassCount: 3_000 },
  { OpenFileDescriptorCount: 100, MaxFileDescriptorCount: 1_000, ProcessCpuLoad: 0.25 },
  { Uptime: 70_000, VmName: 'OpenJDK', VmVersion: '17.0.1' },
  null,
]

const agent = (values: unknown, refused: readonly number[] = []): JolokiaClient => ({
  url: 'http://app1:8778/jolokia',
  read: async (reads) =>
    reads.map((_, i): JolokiaAnswer =>
      refused.includes(i) ? { refused: 'not allowed' } : { value: (values as unknown[] | null)?.[i] },
    ),
})

test('a process at rest', async () => {
  const previous = { uptime: 10_000, spent: 600 }
  const seen = await collectOnce(jvm, {}, { client: agent(healthy), previous })
  expectSound(jvm, seen)
  expect([seen.metrics, seen.facts, judgedBy(jvm, seen)]).toEqual([
    {
      heap_used: 50,
      heap: 50 * mega,
      heap_committed: 80 * mega,
      heap_after_gc: [{ labels: { pool: 'Tenured Gen' }, value: 25 }],
      non_heap: mega,
      pool_used: [{ labels: { pool: 'Tenured Gen' }, value: 50 }],
      gc_time: 0.5,
      gc_runs: [{ labels: { collector: 'Copy' }, value: 12 }],
      threads: 20,
      threads_peak: 25,
      deadlocked: 0,
      classes: 3_000,
      files_used: 10,
      cpu: 25,
      uptime: 70,
    },
    { version: 'OpenJDK 17.0.1' },
    {},
  ])
})

test('a full heap, endless collecting and a deadlock raise', async () => {
  const ill: unknown[] = [...healthy]
  ill[0] = { HeapMemoryUsage: { used: 99, committed: 100, max: 100 } }
  ill[2] = { 'java.lang:name=Copy,type=GarbageCollector': { CollectionCount: 12, CollectionTime: 30_000 } }
  ill[7] = [17, 18]
  const seen = await collectOnce(jvm, {}, { client: agent(ill), previous: { uptime: 10_000, spent: 600 } })
  expect(judgedBy(jvm, seen)).toEqual({ heap: 'CRITICAL', 'collecting garbage': 'CRITICAL', deadlock: 'CRITICAL' })
})

test('a heap that stays full after a collection, and file descriptors, raise', async () => {
  const ill: unknown[] = [...healthy]
  ill[1] = { 'java.lang:name=Tenured Gen,type=MemoryPool': { ...pool(70, 80), CollectionUsage: { used: 70, max: 80 } } }
  ill[5] = { OpenFileDescriptorCount: 960, MaxFileDescriptorCount: 1_000, ProcessCpuLoad: 0.25 }
  const seen = await collectOnce(jvm, {}, { client: agent(ill) })
  expect(judgedBy(jvm, seen)).toEqual({ 'heap after collection': 'WARNING', 'file descriptors': 'CRITICAL' })
})

test('what may not be called is left out; where nothing may be read it is a matter of configuration', async () => {
  const seen = await collectOnce(jvm, {}, { client: agent(healthy, [7]) })
  const nothing = collectOnce(jvm, {}, { client: agent(healthy, [0, 1, 2, 3, 4, 5, 6, 7]) })
  expect([seen.facts?.['missing'], seen.metrics['deadlocked']]).toEqual(['deadlocks (not allowed)', undefined])
  await expect(nothing).rejects.toMatchObject({ reason: 'configuration' })
})

test('whatever the agent answers, the outcome is clear', () =>
  expectClearOutcomes(jvm, mutated(healthy), (values) => agent(values), { previous: { uptime: 1, spent: 0 } }))
