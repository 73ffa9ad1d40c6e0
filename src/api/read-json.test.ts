import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inOnePiece } from '../platform/index.ts'
import { readingJson } from './read-json.ts'

/** So short that hardly anything is read in one go. */
const pieceLength = 5
const read = (text: string) => inOnePiece(readingJson(text, pieceLength))

/** What became of it, in a form that can be compared: the order of names as well. */
function outcome(act: () => unknown): string {
  try {
    return `read ${JSON.stringify(act())}`
  } catch (thrown) {
    return `refused: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

test('in pieces a text is read as in one, whatever is in it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, 2), (text, indent) => {
      const written = JSON.stringify(JSON.parse(text), undefined, indent)
      fc.pre(!written.includes('__proto__'))
      expect(outcome(() => read(written))).toBe(outcome(() => JSON.parse(written)))
    }),
    { numRuns: 500 },
  )
})

test('what is damaged is refused with the words of JSON.parse, and what is still whole is read', () => {
  const signs = fc.constantFrom(
    '',
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    '\\',
    ' ',
    '\u00a0',
    '1',
    'null',
    ',,',
    '{}',
    '[]',
  )
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.nat(), fc.nat(3), signs, (text, place, length, sign) => {
      const from = place % (text.length + 1)
      const damaged = text.slice(0, from) + sign + text.slice(from + length)
      fc.pre(!damaged.includes('__proto__'))
      expect(outcome(() => read(damaged))).toBe(outcome(() => JSON.parse(damaged)))
    }),
    { numRuns: 2_000 },
  )
})

test('of a name that stands twice the last value holds', () => {
  const text = '{"a":[1,2,3,4,5],"b":{"c":"dddddddd"},"a":[6,7,8,9,10],"b":1,"1":"eeeeeeee"}'
  expect(outcome(() => read(text))).toBe(outcome(() => JSON.parse(text)))
})

test.each([
  ['{"a":[{"__proto__":{"admin":true}}]}', 'the body holds the name __proto__, which cannot be used'],
  [String.raw`{"a":[{"\u005f_proto__":{"admin":true}}]}`, 'the body holds the name __proto__, which cannot be used'],
  [String.raw`{"a":[{"__\u0070roto__":{"admin":true}}]}`, 'the body holds the name __proto__, which cannot be used'],
  [String.raw`{"a":[{"__pr\u006Fto__":{"admin":true}}]}`, 'the body holds the name __proto__, which cannot be used'],
  [`${'['.repeat(101)}${']'.repeat(101)}`, 'the body is nested deeper than 100 levels'],
])('%s is refused', (text, words) => {
  expect(outcome(() => read(text))).toBe(`refused: ${words}`)
})
