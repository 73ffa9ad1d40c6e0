import { expect, test } from 'vitest'
import { parseExposition } from '../../src/monitors/formats/exposition.ts'
import { TestInstance, until } from '../support/instance.ts'

test('an instance tells about itself, its agent and its monitors in OpenMetrics to the letter, and in its statistics', async () => {
  await using instance = await TestInstance.start()
  await until(
    'everything that is watched out of the box ran',
    () => instance.call('listTasks'),
    (all) => all.length > 1 && all.every((task) => task.lastOutcome === 'ran'),
  )
  const look = async () => {
    const { samples } = parseExposition((await instance.send('GET', '/metrics')).body, 'openmetrics')
    const valueOf = (name: string, labels: Readonly<Record<string, string>>) =>
      samples.find(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      )?.value
    const monitor = { monitor: 'host.local' }
    return {
      online: valueOf('farwatch_agent_online', { agent: 'local' }),
      memory: valueOf('farwatch_agent_memory_used_bytes', { agent: 'local' })! > 0,
      ran: valueOf('farwatch_monitor_slots_total', { ...monitor, outcome: 'ran' })! > 0,
      timeouts: valueOf('farwatch_monitor_timeouts_total', monitor),
      duration: valueOf('farwatch_monitor_duration_seconds', { ...monitor, quantile: '0.95' })! > 0,
    }
  }
  // A run can be seen in the history a moment before it is counted.
  const told = await until('its run is counted', look, ({ ran }) => ran)
  const statistics = await instance.call('monitorStatistics', { query: { by: 'agent' } })
  expect({
    ...told,
    byAgent: statistics.map(({ by, runs, timeouts, p95Ms }) => [by, runs > 0, timeouts, p95Ms! > 0]),
  }).toEqual({
    online: 1,
    memory: true,
    ran: true,
    timeouts: 0,
    duration: true,
    byAgent: [['local', true, 0, true]],
  })
})
