import { BundleTable, changeTables, type SchemaPart, type StatementCache } from '../platform/index.ts'

/** The line of changes of the history begins the names of its tables so. */
export const historyLine = 'history'

/**
 * The tables of ingest. `log` is where everything is durable first; the others are written from time to time, and tell as of which
 * position (`mark`). The ids of days and parts are task · 2^20 + the number of the day, or of the four hours, since 1970.
 */
export const ingestSchema: SchemaPart = {
  name: 'ingest',
  steps: [
    `CREATE TABLE log (position INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE mark (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
     CREATE TABLE spool (agent TEXT NOT NULL, spool TEXT NOT NULL, ranges TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (agent, spool)) STRICT;
     CREATE TABLE ingest_task (
       number INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       connector TEXT NOT NULL,
       spans TEXT NOT NULL,
       last TEXT NOT NULL,
       seen_at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE task_facts (task INTEGER PRIMARY KEY, slot INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
     CREATE TABLE task_day (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE result_part (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;`,
    // From here on days say which agent it was (format 2 of a day), which versions before cannot read.
    'SELECT 2',
    changeTables(historyLine),
    // Results of days that are over: `result_part` is emptied into it once a day.
    `CREATE TABLE result_days (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;`,
  ],
}

/** Results by task and day, many days to a row. */
export function resultDays(statements: StatementCache): BundleTable {
  return new BundleTable(statements, 'result_days', 32)
}

export const dayMs = 86_400_000
/** Results of today are kept in parts of four hours: longer ones would be written again more often until they are full. */
export const partMs = 4 * 3_600_000

const perTask = 2 ** 20

export function rowId(task: number, at: number, sizeMs: number): number {
  return task * perTask + Math.floor(at / sizeMs)
}

export function rowStart(id: number, sizeMs: number): number {
  return (id % perTask) * sizeMs
}
