import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { OrderedStatements, inOrder } from './ordered-statements.ts'

test.each([
  [
    'a value that stands twice',
    'UPDATE t SET a = $a WHERE b = $b AND a <> $a',
    'UPDATE t SET a = ? WHERE b = ? AND a <> ?',
    ['a', 'b', 'a'],
  ],
  [
    'what only looks like one',
    `SELECT '$a', '''$a', "$a", $b -- $c\n/* $d\n$e */ + $f`,
    `SELECT '$a', '''$a', "$a", ? -- $c\n/* $d\n$e */ + ?`,
    ['b', 'f'],
  ],
  ['none', 'DELETE FROM t', 'DELETE FROM t', []],
])('%s is read as SQLite reads it', (_, sql, text, names) => {
  expect(inOrder(sql)).toEqual({ text, names })
})

test('values reach their columns whatever their order, a missing one is NULL, and one too many is refused', () => {
  const db = new DatabaseSync(':memory:')
  onTestFinished(() => db.close())
  db.exec('CREATE TABLE t (a INTEGER, b TEXT, c BLOB) STRICT')
  const statements = new OrderedStatements(db)
  const insert = 'INSERT INTO t (a, b, c) VALUES ($a, $b, $c)'
  const changed = [
    statements.run(insert, { c: new Uint8Array([1]), b: 'x', a: 1 }),
    statements.run(insert, { b: 'y' }),
    statements.run('UPDATE t SET b = $b || $b WHERE b <> $b', { b: 'x' }),
    statements.run('DELETE FROM t WHERE a = 7'),
  ]
  for (const params of [{ d: 2 }, { a: 1, d: 2 }, { a: 1, b: 'z', d: 2 }, { a: 1, b: 'z', c: null, d: 2 }])
    expect(() => statements.run(insert, params)).toThrow("Unknown named parameter 'd'")
  expect({
    changed,
    rows: db
      .prepare('SELECT a, b, c FROM t ORDER BY rowid')
      .all()
      .map((row) => ({ ...row })),
  }).toEqual({
    changed: [1, 1, 1, 0],
    rows: [
      { a: 1, b: 'x', c: new Uint8Array([1]) },
      { a: null, b: 'xx', c: null },
    ],
  })
})
