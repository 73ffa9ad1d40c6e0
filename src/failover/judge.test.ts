import { expect, test } from 'vitest'
import { judgeData, type DataFacts } from './judge.ts'

const well: DataFacts = {
  database: { writeProblem: undefined, integrityProblem: undefined, waitingMs: 0 },
  disk: { freeBytes: 2 ** 30, neededBytes: 2 ** 26 },
  directory: { startedWith: 'one', now: 'one' },
  ingest: { waiting: 0, stalledMs: 0 },
  own: { term: 3, position: { term: 3, count: 100 } },
  known: { term: 3, position: { term: 3, count: 100 } },
}
const full = { freeBytes: 0, neededBytes: 2 ** 26 }

// what is seen otherwise → the reason and its words
const cases: Readonly<Record<string, readonly [Partial<DataFacts>, string]>> = {
  'data that is as it was': [{}, ''],
  'data that went on': [{ own: { term: 4, position: { term: 4, count: 1 } } }, ''],
  'data that nobody else knows': [{ known: undefined }, ''],
  'a directory of another instance': [
    { directory: { startedWith: 'one', now: 'two' } },
    'data directory replaced: the data directory is that of another instance now (two)',
  ],
  'a directory that is gone': [
    { directory: { startedWith: 'one', now: undefined } },
    'data directory replaced: the data directory is not there any more, or cannot be read',
  ],
  'a term that was forgotten': [
    { own: { term: 1, position: { term: 1, count: 900 } } },
    'rolled back: the data is of term 1, and was of term 3 once',
  ],
  'changes that were forgotten': [
    { own: { term: 3, position: { term: 3, count: 99 } } },
    'rolled back: the data ends with change 99 of term 3, and reached 100 of term 3 once',
  ],
  'a corrupt database': [
    { database: { writeProblem: 'no', integrityProblem: 'page 7 is used twice', waitingMs: 0 } },
    'database corrupt: page 7 is used twice',
  ],
  'a full disk, whatever the database says of it': [
    { disk: full, database: { writeProblem: 'database or disk is full', integrityProblem: undefined, waitingMs: 0 } },
    'disk full: 0B are free on the disk of the data directory, and 64MiB are needed',
  ],
  'a database that cannot be written': [
    { database: { writeProblem: 'attempt to write a readonly database', integrityProblem: undefined, waitingMs: 0 } },
    'database unwritable: attempt to write a readonly database',
  ],
  'a database that takes its time': [{ database: { ...well.database, waitingMs: 7_000 } }, ''],
  'a database that another program keeps locked': [
    { database: { ...well.database, waitingMs: 8_000 } },
    'database unwritable: the database has not answered for longer than 7.5 s: it is in use by another program, or its disk hangs',
  ],
  'results that are stored slowly': [{ ingest: { waiting: 50, stalledMs: 15_000 } }, ''],
  'results that are not stored': [
    { ingest: { waiting: 50, stalledMs: 15_001 } },
    'ingest stalled: nothing of 50 waiting batches was stored for 15 s',
  ],
}

test.each(Object.entries(cases))('%s', (_, [seen, words]) => {
  const unsound = judgeData({ ...well, ...seen }, 15_000)
  expect(unsound === undefined ? '' : `${unsound.why}: ${unsound.message}`).toBe(words)
})
