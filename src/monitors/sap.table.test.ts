import { expect, test } from 'vitest'
import { StatementRefused, type SapHttpClient, type SapTableRequest } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import sapTable from './sap.table.ts'

const jobs = [
  { STATUS: 'A', CLIENT: '100', SECONDS: '12.50' },
  { STATUS: 'A', CLIENT: '100', SECONDS: '7-' },
  { STATUS: 'R', CLIENT: '200', SECONDS: '100' },
  { STATUS: 'R', CLIENT: '200', SECONDS: 'n/a' },
]

async function run(settings: object, rows: readonly Readonly<Record<string, string>>[] | Error = jobs) {
  const asked: SapTableRequest[] = []
  const client: SapHttpClient = {
    target: 'sapapp1:44300',
    signsIn: true,
    hasMessageServer: false,
    page: () => Promise.reject(new Error('no page is asked for')),
    async readTable(request) {
      asked.push(request)
      if (rows instanceof Error) throw rows
      return rows.slice(0, request.maxRows)
    },
  }
  const seen = await collectOnce(sapTable, { table: 'TBTCO', field: 'STATUS', ...settings }, { client })
  expectSound(sapTable, seen)
  return { seen, asked }
}

test('rows are counted by one field, and one more than wanted is asked for', async () => {
  const { seen, asked } = await run({ where: "STATUS = 'A'", maxRows: 4 })
  expect([seen.metrics, judgedBy(sapTable, seen), seen.message, asked]).toEqual([
    { rows: 4, truncated: 0 },
    {},
    '4 rows',
    [{ table: 'TBTCO', fields: ['STATUS'], where: "STATUS = 'A'", maxRows: 5 }],
  ])
})

// how the numbers of a group become one → those of A and R
const ways: [string, number, number][] = [
  ['max', 12.5, 100],
  ['min', -7, 100],
  ['sum', 5.5, 100],
  ['average', 2.75, 100],
]
test.each(ways)('%s', async (aggregate, a, r) => {
  const { seen, asked } = await run({ groupBy: ['STATUS', 'CLIENT'], value: 'SECONDS', aggregate })
  const values = new Map(
    (seen.metrics['value'] as { labels: { group: string }; value: number }[]).map((one) => [
      one.labels.group,
      one.value,
    ]),
  )
  expect([values, seen.metrics['rows_by_group'], asked[0]?.fields]).toEqual([
    new Map([
      ['R / 200', r],
      ['A / 100', a],
    ]),
    [
      { labels: { group: 'A / 100' }, value: 2 },
      { labels: { group: 'R / 200' }, value: 2 },
    ],
    ['STATUS', 'CLIENT', 'SECONDS'],
  ])
})

test('more rows than wanted are not counted, and that is said', async () => {
  const { seen } = await run({ maxRows: 3 })
  expect([seen.metrics, seen.message, judgedBy(sapTable, seen)]).toEqual([
    { rows: 3, truncated: 1 },
    'more than 3 rows',
    { 'more rows than counted': 'INFO' },
  ])
})

test('a table that may not be read is a failure with the words of the system', async () => {
  const { seen } = await run({}, new StatementRefused('NOT_AUTHORIZED', 'NOT_AUTHORIZED'))
  expect([seen.failure, judgedBy(sapTable, seen)]).toEqual([
    { reason: 'assertion', message: 'sapapp1:44300 refused to read TBTCO: NOT_AUTHORIZED' },
    { 'no answer': 'CRITICAL' },
  ])
})

// wrong settings → what is said
const wrong: [object, string][] = [
  [{ where: "STATUS = 'A" }, 'settings.where has an odd number of quotes'],
  [{ table: 'TBTCO; DROP' }, 'settings.table'],
  [{ groupBy: ['a b'] }, 'settings.groupBy[0]'],
]
test.each(wrong)('%j', async (settings, words) => {
  await expect(run(settings)).rejects.toThrow(words)
})
