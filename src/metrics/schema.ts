import { BundleTable, type SchemaPart, type StatementCache } from '../platform/index.ts'

/**
 * The tables of the metrics. The id of a chunk is series · 2^20 + the hour or day since 1970, so that all chunks of a series lie
 * together in time's order and need no index: 20 bits of hours last until 2089.
 */
export const metricsSchema: SchemaPart = {
  name: 'metrics',
  steps: [
    `CREATE TABLE metric_series (
       number INTEGER PRIMARY KEY,
       task TEXT NOT NULL,
       connector TEXT NOT NULL,
       name TEXT NOT NULL,
       labels TEXT NOT NULL,
       unit TEXT NOT NULL,
       kind TEXT NOT NULL,
       last_at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE sample_hour (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE sample_day (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE rollup_5m (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE rollup_1h (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;`,
    // What is over for a day stands in long rows from here on: see `sampleDays` and the two beside it. `sample_day`, `rollup_5m` and `rollup_1h` are
    // emptied into them by and by, and nothing is added to them.
    `CREATE TABLE sample_days (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE rollup_5m_days (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
     CREATE TABLE rollup_1h_days (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;`,
  ],
}

/** How many days a row of samples, or of roll-ups by 5 minutes, holds: as chunks of each day. */
export const daysPerBundle = 32
/**
 * How long a row of roll-ups by the hour is: one roll-up of all its hours. It is packed anew with each day, which takes 0.6 ms for 26 days of
 * noise; longer rows than this save 0.002 bytes a sample.
 */
export const hoursRowMs = 8 * 86_400_000

export function sampleDays(statements: StatementCache): BundleTable {
  return new BundleTable(statements, 'sample_days', daysPerBundle)
}

export function fiveMinuteDays(statements: StatementCache): BundleTable {
  return new BundleTable(statements, 'rollup_5m_days', daysPerBundle)
}

export const hourMs = 3_600_000
export const dayMs = 86_400_000
export const fiveMinutesMs = 300_000

const chunksPerSeries = 2 ** 20

/** The id of the chunk of a series that holds a moment. @param sizeMs an hour or a day */
export function chunkId(series: number, at: number, sizeMs: number): number {
  return series * chunksPerSeries + Math.floor(at / sizeMs)
}

/** When the chunk of an id begins. */
export function chunkStart(id: number, sizeMs: number): number {
  return (id % chunksPerSeries) * sizeMs
}

/** The first moment of no chunk: samples before 1970 or after it are refused. */
export const lastMoment = chunksPerSeries * hourMs
