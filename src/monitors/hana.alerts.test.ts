import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import alerts from './hana.alerts.ts'

const alert = (id: number, rating: number) => ({
  id,
  alert: `Alert ${id}`,
  host: 'hana1',
  port: 30003,
  rating,
  details: `Something of ${id}`,
})
const answers = {
  STATISTICS_CURRENT_ALERTS: [alert(2, 4), alert(39, 2), alert(79, 1)],
  STATISTICS_SCHEDULE: [{ age: 40 }],
}

test('alerts bear HANA’s own rating, and the worst is told in its words', async () => {
  const seen = await collectOnce(alerts, {}, { client: hanaDatabase(answers) })
  expectSound(alerts, seen)
  expect([seen.metrics, seen.message, judgedBy(alerts, seen)]).toEqual([
    {
      alert: [
        { labels: { id: '2', alert: 'Alert 2', host: 'hana1', port: '30003' }, value: 4 },
        { labels: { id: '39', alert: 'Alert 39', host: 'hana1', port: '30003' }, value: 2 },
      ],
      alerts: [
        { labels: { rating: 'information' }, value: 1 },
        { labels: { rating: 'low' }, value: 1 },
        { labels: { rating: 'medium' }, value: 0 },
        { labels: { rating: 'high' }, value: 1 },
        { labels: { rating: 'error' }, value: 0 },
      ],
      checked: 40,
    },
    '3 alerts, the worst: Something of 2',
    { alert: 'MAJOR' },
  ])
})

test('no alerts are none, and checks that stand still raise', async () => {
  const quiet = { STATISTICS_SCHEDULE: [{ age: 7_200 }] }
  const seen = await collectOnce(alerts, {}, { client: hanaDatabase(quiet) })
  expect([seen.metrics['alert'], seen.message, judgedBy(alerts, seen)]).toEqual([
    [],
    undefined,
    { 'checks stand still': 'WARNING' },
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(alerts, answers))
