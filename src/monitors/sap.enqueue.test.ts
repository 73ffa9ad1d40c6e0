import { expect, test } from 'vitest'
import type { SapRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapEnqueue from './sap.enqueue.ts'

type Statistics = Partial<SapRow<'EnqGetStatistic'>>

const healthy: Statistics = {
  'owner-now': '1',
  'owner-max': '10',
  'owner-state': 'SAPControl-GREEN',
  'locks-now': '7',
  'locks-high': '8',
  'locks-max': '10',
  'locks-state': 'SAPControl-GREEN',
  'enqueue-requests': '100',
  'enqueue-rejects': '3',
  'enqueue-errors': '1',
  'dequeue-errors': '2',
  'lock-time': '174.574351',
  'replication-state': 'SAPControl-GRAY',
}

async function run(about: Statistics = {}) {
  const client = sapSaying({ EnqGetStatistic: [{ ...healthy, ...about }] })
  const seen = await collectOnce(sapEnqueue, {}, { client })
  expectSound(sapEnqueue, seen)
  return seen
}

test('what the server counts is measured, and what it leaves out is left out', async () => {
  const table = (name: string, value: number) => ({ labels: { table: name }, value })
  expect((await run()).metrics).toEqual({
    now: [table('owner', 1), table('locks', 7)],
    high: [table('locks', 8)],
    max: [table('owner', 10), table('locks', 10)],
    fill: [table('owner', 10), table('locks', 70)],
    state: [
      { labels: { part: 'owner' }, value: 2 },
      { labels: { part: 'locks' }, value: 2 },
      { labels: { part: 'replication' }, value: 1 },
    ],
    requests: [
      { labels: { kind: 'enqueue_requests' }, value: 100 },
      { labels: { kind: 'enqueue_rejects' }, value: 3 },
      { labels: { kind: 'enqueue_errors' }, value: 1 },
      { labels: { kind: 'dequeue_errors' }, value: 2 },
    ],
    errors: 3,
    rejects: 3,
    lock_time: 174.574351,
  })
})

// what is otherwise → what the default rules say; counters are judged by their rate, which a single run has not
const verdicts: [Statistics, Record<string, string>][] = [
  [{ 'enqueue-errors': '0', 'dequeue-errors': '0' }, {}],
  [{ 'enqueue-errors': '0', 'dequeue-errors': '0', 'locks-now': '9' }, { 'table fills': 'WARNING' }],
  [{ 'enqueue-errors': '0', 'dequeue-errors': '0', 'owner-now': '10' }, { 'table fills': 'CRITICAL' }],
  [
    { 'enqueue-errors': '0', 'dequeue-errors': '0', 'locks-state': 'SAPControl-YELLOW' },
    { 'lock server yellow': 'WARNING' },
  ],
  [
    { 'enqueue-errors': '0', 'dequeue-errors': '0', 'replication-state': 'SAPControl-RED' },
    { 'lock server red': 'CRITICAL' },
  ],
]
test.each(verdicts)('%j', async (about, verdict) => {
  expect(judgedBy(sapEnqueue, await run(about))).toEqual(verdict)
})

test('an instance without a lock server is not asked', async () => {
  const seen = await collectOnce(sapEnqueue, {}, { client: sapSaying({}) })
  expect([seen.metrics, judgedBy(sapEnqueue, seen)]).toEqual([{}, {}])
})

test('errors of the lock server raise when they grow', async () => {
  const before = await run()
  expect([
    judgedBy(sapEnqueue, await run({ 'dequeue-errors': '5' }), before),
    judgedBy(sapEnqueue, await run(), before),
  ]).toEqual([{ 'lock errors': 'WARNING' }, {}])
})
