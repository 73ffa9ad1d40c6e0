import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseExposition } from './exposition.ts'

const values = (text: string) => parseExposition(text, 'text').samples.map((one) => [one.name, one.labels, one.value])

// line of the text format → name, labels, value; or nothing where it cannot be read
const lines: [string, unknown[] | undefined][] = [
  ['a 1', ['a', {}, 1]],
  ['a{} 1', ['a', {}, 1]],
  ['a{b="c"}1', ['a', { b: 'c' }, 1]],
  ['a { b = "c" , } 1 1700000000000', ['a', { b: 'c' }, 1]],
  ['a{b="x\\"y\\\\z\\n"} 1e3', ['a', { b: 'x"y\\z\n' }, 1000]],
  ['a{b="},{"} 1', ['a', { b: '},{' }, 1]],
  ['a +Inf', ['a', {}, Number.POSITIVE_INFINITY]],
  ['a -inf', ['a', {}, Number.NEGATIVE_INFINITY]],
  ['a NaN', ['a', {}, Number.NaN]],
  ['a .5', ['a', {}, 0.5]],
  ['a:b_c9 0', ['a:b_c9', {}, 0]],
  ['9a 1', undefined],
  ['a', undefined],
  ['a x', undefined],
  ['a 1 x', undefined],
  ['a 1 2 3', undefined],
  ['a{b="c" 1', undefined],
  ['a{b="c', undefined],
  ['a{b=c} 1', undefined],
  ['a{b="1",b="2"} 1', undefined],
]
test.each(lines)('%s', (line, wanted) => {
  expect(values(`${line}\n`)).toEqual(wanted === undefined ? [] : [wanted])
})

test('a line that cannot be read is counted and named, the others are taken', () => {
  const read = parseExposition('a 1\n???\nb 2\n!\n', 'text')
  expect([read.samples.length, read.skipped, read.problem]).toEqual([
    2,
    2,
    'line 2: a name is missing or begins with a digit',
  ])
})

test('types say which values count', () => {
  const text =
    '# TYPE c counter\nc 1\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n# TYPE s summary\ns{quantile="0.5"} 1\ns_count 1\n# TYPE g gauge\ng 1\n'
  expect(
    parseExposition(text, 'text')
      .samples.filter((one) => one.counter)
      .map((one) => one.name),
  ).toEqual(['c', 'h_bucket', 'h_sum', 'h_count', 's_count'])
})

const openMetrics: [string, string | undefined][] = [
  ['# TYPE a counter\na_total 1\na_created 1.5\n# EOF\n', undefined],
  ['# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds Words.\na_seconds 1 1.5\n# EOF', undefined],
  [
    '# TYPE h histogram\nh_bucket{le="1"} 1 # {id="x"} 0.5 1.5\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n# EOF\n',
    undefined,
  ],
  ['a 1\n', 'line 2: the end is missing (# EOF)'],
  ['a 1\n# EOF\nb 1\n', 'line 4: the end is missing (# EOF)'],
  ['a 1\n\n# EOF\n', 'line 2: a name is missing or begins with a digit'],
  ['a  1\n# EOF\n', 'line 1: white space where the value should be'],
  ['# TYPE a counter\na 1\n# EOF\n', 'line 2: a lacks the ending that its type demands'],
  ['# TYPE a counter\na_total -1\n# EOF\n', 'line 2: the counter a_total is negative or not a number'],
  ['# TYPE a gauge\n# TYPE a gauge\n# EOF\n', 'line 2: a second TYPE of a'],
  ['# TYPE a thing\n# EOF\n', 'line 1: an unknown type'],
  ['a 1\nb 1\na{x="1"} 1\n# EOF\n', 'line 3: the family a is not in one piece'],
  ['# TYPE a gauge\na 1\n# HELP a late\n# EOF\n', 'line 3: metadata of a after its samples'],
  ['# UNIT a seconds\n# EOF\n', 'line 1: the name a does not end with its unit'],
  ['a 1\na 2\n# EOF\n', 'line 2: a with the same labels again'],
  ['# TYPE h histogram\nh_bucket 1\n# EOF\n', 'line 2: a bucket of h without le'],
  ['a{b="\\t"} 1\n# EOF\n', 'line 1: an unknown escape in a label value'],
]
test.each(openMetrics)('OpenMetrics %j', (text, problem) => {
  const read = () => parseExposition(text, 'openmetrics')
  if (problem === undefined) expect(read().skipped).toBe(0)
  else expect(read).toThrow(problem)
})

test('whatever comes, it ends, and throws nothing but words', () => {
  const piece = fc.constantFrom(
    'a',
    '_total',
    '{',
    '}',
    '"',
    '\\',
    '=',
    ',',
    ' ',
    '\n',
    '# TYPE a counter\n',
    '1',
    'NaN',
    '#',
    '# EOF\n',
    '\u0000',
    'é',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 60 }).map((parts) => parts.join('')),
      ),
      (text) => {
        parseExposition(text, 'text')
        try {
          parseExposition(text, 'openmetrics')
        } catch (thrown) {
          expect((thrown as Error).message).toMatch(/^line \d+: /)
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

test('what was written is read back', () => {
  const label = fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/), fc.string(), { maxKeys: 4 })
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  fc.assert(
    fc.property(label, fc.double({ noNaN: true }), (labels, value) => {
      const written = Object.entries(labels).map(([name, text]) => `${name}="${escaped(text)}"`)
      const number = Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
      const line = `m{${written.join(',')}} ${number}\n`
      expect(values(line)).toEqual([['m', { ...labels }, Number(number.replace('Inf', 'Infinity'))]])
      expect(parseExposition(`${line}# EOF\n`, 'openmetrics').samples[0]?.labels).toEqual({ ...labels })
    }),
  )
})

test('a megabyte in one line takes no longer than a megabyte', () => {
  const began = process.cpuUsage()
  parseExposition(`a{b="${'x\\'.repeat(500_000)}`, 'text')
  parseExposition('{'.repeat(1_000_000), 'text')
  // Of the processor's time: that of the clock says on a busy machine what others did.
  expect(process.cpuUsage(began).user / 1_000).toBeLessThan(2_000)
})
