import { expect, test } from 'vitest'
import { checkDeclared, type JolokiaClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import jmxValues from './jmx.values.ts'

const agent = (values: unknown): JolokiaClient => ({
  url: 'http://app1:8778/jolokia',
  read: async (reads) => reads.map((_, i) => ({ value: (values as unknown[] | null)?.[i] })),
})

const values = { busy: 'Catalina:type=ThreadPool,name=*#currentThreadsBusy', used: 'java.lang:type=Memory#Heap/used' }
const recorded = [
  {
    'Catalina:name="http-nio-8080",type=ThreadPool': { currentThreadsBusy: 3 },
    'Catalina:name="ajp",type=ThreadPool': { currentThreadsBusy: '1' },
  },
  { Heap: { used: 7 } },
]

test('a pattern gives an item for each bean', async () => {
  const seen = await collectOnce(jmxValues, { values }, { client: agent(recorded) })
  expectSound(jmxValues, seen)
  expect([seen.more, judgedBy(jmxValues, seen)]).toEqual([
    [
      { name: 'busy', labels: { bean: 'name="http-nio-8080",type=ThreadPool' }, value: 3 },
      { name: 'busy', labels: { bean: 'name="ajp",type=ThreadPool' }, value: 1 },
      { name: 'used', labels: {}, value: 7 },
    ],
    {},
  ])
})

test('what cannot work is refused', () => {
  const wrong = { values: { a: 'java.lang:type=Memory', values: 'a:b=c#d', b: '#x' }, counters: ['c'] }
  const checked = checkDeclared(jmxValues, wrong, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => one.path)).toEqual([
    'settings.values.values',
    'settings.values.a',
    'settings.values.b',
    'settings.counters[0]',
  ])
})

test('whatever the agent answers, the outcome is clear', () =>
  expectClearOutcomes(jmxValues, mutated(recorded), agent, { settings: { values } }))

test('a monitor that asks for nothing says so', async () => {
  const seen = await collectOnce(jmxValues, { values: {} }, { client: agent([]) })
  expect(judgedBy(jmxValues, seen)).toMatchObject({ 'nothing asked for': 'WARNING' })
})
