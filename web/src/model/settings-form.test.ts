import { expect, test } from 'vitest'
import type { Params } from '../../../src/sdk/index.ts'
import { defaultText, draftOf, foldedFields, limitText, repeatedNames, settingsOf } from './settings-form.ts'

const params = {
  url: { kind: 'url', label: 'URL', protocols: ['http'] },
  port: { kind: 'number', label: 'Port', min: 1, max: 65535, optional: true },
  wait: { kind: 'duration', label: 'Wait', default: '10s' },
  headers: { kind: 'map', label: 'Headers', default: {} },
  names: { kind: 'list', label: 'Names', of: { kind: 'text', label: 'Name' }, default: ['*'] },
  verify: { kind: 'flag', label: 'Verify', default: true },
} as const satisfies Params

test('what is stored comes back from its form as it was', () => {
  const settings = { url: 'http://h/', port: 80, headers: { a: '1' }, names: [], verify: false }
  expect(settingsOf(params, draftOf(params, settings))).toEqual(settings)
})

// What is typed → what is sent
test.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]>([
  ['nothing for what is empty', { url: '', port: '', wait: undefined }, {}],
  ['a number as one', { port: ' 8080 ' }, { port: 8080 }],
  ['what is no number as it was typed, for the server to refuse', { port: '80a' }, { port: '80a' }],
  ['texts without the white space around them', { url: ' http://h/ ' }, { url: 'http://h/' }],
  [
    'no entry that was never filled in',
    {
      headers: [
        ['', ''],
        ['a', '1'],
      ],
    },
    { headers: { a: '1' } },
  ],
  ['an own list that is empty', { names: [] }, { names: [] }],
])('a form sends %s', (_, draft, settings) => {
  expect(settingsOf(params, draft)).toEqual(settings)
})

test('what needs nothing is folded away, unless it was set', () => {
  expect([foldedFields(params, {}), foldedFields(params, { wait: '5s' }).shown]).toEqual([
    { shown: ['url'], folded: ['port', 'wait', 'headers', 'names', 'verify'] },
    ['url', 'wait'],
  ])
})

test('few fields, or such as all need nothing, are not hidden behind a fold', () => {
  const { url: _, ...optional } = params
  const { wait, verify } = params
  expect([foldedFields({ wait, verify }, {}).folded, foldedFields(optional, {}).shown]).toEqual([
    [],
    ['port', 'wait', 'headers', 'names'],
  ])
})

test('defaults and limits are said in words', () => {
  expect([
    Object.values(params).map(defaultText),
    limitText(params.port),
    limitText({ kind: 'duration', label: 'd', max: '1m' }),
    repeatedNames([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['', ''],
    ]),
  ]).toEqual([[undefined, undefined, '10s', undefined, '*', 'true'], '1 – 65535', '≤ 1m', ['a']])
})
