import { expect, test } from 'vitest'
import { readDocument, writeDocument } from './document.ts'

const document = { groups: [{ name: 'acme', systems: [{ name: 'yes', tags: { env: '1.0' } }] }] }

test('YAML and JSON are both read, and what is written is read back the same', () => {
  expect([readDocument(JSON.stringify(document)), readDocument(writeDocument(document))]).toEqual([
    { ok: true, document },
    { ok: true, document },
  ])
})

test.each([
  ['a key said twice', 'groups: []\ngroups: []', /unique/],
  ['broken indentation', 'groups:\n  - a\n - b', /line 3/],
  [
    'a billion laughs',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(10)}]\nc: &c [${'*b,'.repeat(10)}]\nd: [${'*c,'.repeat(10)}]`,
    /alias/i,
  ],
])('%s is a problem, not a document', (_, text, words) => {
  const read = readDocument(text)
  expect(read.ok ? 'read' : read.problems.join('\n')).toMatch(words)
})
