import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { FarwatchError } from '../base/index.ts'
import { WorkerClient, replaceDatabase, schemaVersion, siblingModule } from '../platform/index.ts'
import type { PartSource, PartTarget } from '../replication/index.ts'
import type { History } from './history.ts'
import { copyBegin, type CopyCursor, type HistoryCopy } from './history-copy.ts'
import type { HistoryCopyMethods } from './history-copy-worker.ts'
import { historySchema } from './history-store.ts'

const name = 'history'
const version = schemaVersion(historySchema)

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const copyChecker = Compile(
  Type.Object({
    point: Type.Object({ line: Type.String(), position: count, checksum: Type.String() }),
    sealed: count,
    newest: count,
  }),
)
const cursorChecker = Compile(Type.Object({ table: count, after: count }))
const isCopy = (value: unknown): value is HistoryCopy => copyChecker.Check(value)
const isCursor = (value: unknown): value is CopyCursor => cursorChecker.Check(value)

/** The history as it is sent. @param history the one that is open now */
export function historySource(history: () => Pick<History, 'changes'>): PartSource {
  const changes = () => history().changes
  return {
    name,
    version,
    feed: {
      facts: () => changes().facts(),
      read: (after, bytes) => changes().read(after, bytes),
      confirm: (upTo) => changes().confirm(upTo),
    },
    beginCopy: async () => JSON.stringify(await changes().beginCopy()),
    readCopy: async (copyText, cursorText, bytes) => {
      const copy = parsed(copyText, isCopy)
      const cursor = cursorText === '' ? copyBegin : parsed(cursorText, isCursor)
      const { point, changes: kept } = await changes().facts()
      // Changes go on from the copy's point: where they are not kept any more, the rest of it would be of no use.
      if (copy.point.line !== point.line || copy.point.position < point.position - kept) return 'gone'
      const rows = await changes().readCopy(copy, cursor, bytes)
      if (rows !== undefined) return { body: rows.body, next: JSON.stringify(rows.next) }
      // A copy begins with a chunk, though nothing be in it: by that the follower knows which copy it is that ends.
      return cursorText === '' ? { body: new Uint8Array(), next: JSON.stringify(cursor) } : 'end'
    },
  }
}

function parsed<T>(text: string, is: (value: unknown) => value is T): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (is(value)) return value
  throw new FarwatchError(
    'bad-request',
    'what the other server of the pair says of a copy of the history cannot be read',
    {
      hint: 'Check that both servers have versions that go together.',
    },
  )
}

/** The history as it arrives. A copy is written beside the one that is there, which answers questions until it is whole. */
export class HistoryTarget implements PartTarget {
  readonly name = name
  readonly version = version
  readonly feed: PartTarget['feed']
  readonly #directory: string
  readonly #file: string
  readonly #exchange: (replace: () => void) => Promise<void>
  #arriving: WorkerClient<HistoryCopyMethods> | undefined

  /**
   * @param options.history the one that is open now
   * @param options.exchange closes it, calls `replace`, and opens what is there then
   */
  constructor(options: {
    readonly directory: string
    readonly history: () => History
    readonly exchange: (replace: () => void) => Promise<void>
  }) {
    const { directory, history, exchange } = options
    this.#directory = directory
    this.#file = join(directory, 'history-copy.db')
    this.#exchange = exchange
    this.feed = {
      facts: () => history().changes.facts(),
      apply: (changes) => history().changes.apply(changes),
    }
  }

  async #progress() {
    return existsSync(this.#file) ? this.#open().call('progress', undefined) : undefined
  }

  #open(): WorkerClient<HistoryCopyMethods> {
    return (this.#arriving ??= new WorkerClient<HistoryCopyMethods>(
      siblingModule(import.meta.url, 'history-copy-worker'),
      { file: this.#file },
      'history copy',
    ))
  }

  async copying() {
    const progress = await this.#progress()
    if (progress === undefined) return undefined
    return { copy: JSON.stringify(progress.copy), cursor: JSON.stringify(progress.cursor) }
  }

  async takeCopy(copy: string, { body, next }: { readonly body: Uint8Array; readonly next: string }): Promise<void> {
    if ((await this.copying())?.copy !== copy) {
      await this.close()
      for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${this.#file}${end}`, { force: true })
    }
    await this.#open().call('take', { copy: parsed(copy, isCopy), body, next: parsed(next, isCursor) })
  }

  async finishCopy(copy: string): Promise<boolean> {
    if (!(await this.#open().call('finish', parsed(copy, isCopy)))) return false
    await this.close()
    await this.#exchange(() => replaceDatabase(this.#file, join(this.#directory, 'history.db')))
    return true
  }

  /** Leaves a copy that is under way where it is. May be called twice. */
  async close(): Promise<void> {
    const arriving = this.#arriving
    this.#arriving = undefined
    try {
      await arriving?.call('close', undefined)
    } finally {
      await arriving?.end()
    }
  }
}
