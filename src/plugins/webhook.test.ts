import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPluginSettings, type AlarmEvent, type PluginContext } from '../sdk/index.ts'
import { alarmStep } from '../sdk/testing.ts'
import webhook from './webhook.ts'

type Sent = Parameters<PluginContext['http']>[0]

/** What the plugin would put on the wire. That it gets there is the conformance test's story. */
async function sentFor(given: Record<string, unknown>, event: AlarmEvent, isTest = false): Promise<Sent> {
  const checked = checkPluginSettings(webhook, { url: 'http://hook/x', ...given }, '')
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  const sent: Sent[] = []
  await webhook.alarm!(event, checked.value, {
    idempotencyKey: 'key-1',
    signal: new AbortController().signal,
    portalUrl: 'https://portal',
    test: isTest,
    http: async (request) => {
      sent.push(request)
      return { status: 200, headers: {}, body: '' }
    },
    mail: async () => ({ detail: '' }),
    hmacSha256: (key, text) => createHmac('sha256', key).update(text).digest('hex'),
    snappy: (bytes) => bytes,
  })
  return sent[0]!
}

test('the standard body and headers are exactly the documented ones', async () => {
  const sent = await sentFor({ secret: 's3cret' }, alarmStep('disk', 'cleared', Date.UTC(2026, 0, 1, 0, 5)))
  expect({ ...sent, body: JSON.parse(String(sent.body)) }).toEqual({
    url: 'http://hook/x',
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': 'key-1',
      'x-farwatch-signature': `sha256=${createHmac('sha256', 's3cret').update(String(sent.body)).digest('hex')}`,
    },
    body: {
      event: 'cleared',
      alarm: {
        id: 'disk',
        severity: 'CRITICAL',
        state: 'cleared',
        group: 'acme',
        system: 'shop',
        connector: 'front',
        task: 'task-1',
        monitor: 'http.response',
        item: '',
        metric: 'duration',
        value: 5.25,
        message: 'shop answers in 5.25 s, more than 5 s',
        raisedAt: '2026-01-01T00:00:00.000Z',
        clearedAt: '2026-01-01T00:05:00.000Z',
      },
      at: '2026-01-01T00:05:00.000Z',
    },
    verifyCertificate: true,
    timeoutMs: 10_000,
  })
})

test('a test says so, and settings reach the request', async () => {
  const sent = await sentFor(
    { method: 'PUT', headers: { 'Content-Type': 'text/x-json' }, token: 't', verifyCertificate: false, timeout: '3s' },
    alarmStep('disk', 'raised'),
    true,
  )
  expect({
    method: sent.method,
    type: sent.headers?.['content-type'],
    test: sent.headers?.['x-farwatch-test'],
    authorization: sent.authorization,
    verify: sent.verifyCertificate,
    timeoutMs: sent.timeoutMs,
  }).toEqual({
    method: 'PUT',
    type: 'text/x-json',
    test: 'true',
    authorization: { bearer: 't' },
    verify: false,
    timeoutMs: 3_000,
  })
})

test('whatever an alarm holds, a template keeps its structure and its values come out as they went in', async () => {
  const template =
    '{ "text": "{{alarm.severity}} \\"{{ alarm.message }}\\" on {{alarm.system}}", "value": {{alarm.value}}, "item": {{alarm.item}}, "ended": {{alarm.clearedAt}}, "list": ["{{event}}"] }'
  const text = fc.string({ unit: 'binary' })
  await fc.assert(
    fc.asyncProperty(
      text,
      text,
      text,
      fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
      async (message, system, item, value) => {
        const step = alarmStep('disk', 'raised')
        const sent = await sentFor({ template }, { ...step, alarm: { ...step.alarm, message, system, item, value } })
        expect(JSON.parse(String(sent.body))).toEqual({
          text: `CRITICAL "${message}" on ${system}`,
          // JSON has no negative zero.
          value: value === null ? null : value + 0,
          item,
          ended: null,
          list: ['raised'],
        })
      },
    ),
    { numRuns: 200 },
  )
})

// settings that must be refused → where, and in which words
test.each<[string, Record<string, unknown>, string]>([
  ['no JSON', { template: '{ "a": }' }, 'template is not a JSON document when its fields are filled in'],
  [
    'a field where JSON wants a name',
    { template: '{ {{alarm.value}}: 1 }' },
    'template is not a JSON document when its fields are filled in',
  ],
  ['an unknown field', { template: '{"a":"{{alarm.sevrity}}"}' }, 'template {{alarm.sevrity}} is not a field'],
  ['a prototype name', { template: '{"a":"{{constructor}}"}' }, 'template {{constructor}} is not a field'],
  [
    'a field that is not closed',
    { template: '{"a":"{{alarm.item"}' },
    'template holds a {{ that is not closed as a field',
  ],
  ['a header of ours', { headers: { 'idempotency-key': 'x' } }, 'headers["idempotency-key"] is set by Farwatch itself'],
  ['a header that is no ASCII', { headers: { 'X-A': 'é' } }, 'headers["X-A"] may only hold printable ASCII characters'],
  ['two authorizations', { token: 'a', username: 'b' }, 'token cannot stand beside username'],
  ['a password alone', { password: 'a' }, 'password needs a username beside it'],
  ['an absurd timeout', { timeout: '2m' }, 'timeout "2m" is too large'],
])('%s is refused', (_, given, words) => {
  const checked = checkPluginSettings(webhook, { url: 'http://hook/x', ...given }, '')
  const said = checked.ok ? [] : checked.problems.map(({ path, message }) => `${path} ${message}`)
  expect(said).toEqual([expect.stringContaining(words)])
})
