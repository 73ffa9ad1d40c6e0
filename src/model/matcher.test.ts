import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matches, parseMatcher } from './matcher.ts'

// matcher : texts it takes | texts it does not take
const stories: Readonly<Record<string, string>> = {
  '/var': '/var | /var/log, /va',
  '/var*': '/var, /var/log | /opt/var',
  'db?': 'db1, db😀 | db, db12',
  'a*b*c': 'abc, aXbYbc | ab, abcX',
  '*': 'x | ',
  '/^data\\d+$/': 'data1 | data, xdata1',
  '/a{2,3}/': 'xaay | a',
  '/var, /': '/var, / | /opt',
  'a, b*, /c$/': 'a, bee, xc | ab, cx',
  '!tmp*': 'x | tmp, tmp1',
  '*, !tmp*, !/x/': 'y | tmp, axb',
  'C:\\temp': 'C:\\temp | C:temp',
  '50\\*': '50* | 500',
}

test.each(Object.entries(stories))('%s', (text, story) => {
  const parsed = parseMatcher(text, 'match')
  if (!parsed.ok) throw new Error(parsed.problems[0]!.message)
  const [takes, leaves] = story.split(' | ').map((list) => (list === '' ? [] : list.split(', ')))
  const all = [...takes!, ...(leaves ?? [])]
  expect(all.filter((one) => matches(parsed.value, one))).toEqual(takes)
  // It may travel to another thread.
  expect(all.filter((one) => matches(JSON.parse(JSON.stringify(parsed.value)), one))).toEqual(takes)
})

test('commas in the entries of a list are part of the text', () => {
  const parsed = parseMatcher(['a, b', 'c'], 'match')
  expect(parsed.ok && ['a, b', 'a', 'c'].map((text) => matches(parsed.value, text))).toEqual([true, false, true])
})

test.each([
  [7, 'must be a text or a list of texts'],
  [{}, 'must be a text or a list of texts'],
  ['', 'has an empty entry'],
  ['a,,b', 'has an empty entry'],
  ['!', 'has an empty entry'],
  [[], 'is an empty list'],
  ['x'.repeat(2_001), 'is 2001 characters long; at most 2000 are allowed'],
  [Array(201).fill('x'), 'has 201 entries; at most 200 are allowed'],
  ['/(a/', 'is not a regular expression'],
  ['/(?=a)/', 'is not a regular expression'],
])('%j is refused', (given, message) => {
  const parsed = parseMatcher(given, 'match')
  expect(parsed.ok ? 'taken' : parsed.problems[0]!.message).toContain(message)
})

test('a hostile pattern takes time in proportion to the text', () => {
  for (const text of ['/(a+)+$/', 'a*a*a*a*a*a*a*b']) {
    const parsed = parseMatcher(text, 'match')
    expect(parsed.ok && matches(parsed.value, `${'a'.repeat(3_000)}!`)).toBe(false)
  }
})

test('reading never throws, and what is read is an answer for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab/*?!,\\ {2}[(^$') }), fc.string(), (text, given) => {
      const parsed = parseMatcher(text, 'match')
      if (parsed.ok) expect(typeof matches(parsed.value, given)).toBe('boolean')
    }),
  )
})
