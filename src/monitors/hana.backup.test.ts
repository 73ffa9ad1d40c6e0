import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import backup from './hana.backup.ts'

const day = 86_400
const at = (dataAge: number, logAge: number, state = 0) => ({
  'AS SUCCESSES': [
    { kind: 'complete data backup', age: dataAge, successes: 7 },
    { kind: 'data snapshot', age: 9 * day, successes: 1 },
    { kind: 'log backup', age: logAge, successes: 900 },
  ],
  'AS STATE': [{ kind: 'complete data backup', state, why: 'no space left' }],
  'AS FAILURES': [{ kind: 'complete data backup', failures: state === 3 ? 1 : 0 }],
  "= 'volume'": [{ bytes: 5_000 }],
  "= 'catalog'": [{ bytes: 100 }],
})
const run = (answers: Parameters<typeof hanaDatabase>[0]) => collectOnce(backup, {}, { client: hanaDatabase(answers) })

test('the youngest of data backup and snapshot counts', async () => {
  const seen = await run(at(day, 600))
  expectSound(backup, seen)
  expect([seen.metrics, judgedBy(backup, seen)]).toEqual([
    {
      data_age: day,
      log_age: 600,
      age: [
        { labels: { kind: 'complete data backup' }, value: day },
        { labels: { kind: 'data snapshot' }, value: 9 * day },
        { labels: { kind: 'log backup' }, value: 600 },
      ],
      last: [{ labels: { kind: 'complete data backup' }, value: 0 }],
      failures: [{ labels: { kind: 'complete data backup' }, value: 0 }],
      data_backups: 8,
      data_size: 5_000,
      catalog_size: 100,
    },
    {},
  ])
})

test('old, failed and missing backups raise', async () => {
  const failed = await run(at(1.5 * day, 5 * 3_600, 3))
  expect([
    judgedBy(backup, failed),
    failed.message,
    judgedBy(backup, await run(at(3 * day, 60, 2))),
    judgedBy(backup, await run({})),
    judgedBy(backup, await run({ ...at(day, 600), "= 'catalog'": [{ bytes: 60 * 1024 ** 2 }] })),
  ]).toEqual([
    { 'data backup old': 'WARNING', 'log backup old': 'CRITICAL', 'backup failed': 'CRITICAL' },
    'the last complete data backup failed: no space left',
    { 'data backup old': 'CRITICAL', 'backup failed': 'WARNING' },
    { 'never backed up': 'CRITICAL' },
    { 'catalogue large': 'INFO' },
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(backup, at(day, 60)))
