import { historySource } from '../../src/app/history-part.ts'
import { historySchema } from '../../src/app/history-store.ts'
import type { CopyCursor, HistoryCopy } from '../../src/app/history-copy.ts'
import type { History } from '../../src/app/history.ts'
import type { PartSource, PartTarget } from '../../src/replication/index.ts'
import { schemaVersion, type ReplicatedDatabase } from '../../src/platform/index.ts'
import type { PairStore } from './pair-store.ts'

/** What both servers replicate, in its order: the real feeds over the simulated disk, copies in memory instead of files. */
export interface PartsOptions {
  readonly store: PairStore
  readonly history: () => History
  readonly database: ReplicatedDatabase
  /** A copy of the history has arrived, and takes the place of the one that is open. */
  readonly exchangeHistory: (copy: HistoryCopy) => Promise<boolean>
}

export function partSources({ store, history, database }: PartsOptions): readonly PartSource[] {
  return [
    historySource(history),
    {
      name: 'database',
      version: database.changes.version,
      feed: {
        facts: () => database.changes.facts(),
        read: (after, bytes) => database.changes.read(after, bytes),
        confirm: async (upTo) => {
          await database.changes.confirm(upTo)
          store.forgetCopy()
        },
      },
      beginCopy: () => store.makeCopy((file) => database.changes.copy(file)),
      readCopy: async (copy, cursor, bytes) => {
        const at = Number(cursor)
        const body = store.readCopy(copy, at, bytes)
        if (body === 'gone') return 'gone'
        return body.length === 0 ? 'end' : { body, next: `${at + body.length}` }
      },
    },
  ]
}

export function partTargets({ store, history, database, exchangeHistory }: PartsOptions): readonly PartTarget[] {
  return [
    {
      name: 'history',
      version: schemaVersion(historySchema),
      feed: {
        facts: () => history().changes.facts(),
        apply: (changes) => history().changes.apply(changes),
      },
      copying: async () => {
        const progress = store.historyCopying
        return progress && { copy: JSON.stringify(progress.copy), cursor: JSON.stringify(progress.cursor) }
      },
      // The other side speaks of its copies in these very forms.
      takeCopy: async (copy, { body, next }) =>
        store.takeHistory(JSON.parse(copy) as HistoryCopy, { body, next: JSON.parse(next) as CopyCursor }),
      finishCopy: (copy) => exchangeHistory(JSON.parse(copy) as HistoryCopy),
    },
    {
      name: 'database',
      version: database.changes.version,
      feed: database.changes,
      copying: async () => {
        const { copying } = store
        return copying && { copy: copying.copy, cursor: `${copying.size}` }
      },
      takeCopy: async (copy, { body, next }) => store.keepChunk(copy, body, Number(next)),
      finishCopy: (copy) => store.installCopy(copy, (file) => database.changes.install(file)),
    },
  ]
}
