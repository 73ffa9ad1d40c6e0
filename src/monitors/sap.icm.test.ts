import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapIcm from './sap.icm.ts'

function threads(busy: number, free: number) {
  const thread = (status: string) => ({ name: 'Thread 1', requests: '10', status })
  return [
    { name: 'Watchdog', requests: '0', status: 'Running' },
    ...Array.from({ length: busy }, () => thread('Running')),
    ...Array.from({ length: free }, () => thread('Available')),
  ]
}

async function run(busy: number, free: number) {
  const client = sapSaying({
    ICMGetThreadList: threads(busy, free),
    ICMGetConnectionList: [{ protocol: 'HTTP', role: 'Server' }, { protocol: 'HTTP', role: 'Server' }, {}],
  })
  const seen = await collectOnce(sapIcm, {}, { client })
  expectSound(sapIcm, seen)
  return seen
}

test('threads and connections are counted, but for the watchdog', async () => {
  const seen = await run(1, 3)
  expect([seen.metrics, seen.message, judgedBy(sapIcm, seen)]).toEqual([
    {
      threads: 4,
      threads_busy: 25,
      requests: 40,
      connections: 3,
      connections_by_protocol: [
        { labels: { protocol: 'HTTP Server' }, value: 2 },
        { labels: { protocol: 'unknown' }, value: 1 },
      ],
    },
    '1 of 4 threads are busy',
    {},
  ])
})

// busy and free threads → what the default rules say, holding times aside
const verdicts: [number, number, Record<string, string>][] = [
  [8, 2, {}],
  [9, 1, { 'threads used up': 'WARNING' }],
  [10, 0, { 'threads used up': 'CRITICAL' }],
  [0, 0, { 'no threads': 'CRITICAL' }],
]
test.each(verdicts)('%i busy and %i free', async (busy, free, verdict) => {
  expect(judgedBy(sapIcm, await run(busy, free))).toEqual(verdict)
})

test('connections that may not be asked for are left out', async () => {
  const client = sapSaying({ ICMGetThreadList: threads(0, 2) })
  const seen = await collectOnce(sapIcm, {}, { client })
  expect([seen.metrics['connections'], seen.message]).toEqual([
    undefined,
    '0 of 2 threads are busy; this start service does not offer ICMGetConnectionList',
  ])
})
