import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkGathered } from './gathered.ts'
import { maskOf, noMask } from './mask.ts'

const monitor = {
  metrics: {
    duration: { title: 'Duration', unit: 'ms' },
    used: { title: 'Used', unit: '%', items: ['mount'] },
  },
} as const
const open = { ...monitor, openMetrics: 'whatever the target names' }

const hostile: Record<string, unknown> = JSON.parse('{"metrics":{"__proto__":1}}') as Record<string, unknown>
const cyclic: Record<string, unknown> = { metrics: { duration: 1 } }
cyclic['facts'] = { self: cyclic }

test.each([
  [undefined, 'nothing instead of what it gathered'],
  [{}, 'nothing instead of metrics'],
  [{ metrics: { duration: NaN } }, 'NaN as a value of duration'],
  [{ metrics: { duration: '3' } }, '"3" as a value of duration'],
  [{ metrics: { durration: 3 } }, 'the metric "durration", which it does not declare'],
  [hostile, 'the metric "__proto__", which it does not declare'],
  [{ metrics: { toString: 3 } }, 'the metric "toString", which it does not declare'],
  [{ metrics: { used: [{ labels: { mount: 7 }, value: 1 }] } }, '7 as the label "mount" of used'],
  [{ metrics: { used: [{ labels: { disk: 'a' }, value: 1 }] } }, 'the label "disk" on used, which it does not declare'],
  [{ metrics: {}, more: [] }, 'further metrics, which it does not declare'],
  [{ metrics: {}, failure: { reason: 'tired', message: 'x' } }, 'an object as the reason of its failure'],
  [cyclic, 'an object as the fact self'],
  [{ metrics: { used: Array.from({ length: 10_001 }, () => ({ labels: {}, value: 1 })) } }, 'more than 10000 values'],
  [
    {
      get metrics() {
        throw new Error('no')
      },
    },
    'something that cannot be read',
  ],
])('refuses nonsense: %#', (returned, words) => {
  expect(checkGathered(monitor, returned, noMask)).toEqual({ ok: false, message: `the monitor returned ${words}` })
})

test('keeps durations to the microsecond, shares to the thousandth, and what a target names itself as it came', () => {
  const returned = {
    metrics: { duration: 78.1933880000006, used: [{ labels: { mount: '/' }, value: 33.33333333 }] },
    more: [{ name: 'seconds', labels: {}, value: 0.0000123456, unit: 's' }],
  }
  const checked = checkGathered(open, returned, noMask)
  expect(checked.ok && checked.value.samples.map(({ value }) => value)).toEqual([78.193, 33.333, 0.0000123456])
})

test('copies what is right, with control characters replaced and secrets masked', () => {
  const mask = maskOf({ type: 'basic', fields: { username: 'monitor', secret: 's3cr3t!' } })
  const basic = Buffer.from('monitor:s3cr3t!').toString('base64')
  expect(
    checkGathered(
      open,
      {
        metrics: { duration: 1.5, used: [{ labels: { mount: '/s3cr3t!\n' }, value: 80 }] },
        more: [{ name: 'hits', labels: {}, value: 3, unit: 'B' }],
        facts: { version: '1.2', header: `Basic ${basic}`, up: true },
        message: `monitor said\ns3cr3t%21 ${'x'.repeat(2_000)}`,
      },
      mask,
    ),
  ).toEqual({
    ok: true,
    value: {
      samples: [
        { name: 'duration', labels: {}, value: 1.5 },
        { name: 'used', labels: { mount: '/***\ufffd' }, value: 80 },
        { name: 'hits', labels: {}, value: 3, unit: 'B' },
      ],
      facts: { version: '1.2', header: 'Basic ***', up: true },
      message: expect.stringMatching(/^monitor said s3cr3t%21 x{976}…$/),
    },
  })
})

test('a secret is masked percent-encoded, in base64, line by line, and where a short one stands alone', () => {
  const pem = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----'
  expect([
    maskOf({ type: 'token', fields: { secret: 'a b&c' } })('GET /?key=a%20b%26c'),
    maskOf({ type: 'token', fields: { secret: 'token' } })(`sent ${Buffer.from('token').toString('base64')}`),
    maskOf({ type: 'certificate', fields: { certificate: 'x', secret: pem } })('near MIIEvQIBADANBgkqhkiG9w0B'),
    maskOf({ type: 'basic', fields: { username: 'u', secret: 'pw' } })('password pw refused'),
    maskOf({ type: 'of tomorrow', fields: { key: 'opensesame' } })('said opensesame'),
  ]).toEqual(['GET /?key=***', 'sent ***', 'near ***', 'password *** refused', 'said ***'])
})

test('never throws and never lets anything but finite numbers and texts through', () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
      (metrics) => {
        const checked = checkGathered(open, { metrics, more: metrics, facts: metrics }, noMask)
        if (!checked.ok) {
          expect(checked.message).toMatch(/^the monitor returned /)
          return
        }
        for (const { value, labels } of checked.value.samples) {
          expect([Number.isFinite(value), Object.values(labels).every((one) => typeof one === 'string')]).toEqual([
            true,
            true,
          ])
        }
      },
    ),
  )
})
