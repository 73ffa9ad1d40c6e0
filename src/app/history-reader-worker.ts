import { openSqlite, serveWorker, standBack, storageError } from '../platform/index.ts'
import { readCopy, type CopyCursor, type HistoryCopy } from './history-copy.ts'
import { readingMethods } from './history-reading.ts'

export type HistoryReaderMethods = ReturnType<typeof makeMethods>

/**
 * The thread that answers long questions about the history over a connection of its own. Results are stored first where the cores do not
 * suffice for both.
 */
function makeMethods({ file }: { file: string }) {
  const db = openSqlite(file, { readOnly: true })
  const methods = readingMethods(db)
  // One transaction for each question, so that a day that is being closed is seen before or after, never between.
  const whole =
    <I, O>(method: (input: I) => O) =>
    (input: I): O => {
      try {
        db.exec('BEGIN')
        try {
          return method(input)
        } finally {
          db.exec('COMMIT')
        }
      } catch (thrown) {
        throw storageError(thrown, file)
      }
    }
  return {
    results: whole(methods.results),
    coverage: whole(methods.coverage),
    outcomes: whole(methods.outcomes),
    statistics: whole(methods.statistics),
    query: whole(methods.query),
    chart: whole(methods.chart),
    readCopy: whole(({ copy, cursor, bytes }: { copy: HistoryCopy; cursor: CopyCursor; bytes: number }) =>
      readCopy(db, copy, cursor, bytes),
    ),
    close: (_: undefined): true => {
      db.close()
      return true
    },
  }
}

standBack()
serveWorker(makeMethods)
