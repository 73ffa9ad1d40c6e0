import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startJolokia, type Jolokia } from '../servers/jolokia.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

let server: Jolokia
const as = (secret: string): { credential: OpenCredential } => ({
  credential: { type: 'basic', fields: { username: 'anna', secret } },
})
const anna = as('geheim')

beforeAll(async () => {
  server = await startJolokia()
})
afterAll(() => server?.stop())

test('a Java process is measured whole, and nothing raises', async () => {
  const monitor = theOne(monitors, 'jvm')
  const first = await runMonitor('jvm', { url: server.url }, {}, anna)
  // Garbage that was collected between two runs that follow at once is a large share of that time, and a small one of a longer time.
  const later = () => measured('jvm', { url: server.url }, {}, { ...anna, previous: first.kept })
  await expect.poll(async () => (await later()).metrics['gc_time'], { timeout: 60_000 }).toBeLessThan(5)
  const seen = await later()
  expectSound(monitor, seen, ['geheim'])
  expect([
    Object.keys(monitor.metrics).filter((name) => seen.metrics[name] === undefined),
    seen.facts?.['missing'],
    judgedBy(monitor, seen),
  ]).toEqual([[], undefined, {}])
})

test('values of beans are read by name, part and pattern; what is none is named', async () => {
  const values = {
    threads: 'java.lang:type=Threading#ThreadCount',
    heap: 'java.lang:type=Memory#HeapMemoryUsage/used',
    collections: 'java.lang:type=GarbageCollector,name=*#CollectionCount',
    valid: 'java.lang:type=GarbageCollector,name=*#Valid',
    nothing: 'java.lang:type=Threading#NoSuch',
    nobody: 'no.such:type=x#y',
  }
  const seen = await measured('jmx.values', { url: server.url }, { values, counters: ['collections'] }, anna)
  expectSound(theOne(monitors, 'jmx.values'), seen, ['geheim'])
  const names = (seen.more ?? []).map(({ name, labels, kind }) => [name, Object.keys(labels), kind])
  expect([names, seen.failure?.message.replace(server.url, 'URL')]).toEqual([
    [
      ['threads', [], undefined],
      ['heap', [], undefined],
      ['collections', ['bean'], 'counter'],
      ['collections', ['bean'], 'counter'],
      ['valid', ['bean'], undefined],
      ['valid', ['bean'], undefined],
    ],
    'URL: java.lang:type=Threading#NoSuch: there is no number (nothing); no.such:type=x#y: there is no such bean (nobody)',
  ])
})

test('what is wrong with the sign-in or the place is told apart', async () => {
  const outcome = async (url: string, credential = anna) =>
    (await runMonitor('jvm', { url }, {}, credential)).failed?.replace(/127\.0\.0\.1:\d\d+/, 'HOST')
  expect([
    await outcome(server.url, as('falsch')),
    await outcome(server.url.replace('jolokia', 'nowhere')),
    await outcome('http://127.0.0.1:1/jolokia'),
  ]).toEqual([
    'credentials: http://HOST/jolokia refused the sign-in (HTTP 401)',
    'configuration: there is no agent at http://HOST/nowhere',
    'refused: connection refused by 127.0.0.1:1',
  ])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('jvm', { url: server.url }, anna),
    await byHand(
      'jmx.values',
      { url: server.url },
      { ...anna, settings: { values: { threads: 'java.lang:type=Threading#ThreadCount' } } },
    ),
  ]).toEqual(['0 jvm ran', '0 jmx.values ran'])
})
