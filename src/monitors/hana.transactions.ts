import { defineMonitor } from '../sdk/index.ts'
import { hanaGrant, hanaNeeds, hanaThresholds, hanaTry, readHana } from './formats/hana.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, numberIn } from './formats/sql-parts.ts'

/** Who waits for whom, and what has been running for long. */
export default defineMonitor({
  id: 'hana.transactions',
  title: 'HANA transactions',
  summary: 'Transactions that wait for a lock, the longest statement, and the oldest transaction that has written.',
  connector: 'hana',
  settings: {},
  metrics: {
    blocked: { title: 'Transactions that wait for a lock', unit: '' },
    blocked_longest: { title: 'Longest wait for a lock', unit: 's' },
    blocked_on: { title: 'Transactions that wait for a lock of a table', unit: '', items: ['schema', 'object'] },
    statements: { title: 'Statements that run', unit: '' },
    statement_longest: { title: 'Time of the statement that runs longest', unit: 's' },
    transactions: { title: 'Open transactions of users', unit: '' },
    transaction_oldest: { title: 'Age of the oldest open transaction that has written', unit: 's' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'blocked', metric: 'blocked', thresholds: { WARNING: '>= 1', CRITICAL: '>= 20' }, of: '2 of 3' },
    { name: 'long wait', metric: 'blocked_longest', thresholds: { WARNING: '> 60s', CRITICAL: '> 600s' } },
    { name: 'long statement', metric: 'statement_longest', thresholds: { WARNING: '> 30m', MAJOR: '> 60m' } },
    { name: 'long transaction', metric: 'transaction_oldest', thresholds: { WARNING: '> 12h' } },
  ],
  needs: hanaNeeds,
  grant: hanaGrant,
  thresholdsFrom: hanaThresholds,
  tryIt: `${hanaTry('hana.transactions')}; to see it raise, update one row from two sessions without a commit`,
  collect(_, { client, signal }) {
    return readHana(client, signal, async (parts) => {
      const [blocked] = (await parts.read('blocked transactions', blockedSql)) ?? []
      const blockedOn = await parts.read('blocked tables', blockedOnSql, 100)
      const [statements] = (await parts.read('statements', statementsSql)) ?? []
      const [transactions] = (await parts.read('transactions', transactionsSql)) ?? []
      const longest = (row: typeof blocked) => (row === undefined ? undefined : (numberIn(row, 'longest') ?? 0))
      return {
        metrics: measured({
          blocked: numberIn(blocked, 'amount'),
          blocked_longest: longest(blocked),
          blocked_on: itemsIn(blockedOn, 'amount', ['schema', 'object']),
          statements: numberIn(statements, 'amount'),
          statement_longest: longest(statements),
          transactions: numberIn(transactions, 'amount'),
          transaction_oldest: longest(transactions),
        }),
      }
    })
  },
})

const blockedSql = `
  SELECT COUNT(*) AS AMOUNT, MAX(SECONDS_BETWEEN(BLOCKED_TIME, CURRENT_TIMESTAMP)) AS LONGEST
    FROM SYS.M_BLOCKED_TRANSACTIONS`

const blockedOnSql = `
  SELECT WAITING_SCHEMA_NAME AS SCHEMA, WAITING_OBJECT_NAME AS OBJECT, COUNT(*) AS AMOUNT
    FROM SYS.M_BLOCKED_TRANSACTIONS GROUP BY WAITING_SCHEMA_NAME, WAITING_OBJECT_NAME ORDER BY COUNT(*) DESC`

const statementsSql = `
  SELECT COUNT(*) AS AMOUNT, MAX(SECONDS_BETWEEN(LAST_EXECUTED_TIME, CURRENT_TIMESTAMP)) AS LONGEST
    FROM SYS.M_ACTIVE_STATEMENTS WHERE STATEMENT_STATUS = 'ACTIVE'`

// A transaction has a number for its updates from its first one on; it is what keeps old versions of rows alive.
const transactionsSql = `
  SELECT COUNT(*) AS AMOUNT,
         MAX(CASE WHEN UPDATE_TRANSACTION_ID > 0 THEN SECONDS_BETWEEN(START_TIME, CURRENT_TIMESTAMP) END) AS LONGEST
    FROM SYS.M_TRANSACTIONS WHERE TRANSACTION_STATUS = 'ACTIVE' AND TRANSACTION_TYPE = 'USER TRANSACTION'`
