import { expect, test } from 'vitest'
import { checkDeclared, type HttpAnswerSeen, type HttpClient } from '../sdk/index.ts'
import { certificateLasting, collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import httpResponse from './http.response.ts'

function answering(body: string, about: Partial<HttpAnswerSeen> = {}): HttpClient {
  return {
    url: 'http://shop.example/',
    request: async () => ({
      status: 200,
      headers: { server: 'nginx' },
      body: new TextEncoder().encode(body),
      text: () => body,
      phases: { dns: 1, connect: 2, firstByte: 3, total: 8 },
      redirects: 0,
      finalUrl: 'http://shop.example/',
      ...about,
    }),
  }
}

test('reports status, size and the time of each part', async () => {
  const seen = await collectOnce(httpResponse, {}, { client: answering('hello') })
  expect(seen).toEqual({
    metrics: { duration: 8, dns: 1, connect: 2, first_byte: 3, status: 200, size: 5, redirects: 0 },
    more: [],
    facts: { url: 'http://shop.example/', server: 'nginx' },
    message: '200 in 8 ms',
  })
})

// settings | body → the failure's words, or nothing
const demands: [Record<string, unknown>, string, string | undefined][] = [
  [{ expectStatus: '200-299' }, '', undefined],
  [{ expectStatus: '201, 404' }, '', 'the status is 200, not 201, 404'],
  [{ bodyContains: 'welcome' }, 'welcome!', undefined],
  [{ bodyContains: 'welcome' }, 'sorry', 'the body lacks "welcome"'],
  [{ bodyLacks: 'error' }, 'an error', 'the body contains "error"'],
  [{ bodyMatches: '^ok \\d+$' }, 'ok 12', undefined],
  [{ bodyMatches: '^ok \\d+$' }, 'ok', 'the body does not match "^ok \\\\d+$"'],
  [{ bodyMatchesNot: '(?i)fatal' }, 'FATAL', 'the body matches "(?i)fatal"'],
  [{ extract: { hits: '$.hits' } }, '{"hits":1}', undefined],
  [{ extract: { hits: '$.hits' } }, '{"hits":"many"}', 'there is no number at $.hits for hits'],
  [{ extract: { hits: '$.hits' } }, '<html>', 'the body is not JSON'],
]
test.each(demands)('%j of %j', async (settings, body, words) => {
  const seen = await collectOnce(httpResponse, settings, { client: answering(body) })
  expect(seen.failure).toEqual(
    words === undefined ? undefined : { reason: 'assertion', message: `http://shop.example/: ${words}` },
  )
})

test('takes numbers, numeric texts and truth values out of JSON, several of them by index', async () => {
  const body = JSON.stringify({ hits: 3, depth: ' 7.5 ', up: true, nodes: [{ load: 1 }, { load: 2 }] })
  const extract = { hits: '$.hits', depth: '$.depth', up: '$.up', load: '$.nodes[*].load' }
  const seen = await collectOnce(httpResponse, { extract }, { client: answering(body) })
  expect(seen.more).toEqual([
    { name: 'hits', labels: {}, value: 3 },
    { name: 'depth', labels: {}, value: 7.5 },
    { name: 'up', labels: {}, value: 1 },
    { name: 'load', labels: { index: '0' }, value: 1 },
    { name: 'load', labels: { index: '1' }, value: 2 },
  ])
  expectSound(httpResponse, seen)
})

test('an error page is judged by its status, not by the numbers it lacks', async () => {
  const seen = await collectOnce(
    httpResponse,
    { extract: { hits: '$.hits' } },
    { client: answering('', { status: 503 }) },
  )
  expect([seen.failure, judgedBy(httpResponse, seen)]).toEqual([undefined, { 'error status': 'CRITICAL' }])
})

test('default rules raise for an end that is near and clear after a renewal', async () => {
  const judgedAt = async (days: number) => {
    const client = answering('', { certificate: certificateLasting(days) })
    return judgedBy(httpResponse, await collectOnce(httpResponse, {}, { client }))
  }
  expect([await judgedAt(3), await judgedAt(20), await judgedAt(90)]).toEqual([
    { 'certificate ends': 'CRITICAL' },
    { 'certificate ends': 'WARNING' },
    {},
  ])
})

test('an answer that takes long raises', async () => {
  const took = async (total: number) => {
    const client = answering('', { phases: { dns: 1, connect: 2, firstByte: 3, total } })
    return judgedBy(httpResponse, await collectOnce(httpResponse, {}, { client }))
  }
  expect([await took(2_100), await took(5_100)]).toEqual([{ slow: 'WARNING' }, { slow: 'CRITICAL' }])
})

test('wrong settings are named with the words that help', () => {
  const wrong = {
    extract: { duration: '$.x', hits: '$[' },
    bodyMatches: '(',
    path: '/ok',
  }
  const checked = checkDeclared(httpResponse, wrong, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => `${one.path}: ${one.message.split(':')[0]}`)).toEqual([
    'settings.extract.duration: the name duration is one of this monitor’s own metrics',
    'settings.extract.hits: is not a JSONPath',
    'settings.bodyMatches: is not a regular expression',
  ])
})

test('whatever JSON an interface answers with, the outcome is clear', () =>
  expectClearOutcomes(
    httpResponse,
    mutated({ queue: { length: 7, items: [{ age: '12.5' }, { age: 3 }] }, ready: true }),
    (body) => answering(JSON.stringify(body) ?? ''),
    { settings: { extract: { length: '$.queue.length', age: '$.queue.items[*].age', any: '$..*', ready: '$.ready' } } },
  ))
