import { openSqlite, serveWorker } from '../platform/index.ts'
import { historySchema, type HistorySettings } from './history-store.ts'
import { historyMethods } from './history-worker.ts'

serveWorker(({ file, settings }: { file: string; settings: HistorySettings }) =>
  historyMethods(openSqlite(file, { schema: historySchema }), file, settings),
)
