import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkDeclared, type HttpClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy } from '../sdk/testing.ts'
import prometheusScrape from './prometheus.scrape.ts'

function exposing(body: string, contentType = 'text/plain; version=0.0.4', status = 200, total = 5): HttpClient {
  return {
    url: 'http://node1:9100/',
    request: async () => ({
      status,
      headers: { 'content-type': contentType },
      body: new TextEncoder().encode(body),
      text: () => body,
      phases: { firstByte: 1, total },
      redirects: 0,
      finalUrl: 'http://node1:9100/metrics',
    }),
  }
}

const exposition = `
# TYPE requests_total counter
requests_total{code="200",app="shop"} 10
requests_total{code="500",app="shop"} 1
# TYPE temperature gauge
temperature 21.5 1700000000000
temperature_bad NaN
go_goroutines 7
`

test('takes what is chosen by name and label, counters as counters', async () => {
  const settings = { include: ['requests_*', 'temperature'], labels: { code: '!5*' } }
  const seen = await collectOnce(prometheusScrape, settings, { client: exposing(exposition) })
  expectSound(prometheusScrape, seen)
  expect([seen.more, seen.metrics['scrape_samples'], seen.metrics['scrape_samples_exposed']]).toEqual([
    [
      { name: 'requests_total', labels: { code: '200', app: 'shop' }, value: 10, kind: 'counter' },
      { name: 'temperature', labels: {}, value: 21.5 },
    ],
    2,
    5,
  ])
})

test('takes everything but the exporter’s own runtime by default', async () => {
  const seen = await collectOnce(prometheusScrape, {}, { client: exposing(exposition) })
  expect([seen.more?.map((one) => one.name), judgedBy(prometheusScrape, seen)]).toEqual([
    ['requests_total', 'requests_total', 'temperature'],
    {},
  ])
})

test('nothing of what was chosen, lines that nobody can read, and a slow exporter raise', async () => {
  const look = async (client: HttpClient, settings = {}) =>
    judgedBy(prometheusScrape, await collectOnce(prometheusScrape, settings, { client }))
  expect([
    await look(exposing(exposition), { include: ['no_such_*'] }),
    await look(exposing(`${exposition}what is this?\n`)),
    await look(exposing(exposition, undefined, 200, 11_000)),
  ]).toEqual([{ 'nothing taken': 'WARNING' }, { 'unreadable lines': 'WARNING' }, { 'slow scrape': 'MAJOR' }])
})

test('more series than allowed are refused whole', async () => {
  const seen = await collectOnce(prometheusScrape, { maxSeries: 2 }, { client: exposing(exposition) })
  expect([seen.more, seen.failure]).toEqual([
    undefined,
    { reason: 'too large', message: 'http://node1:9100/ offers 3 series of those chosen; at most 2 are allowed' },
  ])
})

// answer → the failure's words
const wrong: [string, HttpClient, string][] = [
  [
    'a page',
    exposing('<html>\n</html>'),
    'the answer is no exposition of metrics (line 1: a name is missing or begins with a digit)',
  ],
  [
    'no OpenMetrics',
    exposing('a 1\n', 'application/openmetrics-text'),
    'the answer is not OpenMetrics: line 2: the end is missing (# EOF)',
  ],
  ['an error', exposing('', 'text/plain', 503), 'the status is 503, not 200'],
]
test.each(wrong)('%s is named', async (_, client, words) => {
  const seen = await collectOnce(prometheusScrape, {}, { client })
  expect([seen.failure?.message, judgedBy(prometheusScrape, seen)]).toEqual([
    `http://node1:9100/: ${words}`,
    { 'no metrics': 'CRITICAL' },
  ])
})

test('patterns that cannot be read are refused', () => {
  const checked = checkDeclared(prometheusScrape, { include: ['/(/'], labels: { a: '' } }, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => one.path)).toEqual(['settings.include', 'settings.labels.a'])
})

test('offers the names that the exporter has, whatever is taken now', async () => {
  const context = { client: exposing('a_total 1\nb{x="1"} 2\n'), signal: AbortSignal.timeout(5_000) }
  const found = await prometheusScrape.candidates?.(
    { path: '/metrics', maxBody: 1_000, reuseConnection: true },
    context,
  )
  expect(found).toEqual({ include: ['a_total', 'b'], exclude: ['a_total', 'b'] })
})

/** An exposition of which lines are missing, doubled, cut off or changed by a letter. */
const damaged = fc
  .array(fc.record({ line: fc.nat(), act: fc.nat(3), at: fc.nat(40), by: fc.string({ maxLength: 3 }) }), {
    maxLength: 5,
  })
  .map((damages) => {
    const lines = `${exposition}# EOF\n`.split('\n')
    for (const { line, act, at, by } of damages) {
      const i = line % lines.length
      const text = lines[i] ?? ''
      if (act === 0) lines.splice(i, 1)
      else if (act === 1) lines.splice(i, 0, text)
      else lines[i] = act === 2 ? text.slice(0, at) : text.slice(0, at) + by + text.slice(at)
    }
    return lines.join('\n')
  })

test.each(['text/plain; version=0.0.4', 'application/openmetrics-text; version=1.0.0'])(
  'a damaged exposition as %s has a clear outcome',
  (contentType) =>
    expectClearOutcomes(prometheusScrape, damaged, (body) => exposing(body, contentType), {
      settings: { exclude: [] },
    }),
)
