import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapJavaProcess from './sap.java.process.ts'

const process = (name: string, state = 'J2EE-RUNNING', statetext = 'Running') => ({
  name,
  state,
  statetext,
  restartCount: '1',
  errorCount: '0',
  cpu: '2.5 %',
  elapsedTime: '1:00:00',
})

async function run(rows: readonly object[]) {
  const seen = await collectOnce(sapJavaProcess, {}, { client: sapSaying({ J2EEGetProcessList2: rows }) })
  expectSound(sapJavaProcess, seen)
  return seen
}

test('each process is measured under its name', async () => {
  const seen = await run([process('server0')])
  const item = (value: number) => [{ labels: { process: 'server0' }, value }]
  expect([seen.metrics, seen.message]).toEqual([
    { running: item(1), restarts: item(1), errors: item(0), cpu: item(2.5), uptime: item(3600) },
    '1 processes run',
  ])
})

// state → whether it raises
const states: [string, boolean][] = [
  ['J2EE-RUNNING', false],
  ['RUNNING', false],
  ['SAPControl-J2EE-RUNNING', false],
  ['J2EE-CORE-RUNNING', true],
  ['J2EE-STARTING', true],
  ['J2EE-STOPPED', true],
  ['J2EE-MAINTENANCE', true],
  ['', true],
]
test.each(states)('%s', async (state, raises) => {
  const seen = await run([{ ...process('server0', state), restartCount: '0' }])
  expect(judgedBy(sapJavaProcess, seen)).toEqual(raises ? { 'process does not run': 'CRITICAL' } : {})
})

test('it is said which process does not run', async () => {
  expect((await run([process('server0'), process('server1', 'J2EE-STOPPED', 'Stopped')])).message).toBe(
    'server1 is Stopped',
  )
})

test('a process that was restarted raises', async () => {
  const at = (restartCount: string) => run([{ ...process('server0'), restartCount }])
  const before = await at('1')
  expect([judgedBy(sapJavaProcess, await at('2'), before), judgedBy(sapJavaProcess, await at('1'), before)]).toEqual([
    { 'process restarted': 'WARNING' },
    {},
  ])
})
