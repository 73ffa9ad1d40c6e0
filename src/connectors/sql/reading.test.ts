import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StatementRefused } from '../../sdk/index.ts'
import { onlyReading } from './reading.ts'

const verdict = (dialect: 'mysql' | 'mssql', sql: string) => {
  try {
    onlyReading(sql, dialect)
    return 'sent'
  } catch (thrown) {
    if (thrown instanceof StatementRefused) return thrown.message.replace('not sent: ', '')
    throw thrown
  }
}

const comment = 'it holds a comment of the kind /* */'

// statement → what becomes of it, at MySQL and at SQL Server
const statements: [string, string, string?][] = [
  ['SELECT 1', 'sent'],
  ['  select count(*) from orders', 'sent'],
  ['(SELECT 1) UNION (SELECT 2)', 'sent'],
  ['WITH x AS (SELECT 1 AS n) SELECT n FROM x', 'sent'],
  ['SHOW GLOBAL STATUS', 'sent'],
  ['SELECT \'a; DELETE FROM b\' AS text, "drop" AS name FROM t', 'sent'],
  ['SELECT `insert` FROM t', 'sent', 'it holds the word INSERT'],
  ['SELECT [update]]x] FROM t', 'it holds the word UPDATE', 'sent'],
  ['SELECT 1 -- how many; it\'s "all\n, 2', 'sent'],
  ['SELECT updated, deleted_at, into_account FROM t', 'sent'],
  ['DELETE FROM orders', 'it is not a query'],
  ['EXEC sp_configure', 'it is not a query'],
  ['', 'it is not a query'],
  ['SELECT 1; DROP TABLE orders', 'it is more than one statement'],
  ['SELECT 1 DROP TABLE orders', 'it holds the word DROP'],
  ["SELECT 1 -- it's\nDROP TABLE orders --'", 'it holds the word DROP'],
  ["SELECT 1--'\nDROP TABLE orders --'", 'sent', 'it holds the word DROP'],
  ["SELECT 1--1 INTO OUTFILE '/tmp/x'", 'it holds the word INTO', 'sent'],
  ["SELECT '\\'' INTO OUTFILE '/tmp/x'", 'it holds the word INTO', 'sent'],
  ["SELECT '\\' DROP TABLE orders --'", 'sent', 'it holds the word DROP'],
  ['WITH gone AS (SELECT 1) DELETE FROM orders', 'it holds the word DELETE'],
  ['SELECT * INTO copy FROM orders', 'it holds the word INTO'],
  ["SELECT 1 INTO/**/OUTFILE '/tmp/x'", comment],
  ["SELECT 1 /*! INTO OUTFILE '/tmp/x' */", comment],
  ["SELECT 'it''s' EXEC xp_cmdshell 'x'", 'it holds the word EXEC'],
  ['SELECT * FROM orders FOR UPDATE', 'it holds the word UPDATE'],
]
test.each(statements)('%s', (sql, mysql, mssql = mysql) => {
  expect([verdict('mysql', sql), verdict('mssql', sql)]).toEqual([mysql, mssql])
})

test('whatever is written is judged, and what never ends is read once', () => {
  const dialects = fc.constantFrom('mysql' as const, 'mssql' as const)
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^SELECT ['"[\]`\\#;\n -]*$/))
  fc.assert(fc.property(dialects, text, (dialect, sql) => typeof verdict(dialect, sql) === 'string'))
  expect(verdict('mssql', `SELECT ${"'".repeat(100_001)}${'['.repeat(100_000)}`)).toBe('sent')
})
