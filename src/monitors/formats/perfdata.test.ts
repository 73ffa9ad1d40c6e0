import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alerts, parsePerfdata, parseRange, splitPluginOutput } from './perfdata.ts'

// perfdata → label=value unit
const entries: [string, string[]][] = [
  ['time=0.25s;1;2;0;10', ['time=0.25 s']],
  ['time=250ms', ['time=0.25 s']],
  ['a=1 b=2%', ['a=1 ', 'b=2 %']],
  ["'free space'=1GB", [`free space=${1024 ** 3} B`]],
  ["'it''s'=1", ["it's=1 "]],
  ['/=2643MB;5948;5958;0;5968', [`/=${2643 * 1024 ** 2} B`]],
  ['comma=1,5', ['comma=1.5 ']],
  ['unknown=U', []],
  ['strange=5furlongs', ['strange=5 ']],
  ['no value= x', []],
  ['a=1;;;; a=2', ['a=2 ']],
]
test.each(entries)('%s', (text, wanted) => {
  expect(parsePerfdata(text).map((one) => `${one.label}=${one.value} ${one.unit}`)).toEqual(wanted)
})

// range → values that alert | values that do not
const ranges: [string, number[], number[]][] = [
  ['10', [-1, 11], [0, 10]],
  ['10:', [9], [10, 1e9]],
  ['~:10', [11], [-1e9, 10]],
  ['10:20', [9, 21], [10, 20]],
  ['@10:20', [10, 20], [9, 21]],
]
test.each(ranges)('range %s', (text, bad, good) => {
  const range = parseRange(text)
  expect([bad.every((value) => alerts(range, value)), good.some((value) => alerts(range, value))]).toEqual([
    true,
    false,
  ])
})

test.each([[''], ['x'], ['20:10'], ['~'], ['1:2:3']])('%j is no range and never alerts', (text) => {
  expect(parseRange(text)).toBeUndefined()
})

test('thresholds are in the unit of their value', () => {
  expect(parsePerfdata('t=500ms;400;1000')[0]).toEqual({
    label: 't',
    value: 0.5,
    unit: 's',
    counter: false,
    warning: { from: 0, to: 0.4, inside: false },
    critical: { from: 0, to: 1, inside: false },
  })
})

test('text and performance data of several lines are told apart', () => {
  expect(splitPluginOutput('OK | a=1\nlong\ntext | b=2\nc=3\n')).toEqual({
    text: 'OK',
    more: 'long\ntext',
    perfdata: 'a=1  b=2 c=3',
  })
})

test('whatever a plugin prints, reading ends with finite numbers', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."ab'=;:@~%19.,-e |\nsMB\u0000".split('')), maxLength: 200 }),
      (text) => {
        const { perfdata } = splitPluginOutput(text)
        expect(parsePerfdata(perfdata).every((one) => Number.isFinite(one.value))).toBe(true)
      },
    ),
    { numRuns: 1_000 },
  )
  const began = process.cpuUsage()
  parsePerfdata("'".repeat(200_000))
  parsePerfdata('a'.repeat(200_000))
  // Of the processor's time: that of the clock says on a busy machine what others did.
  expect(process.cpuUsage(began).user / 1_000).toBeLessThan(1_000)
})
