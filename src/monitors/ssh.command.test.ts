import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SshClient, SshSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import sshCommand from './ssh.command.ts'

function ending(exit: SshSeen['exit'], stdout: string, stderr = ''): SshClient {
  return { target: 'db1:22', run: async () => ({ exit, stdout, stderr, truncated: false, duration: 7 }) }
}
const ask = (output: string, exit: SshSeen['exit'], stdout: string, stderr = '') =>
  collectOnce(sshCommand, { command: 'x', output }, { client: ending(exit, stdout, stderr) })

test('the output of a plugin is its state and its performance data', async () => {
  const seen = await ask('plugin', 1, 'MAILQ WARNING | queue=70;50;200;0\n')
  expectSound(sshCommand, seen)
  expect([seen, judgedBy(sshCommand, seen)]).toEqual([
    {
      metrics: { duration: 7, exit: 1, state: 1, perfdata_state: [{ labels: { label: 'queue' }, value: 1 }] },
      more: [{ name: 'perfdata', labels: { label: 'queue' }, value: 70, unit: '' }],
      facts: { state: 'WARNING' },
      message: 'MAILQ WARNING',
    },
    { 'plugin state': 'WARNING', 'plugin threshold': 'WARNING' },
  ])
})

test('a plugin that finds all well raises nothing', async () => {
  expect(judgedBy(sshCommand, await ask('plugin', 0, 'MAILQ OK | queue=7;50;200;0\n'))).toEqual({})
})

test('a number is a value, lines are metrics of their own', async () => {
  const number = await ask('number', 0, ' 23.5\n')
  const lines = await ask('lines', 0, '# queues\nqueue in 7\nqueue out 8\n\nage 1e3\n')
  expectSound(sshCommand, lines)
  expect([number.metrics['value'], lines.more]).toEqual([
    23.5,
    [
      { name: 'queue', labels: { item: 'in' }, value: 7 },
      { name: 'queue', labels: { item: 'out' }, value: 8 },
      { name: 'age', labels: {}, value: 1000 },
    ],
  ])
})

// output, exit, printed, errors → the words
const wrong: [string, SshSeen['exit'], string, string, string][] = [
  [
    'plugin',
    127,
    '',
    'sh: x: not found\n',
    'the command ended with 127, which is no state of a plugin: sh: x: not found',
  ],
  ['number', 0, 'seven', '', 'the command did not print one number: seven'],
  ['number', 2, '7', '', 'the command ended with 2: 7'],
  ['lines', 0, '', '', 'the command printed no number'],
  ['lines', 0, 'a 1\nb', '', 'the command printed a line that is not a name and a number: a 1'],
  ['lines', 0, 'a 1\na 2', '', 'the command printed a twice: a 1'],
  ['lines', 0, 'exit 1', '', 'the command printed the name exit, which this monitor has already: exit 1'],
]
test.each(wrong)('%s, exit %s, %j', async (output, exit, stdout, stderr, words) => {
  const seen = await ask(output, exit, stdout, stderr)
  expect([seen.failure?.message, judgedBy(sshCommand, seen)]).toEqual([words, { 'cannot run': 'MAJOR' }])
})

test('whatever a command prints, the outcome is numbers or words', async () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', ' ', '1', '.', '\n', '|', '=', ';', "'") }))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('plugin', 'number', 'lines'), fc.nat(4), text, async (output, exit, stdout) =>
      expectSound(sshCommand, await ask(output, exit, stdout)),
    ),
  )
})
