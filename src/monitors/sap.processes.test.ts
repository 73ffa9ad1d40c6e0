import { expect, test } from 'vitest'
import { TargetError, type SapRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapProcesses from './sap.processes.ts'

type Process = Partial<SapRow<'GetProcessList'>>

const gateway: Process = {
  name: 'gwrd',
  description: 'Gateway',
  dispstatus: 'SAPControl-GREEN',
  textstatus: 'Running',
  starttime: '2026 09 28 16:58:24',
  elapsedtime: '1557:46:59',
  pid: '17444',
}
const dispatcher: Process = { ...gateway, name: 'disp+work', elapsedtime: '0:01:05', pid: '17439' }

async function run(rows: readonly Process[], previous?: unknown) {
  let kept: unknown
  const client = sapSaying({ GetProcessList: rows })
  const seen = await collectOnce(sapProcesses, {}, { client, previous, remember: (value) => (kept = value) })
  expectSound(sapProcesses, seen)
  return { seen, kept }
}

test('processes are measured under their names, with hours that are not bounded', async () => {
  const { seen } = await run([gateway, dispatcher])
  expect([seen.metrics, seen.message, judgedBy(sapProcesses, seen)]).toEqual([
    {
      state: [
        { labels: { process: 'gwrd' }, value: 2 },
        { labels: { process: 'disp+work' }, value: 2 },
      ],
      uptime: [
        { labels: { process: 'gwrd' }, value: 5_608_019 },
        { labels: { process: 'disp+work' }, value: 65 },
      ],
      restarted: [],
      processes: 2,
      not_green: 0,
    },
    '2 processes are green',
    {},
  ])
})

test('another process id is a restart, once; what has no id was not restarted', async () => {
  const first = await run([gateway, { ...dispatcher, pid: '-1' }])
  const second = await run([{ ...gateway, pid: '99' }, dispatcher], first.kept)
  const third = await run([{ ...gateway, pid: '99' }, dispatcher], second.kept)
  expect([second, third].map(({ seen }) => [seen.metrics['restarted'], judgedBy(sapProcesses, seen)])).toEqual([
    [[{ labels: { process: 'gwrd' }, value: 1 }], { 'process restarted': 'WARNING' }],
    [
      [
        { labels: { process: 'gwrd' }, value: 0 },
        { labels: { process: 'disp+work' }, value: 0 },
      ],
      {},
    ],
  ])
})

// what is wrong with the dispatcher → what the default rules say
const wrongs: [string, Process, Record<string, string>][] = [
  ['yellow', { dispstatus: 'SAPControl-YELLOW', textstatus: 'Stopping' }, { 'process yellow': 'WARNING' }],
  ['red', { dispstatus: 'SAPControl-RED' }, { 'process red': 'CRITICAL' }],
  ['grey', { dispstatus: 'SAPControl-GRAY', textstatus: 'Stopped' }, { 'process stopped': 'CRITICAL' }],
  ['nameless', { name: null }, {}],
  ['as the one before', { name: 'gwrd' }, {}],
]
test.each(wrongs)('one that is %s', async (_, about, verdict) => {
  expect(judgedBy(sapProcesses, (await run([gateway, { ...dispatcher, ...about }])).seen)).toEqual(verdict)
})

test('an instance without processes and one that does not answer raise', async () => {
  const { seen } = await run([])
  const client = sapSaying({ GetProcessList: new TargetError('refused', 'connection refused by sapapp1:50014') })
  expect(judgedBy(sapProcesses, seen)).toEqual({ 'no processes': 'CRITICAL' })
  await expect(collectOnce(sapProcesses, {}, { client })).rejects.toThrow('connection refused')
})
