import type { DatabaseSync } from 'node:sqlite'
import type {
  BatchAnswer,
  ExpectedTask,
  KnownTask,
  LastSlot,
  NewestFacts,
  PackedUpload,
  StoredBatch,
  TaskHead,
} from '../ingest/index.ts'
import type { Series, SeriesFilter, SeriesPage } from '../metrics/index.ts'
import { storageError, type Change, type ChangePoint } from '../platform/index.ts'
import { readCopy, type CopyCursor, type HistoryCopy } from './history-copy.ts'
import { readingMethods } from './history-reading.ts'
import { HistoryStore, type HistorySettings, type SeriesHead } from './history-store.ts'

export type HistoryMethods = ReturnType<typeof historyMethods>

/** What the thread that writes the history answers; it is the only one that does. @param db opened with `historySchema` */
export function historyMethods(db: DatabaseSync, file: string, settings: HistorySettings) {
  const store = new HistoryStore(db, settings)
  const guarded = <T>(act: () => T): T => {
    try {
      return act()
    } catch (thrown) {
      throw storageError(thrown, file)
    }
  }
  return {
    // A database in memory has this one connection only, so questions come here too.
    ...readingMethods(db),
    ready: (_: undefined): { position: number; generation: number } => ({
      position: store.ingest.position,
      generation: store.generation,
    }),
    /** No answers where the near end packed for a generation that is over: it packs anew and asks again. */
    upload: ({
      upload,
      at,
      generation,
    }: {
      upload: PackedUpload
      at: number
      generation: number
    }): {
      answers: readonly BatchAnswer[] | undefined
      /** All of it is in changes up to this one; undefined without a pair. */
      change: number | undefined
      generation: number
    } =>
      guarded(() => {
        const isStale = generation !== store.generation && !upload.reset
        const answers = isStale ? undefined : store.upload(upload, at)
        const { mode, point } = store.ingest.line
        return { answers, change: mode === 'logging' ? point.position : undefined, generation: store.generation }
      }),
    applySettings: (next: HistorySettings): number => {
      store.applySettings(next)
      return store.generation
    },
    applyTasks: ({ tasks, at }: { tasks: readonly KnownTask[]; at: number }): number =>
      guarded(() => {
        store.applyTasks(tasks, at)
        return store.generation
      }),
    /** Says what consumers need no more, and does one step of what is due. */
    upkeep: ({
      at,
      released,
      seal,
    }: {
      at: number
      released: number
      seal: boolean
    }): { more: boolean; generation: number } =>
      guarded(() => {
        store.ingest.release(released)
        return { more: store.upkeep(at, seal), generation: store.generation }
      }),
    read: ({ after, limit }: { after: number; limit: number }): readonly StoredBatch[] =>
      guarded(() => store.ingest.read(after, limit)),
    lastSlots: ({ tasks, at }: { tasks: readonly string[]; at: number }): readonly LastSlot[] =>
      guarded(() => store.ingest.lastSlots(tasks, at)),
    expected: (tasks: readonly string[]): readonly ExpectedTask[] => store.ingest.expected(tasks),
    newestFacts: ({ tasks, at }: { tasks: readonly string[]; at: number }): readonly NewestFacts[] =>
      guarded(() => store.ingest.newestFacts(tasks, at)),
    heads: (input: { tasks: readonly string[]; from: number; to: number; withRuns: boolean }): readonly TaskHead[] =>
      guarded(() => store.heads(input.tasks, input.from, input.to, input.withRuns)),
    seriesOfTask: ({ task, from, to }: { task: string; from: number; to: number }): readonly SeriesHead[] =>
      store.seriesOfTask(task, from, to),
    seriesHeads: ({
      numbers,
      from,
      to,
    }: {
      numbers: readonly number[]
      from: number
      to: number
    }): readonly SeriesHead[] => store.seriesHeads(numbers, from, to),
    /** Those of the numbers that there are. */
    seriesNumbered: (numbers: readonly number[]): readonly Series[] =>
      numbers.flatMap((number) => store.samples.find(number) ?? []),
    series: ({ filter, limit, after }: { filter: SeriesFilter; limit: number; after: number }): SeriesPage =>
      store.samples.series(filter, limit, after),
    // For the other server of a pair.
    logFacts: (_: undefined) => guarded(() => store.ingest.line.facts()),
    startLogging: (line: string) => guarded(() => store.ingest.startLogging(line)),
    startFollowing: (_: undefined): true => guarded(() => (store.ingest.startFollowing(), true)),
    stopLogging: (_: undefined): true => guarded(() => (store.ingest.stopLogging(), true)),
    readChanges: ({ after, bytes }: { after: ChangePoint; bytes: number }) =>
      guarded(() => store.ingest.readChanges(after, bytes)),
    confirmChanges: (upTo: ChangePoint): boolean => guarded(() => store.ingest.confirm(upTo)),
    applyChanges: (changes: readonly Change[]) =>
      guarded(() => ({ applied: store.ingest.applyChanges(changes), position: store.ingest.position })),
    // A database in memory has this one connection only.
    readCopy: ({ copy, cursor, bytes }: { copy: HistoryCopy; cursor: CopyCursor; bytes: number }) =>
      guarded(() => readCopy(db, copy, cursor, bytes)),
    beginCopy: (_: undefined) => guarded(() => store.ingest.beginCopy()),
    facts: (_: undefined) => ({
      ...store.ingest.facts(),
      ...store.samples.facts(),
      databaseBytes: Number(
        db.prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()').get()?.[
          'bytes'
        ],
      ),
    }),
    close: (_: undefined): true => {
      db.close()
      return true
    },
  }
}
