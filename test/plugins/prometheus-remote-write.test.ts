import { afterAll, beforeAll, expect, test } from 'vitest'
import { realContext } from '../../src/delivery/testing.ts'
import remoteWrite from '../../src/plugins/prometheus-remote-write.ts'
import { checkPluginSettings, type MetricPoint } from '../../src/sdk/index.ts'
import { startVictoriaMetrics, type VictoriaMetrics } from '../servers/victoria-metrics.ts'

let store: VictoriaMetrics

beforeAll(async () => {
  store = await startVictoriaMetrics()
})
afterAll(async () => {
  await store.stop()
})

function send(points: readonly MetricPoint[], given: Record<string, unknown> = {}) {
  const checked = checkPluginSettings(remoteWrite, { url: `${store.url}/api/v1/write`, ...given }, '')
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  return remoteWrite.metrics!(points, checked.value, realContext())
}

const at = Date.UTC(2026, 0, 1)
test('points arrive in a real store with their names, labels, times and values', async () => {
  const labels = { group: 'acme', system: 'Größe "1" \\ 漢字 🚀', 'mount.point': '/var' }
  const outcome = await send([
    { name: 'farwatch_host_local_usage', labels, at: at + 60_000, value: 81.25 },
    { name: 'farwatch_host_local_usage', labels, at, value: -0.001 },
    { name: 'farwatch_run_failed', labels: { group: 'acme' }, at, value: 0 },
  ])
  expect([outcome, await store.exported('{group="acme"}')]).toEqual([
    { delivered: true, detail: 'HTTP 204' },
    [
      {
        labels: {
          __name__: 'farwatch_host_local_usage',
          group: 'acme',
          mount_point: '/var',
          system: 'Größe "1" \\ 漢字 🚀',
        },
        values: [-0.001, 81.25],
        timestamps: [at, at + 60_000],
      },
      { labels: { __name__: 'farwatch_run_failed', group: 'acme' }, values: [0], timestamps: [at] },
    ],
  ])
})

test('a whole request of 5,000 points arrives, and sent again changes nothing', async () => {
  const points = Array.from({ length: 5_000 }, (_, i) => ({
    name: 'farwatch_many',
    labels: { series: String(i % 500) },
    at: at + Math.floor(i / 500) * 10_000,
    value: i,
  }))
  await send(points)
  const once = await store.exported('farwatch_many')
  await send(points)
  const twice = await store.exported('farwatch_many')
  const distinct = (series: typeof once) =>
    series.reduce((sum, one) => sum + new Set(one.timestamps.map((time, i) => `${time} ${one.values[i]}`)).size, 0)
  expect([once.length, distinct(once), distinct(twice)]).toEqual([500, 5_000, 5_000])
})

test('what the store refuses for good is not tried again, and its words are kept', async () => {
  const outcome = await send([{ name: 'x', labels: {}, at, value: 1 }], { url: `${store.url}/api/v9/nothing` })
  expect(outcome).toEqual({ delivered: false, retry: false, message: expect.stringContaining('HTTP 400') })
})
