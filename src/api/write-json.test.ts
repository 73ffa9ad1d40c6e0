import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { isLong, writingJson } from './write-json.ts'

const list = Array.from({ length: 6_789 }, (_, i) => ({ name: `ü${i}`, left: undefined, none: null, at: i }))
const column = Array.from({ length: 1_001 }, (_, i) => (i % 7 === 0 ? null : i / 7))

test.each([
  ['a list', list],
  [
    'a list within an object',
    { applied: true, left: undefined, summary: { add: 1 }, changes: list, more: list, last: null },
  ],
  ['a list with what has no form in JSON', [...list, undefined, Number.NaN]],
  ['what is further inside', { within: { it: list, none: [] }, empty: {} }],
  ['a list of long columns', { series: Array.from({ length: 30 }, (_, id) => ({ id, value: column, min: column })) }],
  ['a list of lists', Array.from({ length: 30 }, () => column)],
  ['many names', Object.fromEntries(list.map(({ name, at }) => [name, { at, twice: 2 * at, none: null }]))],
])('%s that is long is written in pieces as in one', async (_, answer) => {
  expect([isLong(answer), await text(writingJson(answer))]).toEqual([true, JSON.stringify(answer)])
})

test.each([[null], ['text'], [list.slice(0, 1_000)], [{ list: [] }], [{ series: [{ value: column, min: column }] }]])(
  'what is not long is left to be written in one',
  (answer) => {
    expect(isLong(answer)).toBe(false)
  },
)
