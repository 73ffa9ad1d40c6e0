import { expect, test } from 'vitest'
import type { ExecClient, ExecSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import nagiosPlugin from './nagios.plugin.ts'

function ending(exit: ExecSeen['exit'], stdout: string, stderr = ''): ExecClient {
  return {
    run: async () => ({ exit, stdout, stderr, truncated: false, duration: 7 }),
    programs: async () => ['check_disk', 'check_http'],
  }
}

test('offers the programs that are there', async () => {
  const context = { client: ending(0, ''), signal: AbortSignal.timeout(5_000) }
  expect(await nagiosPlugin.candidates?.({}, context)).toEqual({ command: ['check_disk', 'check_http'] })
})

test('takes the state, the line and the performance data', async () => {
  const output = "DISK WARNING | /=900MB;800;950;0;1000 'load 1'=0.5;1;2\nmore | /var=3%\n"
  const seen = await collectOnce(nagiosPlugin, { command: 'check_disk' }, { client: ending(1, output) })
  expectSound(nagiosPlugin, seen)
  expect(seen).toEqual({
    metrics: {
      state: 1,
      duration: 7,
      perfdata_state: [
        { labels: { label: '/' }, value: 1 },
        { labels: { label: 'load 1' }, value: 0 },
      ],
    },
    more: [
      { name: 'perfdata', labels: { label: '/' }, value: 900 * 1024 ** 2, unit: 'B' },
      { name: 'perfdata', labels: { label: 'load 1' }, value: 0.5, unit: '' },
      { name: 'perfdata', labels: { label: '/var' }, value: 3, unit: '%' },
    ],
    facts: { state: 'WARNING' },
    message: 'DISK WARNING',
  })
})

// exit → what the default rules say
const states: [number, Record<string, string>][] = [
  [0, {}],
  [1, { 'plugin state': 'WARNING' }],
  [2, { 'plugin state': 'CRITICAL' }],
  [3, { 'plugin state': 'MINOR' }],
]
test.each(states)('exit %i', async (exit, verdict) => {
  const seen = await collectOnce(nagiosPlugin, { command: 'check_x' }, { client: ending(exit, 'words') })
  expect(judgedBy(nagiosPlugin, seen)).toEqual(verdict)
})

test('a value beyond the plugin’s own threshold raises', async () => {
  const disk = async (used: number) => {
    const client = ending(0, `DISK OK | /=${used}MB;800;950;0;1000\n`)
    return judgedBy(nagiosPlugin, await collectOnce(nagiosPlugin, { command: 'check_disk' }, { client }))
  }
  expect([await disk(960), await disk(100)]).toEqual([{ 'plugin threshold': 'CRITICAL' }, {}])
})

test.each([[127], ['SIGSEGV']])('%s is no state', async (exit) => {
  const seen = await collectOnce(nagiosPlugin, { command: 'check_x' }, { client: ending(exit, '', 'not found\n') })
  expect(seen.failure).toEqual({
    reason: 'protocol',
    message: `check_x ended with ${exit}, which is no state of a plugin: not found`,
  })
})
