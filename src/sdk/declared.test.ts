import { expect, test } from 'vitest'
import { checkDeclared } from './declared.ts'
import { compileJsonPath } from './json-path.ts'
import { compileRegex } from './regex.ts'

const range = {
  settings: {
    from: { kind: 'number', label: 'From' },
    to: { kind: 'number', label: 'To', default: 10 },
  },
  check: ({ from, to }: Readonly<Record<string, unknown>>, path: string) =>
    Number(from) > Number(to) ? [{ path: `${path}.from`, message: 'is above the end' }] : [],
} as const

// given → what is made of it, or the problems' words
const cases: [unknown, unknown][] = [
  [{ from: 1 }, { from: 1, to: 10 }],
  [{ from: 11 }, ['settings.from is above the end']],
  [{ from: 'x', to: 0 }, ['settings.from must be a number, not "x"']],
  [{ from: 1, too: 2 }, ['settings.too is not a setting here']],
]
test.each(cases)('%j', (given, wanted) => {
  const checked = checkDeclared(range, given, 'settings')
  expect(checked.ok ? checked.value : checked.problems.map((one) => `${one.path} ${one.message}`)).toEqual(wanted)
})

test('a pattern that would hold JavaScript’s engine for hours is answered at once', () => {
  const regex = compileRegex('^(a+)+$')
  const began = process.cpuUsage()
  const found = 'foundIn' in regex && regex.foundIn(`${'a'.repeat(50_000)}!`)
  // Of the processor's time: that of the clock says on a busy machine what others did.
  expect([found, process.cpuUsage(began).user / 1_000 < 2_000]).toEqual([false, true])
})

test('a path says whether it can name more than one value', () => {
  const single = (text: string) => {
    const compiled = compileJsonPath(text)
    return 'find' in compiled ? compiled.single : compiled.message.split(':')[0]
  }
  expect([single('$.a[0]'), single('$.a[*]'), single('$..a'), single('a')]).toEqual([
    true,
    false,
    false,
    'is not a JSONPath',
  ])
})
