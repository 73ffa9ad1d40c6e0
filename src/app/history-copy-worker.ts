import { serveWorker, storageError } from '../platform/index.ts'
import { ArrivingCopy, type CopyCursor, type HistoryCopy } from './history-copy.ts'

export type HistoryCopyMethods = ReturnType<typeof makeMethods>

/** The thread that writes a copy of the history while it arrives. */
function makeMethods({ file }: { file: string }) {
  const copy = new ArrivingCopy(file)
  const guarded = <T>(act: () => T): T => {
    try {
      return act()
    } catch (thrown) {
      throw storageError(thrown, file)
    }
  }
  return {
    progress: (_: undefined) => guarded(() => copy.progress()),
    take: (input: { copy: HistoryCopy; body: Uint8Array; next: CopyCursor }): true =>
      guarded(() => (copy.take(input.copy, input), true)),
    finish: (of: HistoryCopy) => guarded(() => copy.finish(of)),
    close: (_: undefined): true => guarded(() => (copy.close(), true)),
  }
}

serveWorker(makeMethods)
