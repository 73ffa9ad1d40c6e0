import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { isLong, writingJson } from './write-json.ts'

const list = Array.from({ length: 2_345 }, (_, i) => ({ name: `ü${i}`, left: undefined, none: null, at: i }))

test.each([
  ['a list', list],
  [
    'a list within an object',
    { applied: true, left: undefined, summary: { add: 1 }, changes: list, more: list, last: null },
  ],
  ['a list with what has no form in JSON', [...list, undefined, Number.NaN]],
])('%s that is long is written in pieces as in one', async (_, answer) => {
  expect([isLong(answer), await text(writingJson(answer))]).toEqual([true, JSON.stringify(answer)])
})

test.each([[null], ['text'], [list.slice(0, 1_000)], [{ list: [] }], [{ within: { it: list } }]])(
  'what is not long, or is so far inside, is left to be written in one',
  (answer) => {
    expect(isLong(answer)).toBe(false)
  },
)
