import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inTransaction, openSqlite, storageError } from './sqlite.ts'

test('a file that another program keeps locked cannot be written, and the words say why', () => {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-sqlite-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'a.db')
  const own = openSqlite(file)
  onTestFinished(() => own.close())
  const other = openSqlite(file)
  onTestFinished(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  // Five seconds of patience would only make the story long.
  own.exec('PRAGMA busy_timeout = 0')
  let thrown: unknown
  try {
    inTransaction(own, () => own.exec('CREATE TABLE thing (name TEXT) STRICT'))
  } catch (error) {
    thrown = storageError(error, 'a.db')
  }
  expect(thrown).toMatchObject({
    code: 'storage-unwritable',
    message: 'a.db is in use: database is locked',
    hint: 'Another program has the file open and keeps it locked, such as a backup or a database browser: end it, or let it work on a copy.',
  })
})
