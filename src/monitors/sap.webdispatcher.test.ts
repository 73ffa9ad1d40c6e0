import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapWebdispatcher from './sap.webdispatcher.ts'

const server = (instance: string, status = 'OK', connections = '10') => ({
  sid: 'FW1',
  instance,
  protocol: 'HTTP',
  status,
  load: '7',
  'cur-conn': connections,
  'max-conn': '500',
  'resp-time-avg': '120',
  'ping-time-last': '3',
})

async function run(rows: readonly object[]) {
  const seen = await collectOnce(sapWebdispatcher, {}, { client: sapSaying({ WebDispGetServerList: rows }) })
  expectSound(sapWebdispatcher, seen)
  return seen
}

test('each server is measured under its name and protocol', async () => {
  const seen = await run([server('fwapp1_FW1_01')])
  const item = (value: number) => [{ labels: { server: 'fwapp1_FW1_01 HTTP' }, value }]
  expect([seen.metrics, seen.message]).toEqual([
    {
      up: item(1),
      servers: 1,
      servers_up: 1,
      load: item(7),
      connections: item(10),
      connections_used: item(2),
      response: item(120),
      ping: item(3),
    },
    '1 servers are up',
  ])
})

// the servers → what the default rules say
const verdicts: [string, readonly object[], Record<string, string>][] = [
  ['all up', [server('a'), server('b', 'Active')], {}],
  ['one down', [server('a'), server('b', 'Inactive')], { 'server down': 'WARNING' }],
  ['all down', [server('a', 'Error')], { 'server down': 'WARNING', 'all servers down': 'CRITICAL' }],
  ['none', [], { 'all servers down': 'CRITICAL' }],
  ['one nearly full', [server('a', 'OK', '450')], { 'connections used up': 'WARNING' }],
]
test.each(verdicts)('%s', async (_, rows, verdict) => {
  expect(judgedBy(sapWebdispatcher, await run(rows))).toEqual(verdict)
})
