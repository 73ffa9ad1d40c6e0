import type { Clock } from '../base/index.ts'
import type { ChangeFacts, ChangePoint } from '../platform/index.ts'
import { CopyBudget } from './copy-budget.ts'
import {
  decodeRequest,
  encodeAnswer,
  firstVersion,
  type MessageVersions,
  type PartAnswer,
  type ReplicationRequest,
} from './message.ts'
import type { PartSource } from './part.ts'

export interface SourceSettings {
  /** Of changes, in one answer for each part. Larger, and catching up takes fewer rounds; smaller, and the memory of both is spared. */
  readonly answerBytes: number
  /** Of a copy, in one answer. */
  readonly chunkBytes: number
  /** Of all copies together. Larger, and a new standby is ready sooner; smaller, and the work of the active server suffers less. */
  readonly copyBytesPerSecond: number
}

export const defaultSourceSettings: SourceSettings = {
  answerBytes: 4 * 2 ** 20,
  chunkBytes: 2 ** 20,
  copyBytesPerSecond: 32 * 2 ** 20,
}

/** How a standby is, as the active server sees it. */
export type PartLag =
  | {
      readonly is: 'following'
      /** How many changes it has not confirmed, and since when the oldest of them waits. */
      readonly changes: number
      readonly seconds: number
      /** Why it cannot take what comes next: it is an older version. */
      readonly waits?: string | undefined
    }
  /** `why` it had to begin; undefined where it was under way before this server was started. */
  | { readonly is: 'copying'; readonly why?: string | undefined }
  /** It has not asked since the start. */
  | { readonly is: 'unknown' }

type Follows = Extract<ReplicationRequest['parts'][string], { is: 'follows' }>

/**
 * The active half: answers what the standby asks. It keeps nothing that a restart may not lose: where the standby is, the standby says.
 */
export class ReplicationSource {
  readonly #parts: readonly PartSource[]
  readonly #clock: Clock
  readonly #settings: SourceSettings
  readonly #released: () => number
  readonly #versions: MessageVersions
  readonly #budget: CopyBudget
  readonly #seen = new Map<string, Follows | Extract<PartLag, { is: 'copying' }>>()

  /** @param options.parts in order, see PartSource @param options.released what no consumer of the result log needs any more */
  constructor(options: {
    readonly parts: readonly PartSource[]
    readonly clock: Clock
    readonly settings?: SourceSettings
    readonly released?: () => number
    /** Of the messages that are understood. */
    readonly versions?: MessageVersions
  }) {
    this.#parts = options.parts
    this.#clock = options.clock
    this.#settings = options.settings ?? defaultSourceSettings
    this.#released = options.released ?? (() => 0)
    this.#versions = options.versions ?? firstVersion
    this.#budget = new CopyBudget(this.#settings.copyBytesPerSecond, this.#clock.elapsed())
  }

  /** @throws FarwatchError `bad-request`, and what the stores throw */
  async answer(message: Uint8Array): Promise<Uint8Array> {
    const { request, version } = await decodeRequest(message, this.#versions)
    // Before anything is read: what was released by now is settled in what is read afterwards.
    const released = this.#released()
    const answers = new Map<string, PartAnswer>()
    // From the last to the first, so that what refers to another part is never newer than what is read of that.
    for (const part of this.#parts.toReversed()) {
      const asked = request.parts[part.name]
      if (asked !== undefined) answers.set(part.name, await this.#answer(part, asked))
    }
    return encodeAnswer({ now: this.#clock.now(), released, parts: Object.fromEntries(answers) }, version)
  }

  async #answer(part: PartSource, asked: ReplicationRequest['parts'][string]): Promise<PartAnswer> {
    switch (asked.is) {
      case 'follows': {
        await part.feed.confirm(asked.point)
        const read = await part.feed.read(asked.point, this.#settings.answerBytes)
        if (read.is === 'copy needed') return read
        this.#seen.set(part.name, asked)
        return { ...read, newest: (await part.feed.facts()).point.position }
      }
      case 'copies':
        return this.#chunk(part, asked.copy, asked.cursor)
      case 'needs a copy':
        this.#seen.set(part.name, { is: 'copying', why: asked.why })
        return this.#chunk(part, undefined, '')
    }
  }

  async #chunk(part: PartSource, known: string | undefined, cursor: string): Promise<PartAnswer> {
    if (this.#seen.get(part.name)?.is !== 'copying') this.#seen.set(part.name, { is: 'copying' })
    const ms = this.#budget.waitMs(this.#clock.elapsed())
    if (ms > 0) return { is: 'pause', ms }
    const copy = known ?? (await part.beginCopy())
    const chunk = await part.readCopy(copy, cursor, this.#settings.chunkBytes)
    if (chunk === 'gone') return { is: 'copy needed', why: 'the copy that was under way cannot be gone on with' }
    if (chunk === 'end') return { is: 'end', copy }
    this.#budget.spend(chunk.body.length)
    return { is: 'chunk', copy, version: part.version, ...chunk }
  }

  /** How far the standby is behind, part by part. */
  async lag(): Promise<Readonly<Record<string, PartLag>>> {
    const lags = this.#parts.map(async (part): Promise<[string, PartLag]> => {
      const seen = this.#seen.get(part.name)
      if (seen === undefined) return [part.name, { is: 'unknown' }]
      return [part.name, seen.is === 'copying' ? seen : this.#lagOf(seen, await part.feed.facts())]
    })
    return Object.fromEntries(await Promise.all(lags))
  }

  #lagOf(
    { point: seen, waits }: { readonly point: ChangePoint; readonly waits?: string },
    { point, since }: ChangeFacts,
  ): PartLag {
    const changes = Math.max(0, point.position - seen.position)
    const seconds = changes === 0 || since === undefined ? 0 : Math.max(0, (this.#clock.now() - since) / 1_000)
    return { is: 'following', changes, seconds, waits }
  }
}
