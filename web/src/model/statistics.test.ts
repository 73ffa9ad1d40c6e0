import { expect, test } from 'vitest'
import { nameOf, totalsOf, type StatisticsRow } from './statistics.ts'

const row = (outcomes: Record<string, number>, place?: StatisticsRow['place']): StatisticsRow => ({
  by: 'ping',
  ...(place === undefined ? {} : { place }),
  runs: (outcomes['ran'] ?? 0) + (outcomes['failed'] ?? 0) + (outcomes['late'] ?? 0),
  outcomes,
  timeouts: 1,
  meanMs: 1,
  p50Ms: 1,
  p95Ms: 1,
  maxMs: 1,
  latenessP50Ms: 1,
  latenessP95Ms: 1,
  latenessMaxMs: 1,
})

test('rows are added up, and maintenance counts as neither run nor missed', () => {
  expect([
    totalsOf([
      row({ ran: 90, failed: 5, late: 1, skipped: 3 }),
      row({ ran: 3, lost: 1, uncovered: 1, maintenance: 50 }),
    ]),
    totalsOf([]).share,
  ]).toEqual([{ runs: 99, failed: 5, late: 1, missed: 5, maintenance: 50, timeouts: 2, share: 99 / 104 }, null])
})

test('a row is called by its place where it has one', () => {
  expect([
    nameOf(row({})),
    nameOf(
      row({}, { group: 'acme', system: 'shop', systemId: '1', connector: 'front', profile: 'web', monitor: 'ping' }),
    ),
  ]).toEqual(['ping', 'acme / shop / front / web / ping'])
})
