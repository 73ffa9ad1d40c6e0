import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import transactions from './hana.transactions.ts'

const at = (blocked: number, wait: number | null, statement: number, written: number | null) => ({
  WAITING_SCHEMA_NAME: blocked === 0 ? [] : [{ schema: 'SAPABAP1', object: 'NRIV', amount: blocked }],
  M_BLOCKED_TRANSACTIONS: [{ amount: blocked, longest: wait }],
  M_ACTIVE_STATEMENTS: [{ amount: 4, longest: statement }],
  M_TRANSACTIONS: [{ amount: 9, longest: written }],
})
const run = (answers: Parameters<typeof hanaDatabase>[0]) =>
  collectOnce(transactions, {}, { client: hanaDatabase(answers) })

test('nobody waits: that is measured as well', async () => {
  const seen = await run(at(0, null, 3, null))
  expectSound(transactions, seen)
  expect([seen.metrics, judgedBy(transactions, seen)]).toEqual([
    {
      blocked: 0,
      blocked_longest: 0,
      blocked_on: [],
      statements: 4,
      statement_longest: 3,
      transactions: 9,
      transaction_oldest: 0,
    },
    {},
  ])
})

test('waits, long statements and old transactions raise', async () => {
  const seen = await run(at(21, 700, 2_000, 50_000))
  expect([seen.metrics['blocked_on'], judgedBy(transactions, seen)]).toEqual([
    [{ labels: { schema: 'SAPABAP1', object: 'NRIV' }, value: 21 }],
    {
      blocked: 'CRITICAL',
      'long wait': 'CRITICAL',
      'long statement': 'WARNING',
      'long transaction': 'WARNING',
    },
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(transactions, at(2, 5, 6, 7)))
