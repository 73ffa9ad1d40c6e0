import type { Database, SchemaPart } from '../platform/index.ts'

/**
 * What of a pair stands in the database: the term of its last change, which replicates with all else, so that what was written in one term is told
 * from what the other server may have written after the same number of changes; and a row that is written now and then to see whether anything
 * can be written, which is each server's own.
 */
export const pairSchema: SchemaPart = {
  name: 'pair',
  steps: [
    `CREATE TABLE pair_mark (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), term INTEGER NOT NULL) STRICT;
     CREATE TABLE pair_probe (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), at INTEGER NOT NULL) STRICT;`,
  ],
}

export const localPairTables = ['pair_probe'] as const

/** The term in which the database was last written by whoever acted; 0 where that was before any pair. */
export async function readMark(database: Database): Promise<number> {
  const [row] = await database.read<{ term: number }>('SELECT term FROM pair_mark')
  return row?.term ?? 0
}

/** @throws FarwatchError `storage-unwritable`, and `not-in-this-role` where this server follows the other */
export async function writeMark(database: Database, term: number): Promise<void> {
  await database.write([
    {
      sql: `INSERT INTO pair_mark (only_row, term) VALUES (1, $term) ON CONFLICT (only_row) DO UPDATE SET term = excluded.term`,
      params: { term },
    },
  ])
}

/** @throws FarwatchError `storage-unwritable`, `storage-corrupt` */
export async function probe(database: Database, at: number): Promise<void> {
  await database.write([
    {
      sql: `INSERT INTO pair_probe (only_row, at) VALUES (1, $at) ON CONFLICT (only_row) DO UPDATE SET at = excluded.at`,
      params: { at },
    },
  ])
}
