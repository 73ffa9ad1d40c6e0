import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import log from './hana.log.ts'

const service = { host: 'hana1', port: 30003 }
const volume = { ...service, type: 'LOG', path: '/hana/log/' }
const at = (age: number, critical: number, used: number, writeTime: number) => ({
  M_SAVEPOINTS: [{ ...service, age, critical, duration: 4 }],
  M_LOG_SEGMENTS: [{ ...service, segments: 120, used }],
  M_VOLUME_IO_TOTAL_STATISTICS: [
    { ...volume, writes: 300, write_time: writeTime, reads: 5, read_time: 900, failed: 0 },
  ],
})
const previous = { '["hana1","30003","LOG","/hana/log/"]': [200, 0, 0, 0] }

test('latency is that of the writes since the run before', async () => {
  const seen = await collectOnce(log, {}, { client: hanaDatabase(at(200, 0.1, 3, 50_000)), previous })
  expectSound(log, seen)
  const only = (value: number) => [{ labels: { host: 'hana1', port: '30003' }, value }]
  const of = { host: 'hana1', port: '30003', type: 'LOG', path: '/hana/log/' }
  expect([seen.metrics, judgedBy(log, seen)]).toEqual([
    {
      savepoint_age: only(200),
      critical_phase: only(0.1),
      savepoint_duration: only(4),
      segments: only(120),
      segments_used: only(3),
      // 100 writes in 50 ms; 5 reads are too few to speak of.
      write_latency: [{ labels: of, value: 0.5 }],
      read_latency: [],
      io_failed: [{ labels: of, value: 0 }],
    },
    {},
  ])
})

test('an old savepoint, one that blocks, a full log and a slow disk raise', async () => {
  const seen = await collectOnce(log, {}, { client: hanaDatabase(at(1_000, 12, 101, 2_500_000)), previous })
  expect(judgedBy(log, seen)).toEqual({
    'no savepoint': 'WARNING',
    'savepoint blocks': 'WARNING',
    'log segments': 'WARNING',
    'log disk slow': 'WARNING',
  })
})

test('a data disk that reads slowly raises, and one that fails', async () => {
  const data = { ...service, type: 'DATA', path: '/hana/data/' }
  const before = { '["hana1","30003","DATA","/hana/data/"]': [0, 0, 0, 0] }
  const run = async (readTime: number, failed: number) => {
    const row = { ...data, writes: 0, write_time: 0, reads: 100, read_time: readTime, failed }
    const answers = { ...at(1, 1, 1, 1), M_VOLUME_IO_TOTAL_STATISTICS: [row] }
    return collectOnce(log, {}, { client: hanaDatabase(answers), previous: before })
  }
  const well = await run(100_000, 0)
  expect([judgedBy(log, await run(2_500_000, 3), well), judgedBy(log, await run(100_000, 0), well)]).toEqual([
    { 'data disk slow': 'WARNING', 'disk fails': 'CRITICAL' },
    {},
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(log, at(1, 1, 1, 1), { previous }))
