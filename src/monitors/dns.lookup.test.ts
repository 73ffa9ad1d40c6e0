import { expect, test } from 'vitest'
import type { DnsClient, DnsSeen } from '../sdk/index.ts'
import { collectOnce, judgedBy } from '../sdk/testing.ts'
import dnsLookup from './dns.lookup.ts'

function answering(...answers: string[]): DnsClient {
  return { server: '10.0.0.2:53', query: async () => ({ status: 'found', answers, ttl: 60, duration: 4 }) }
}

test('reports the answers and their time', async () => {
  expect(await collectOnce(dnsLookup, { name: 'www.example' }, { client: answering('10.0.0.5') })).toEqual({
    metrics: { duration: 4, answers: 1, ttl: 60 },
    facts: { answers: '10.0.0.5' },
    message: '10.0.0.5',
  })
})

// expected | match | answers → the failure's words
const cases: [string[], string, string[], string | undefined][] = [
  [['a.example'], 'all', ['A.Example.'], undefined],
  [['1', '2'], 'all', ['1', '2', '3'], undefined],
  [['1', '2'], 'all', ['1', '3'], 'the answer 2 is missing; 1, 3 came'],
  [['1', '2'], 'any', ['2', '3'], undefined],
  [['1', '2'], 'any', ['3'], 'none of the expected answers came, but 3'],
  [['1'], 'exactly', ['1'], undefined],
  [['1'], 'exactly', ['1', '3'], 'the answer 3 is not expected'],
]
test.each(cases)('%j, %s, of %j', async (expected, match, answers, words) => {
  const seen = await collectOnce(dnsLookup, { name: 'x', expected, match }, { client: answering(...answers) })
  expect(seen.failure?.message).toBe(words === undefined ? undefined : `x at 10.0.0.2:53: ${words}`)
})

// milliseconds → what raises
const times: [number, Record<string, string>][] = [
  [900, {}],
  [1_100, { slow: 'WARNING' }],
  [3_100, { slow: 'MAJOR' }],
]
test.each(times)('an answer after %i ms', async (duration, raised) => {
  const client: DnsClient = { server: 's', query: async () => ({ status: 'found', answers: ['1'], ttl: 60, duration }) }
  expect(judgedBy(dnsLookup, await collectOnce(dnsLookup, { name: 'x' }, { client }))).toEqual(raised)
})

test('a name that is gone raises, and clears when it is back', async () => {
  const gone: DnsSeen = { status: 'no such name', answers: [], duration: 2 }
  const missing = await collectOnce(
    dnsLookup,
    { name: 'x' },
    { client: { server: 's', query: async () => gone } satisfies DnsClient },
  )
  const back = await collectOnce(dnsLookup, { name: 'x' }, { client: answering('1') })
  expect([missing.failure?.message, judgedBy(dnsLookup, missing), judgedBy(dnsLookup, back)]).toEqual([
    'x at s: there is no such name',
    { 'no answer': 'CRITICAL' },
    {},
  ])
})
