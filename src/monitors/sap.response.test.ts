import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapResponse from './sap.response.ts'

/** `name: text` lines below Dialog, and one of the same name elsewhere. */
async function run(values: Readonly<Record<string, string>>) {
  const rows = [
    { name: 'FW1', parent: '-1' },
    { name: 'Dialog', parent: '0' },
    { name: 'Other', parent: '0' },
    { name: 'ResponseTime', parent: '2', description: '99999 msec', ActualValue: 'SAPControl-RED' },
    ...Object.entries(values).map(([name, description]) => ({
      name,
      parent: '1',
      description,
      ActualValue: 'SAPControl-GREEN',
    })),
  ]
  const seen = await collectOnce(sapResponse, {}, { client: sapSaying({ GetAlertTree: rows }) })
  expectSound(sapResponse, seen)
  return seen
}

test('the times are those of dialog steps, whatever bears the same name elsewhere', async () => {
  const seen = await run({
    ResponseTime: '410 msec',
    ResponseTimeDialog: '380 msec',
    ResponseTimeDialogRFC: '1 sec',
    QueueTime: '2 msec',
    DBRequestTime: '120 msec',
    FrontendResponseTime: '-',
    LongRunners: '1',
  })
  expect([seen.metrics, seen.message, judgedBy(sapResponse, seen)]).toEqual([
    { response: 410, response_dialog: 380, response_rfc: 1000, queue: 2, database: 120, long_runners: 1, state: 2 },
    '380 ms',
    {},
  ])
})

// node and value → what the default rules say, holding times aside
const verdicts: [string, string, Record<string, string>][] = [
  ['ResponseTimeDialog', '1001 msec', { 'slow dialog': 'WARNING' }],
  ['ResponseTime', '2001 msec', { 'slow dialog': 'CRITICAL' }],
  ['QueueTime', '51 msec', { 'steps wait': 'WARNING' }],
  ['QueueTime', '0.6 sec', { 'steps wait': 'CRITICAL' }],
  ['DBRequestTime', '700 msec', { 'slow database': 'WARNING' }],
]
test.each(verdicts)('%s of %s', async (name, text, verdict) => {
  expect(judgedBy(sapResponse, await run({ ResponseTime: '10 msec', [name]: text }))).toEqual(verdict)
})

test('an instance without such nodes measures nothing', async () => {
  const seen = await collectOnce(sapResponse, {}, { client: sapSaying({ GetAlertTree: [] }) })
  expect([seen.metrics, seen.message]).toEqual([{}, 'the tree has no response times'])
})
