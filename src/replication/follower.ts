import type { ChangePoint } from '../platform/index.ts'
import {
  decodeAnswer,
  encodeRequest,
  firstVersion,
  type MessageVersions,
  type PartAnswer,
  type ReplicationRequest,
} from './message.ts'
import type { PartTarget } from './part.ts'

/** How a part of a standby is. */
export type PartState =
  | {
      readonly is: 'following'
      readonly point: ChangePoint
      /** How many changes the active server had more when it was last heard, and for how long the oldest of them waits. */
      readonly changes: number
      readonly seconds: number
      /** Why what comes next is not taken: the active server is a newer version. It is, once this one is as new. */
      readonly waits?: string
    }
  | { readonly is: 'copying'; readonly why: string }

/** What an answer led to. */
export interface Taken {
  /** There is more at once: ask again without a pause. Else after the usual one. */
  readonly more: boolean
  /** Ask for copies again not before so many milliseconds. */
  readonly pauseMs: number
}

/** A copy of a newer version was refused: for so many rounds it is not asked for again. */
const roundsUntilAnew = 60

/**
 * The standby half: says where it is, and takes what comes. One round after the other; an answer that is lost, comes twice or is older than
 * what was taken since changes nothing.
 */
export class ReplicationFollower {
  readonly #parts: readonly PartTarget[]
  readonly #onApplied: (part: string, tables: readonly string[]) => void
  readonly #onReleased: (position: number) => void
  readonly #onCopyNeeded: (part: string, why: string) => void
  readonly #onNewer: (part: string, why: string) => void
  readonly #versions: MessageVersions
  readonly #needs = new Map<string, string>()
  readonly #refused = new Map<string, number>()
  readonly #states = new Map<string, PartState>()
  #isInStep = false

  /**
   * @param options.parts in order, see PartSource
   * @param options.onApplied which tables of a part changed, so that what is read from memory is read anew; all of them (none named) after a copy
   * @param options.onReleased what of the result log is not needed any more, once everything it was needed for is here
   * @param options.onNewer a part waits until this server is as new as the active one: told when it begins to
   * @param options.onCopyNeeded a part cannot go on, and why: to be told to people, as it means that something was wrong
   */
  constructor(options: {
    readonly parts: readonly PartTarget[]
    readonly onApplied?: (part: string, tables: readonly string[]) => void
    readonly onReleased?: (position: number) => void
    readonly onCopyNeeded?: (part: string, why: string) => void
    readonly onNewer?: (part: string, why: string) => void
    /** Of the messages that are understood. */
    readonly versions?: MessageVersions
  }) {
    this.#parts = options.parts
    this.#onApplied = options.onApplied ?? (() => undefined)
    this.#onReleased = options.onReleased ?? (() => undefined)
    this.#onCopyNeeded = options.onCopyNeeded ?? (() => undefined)
    this.#onNewer = options.onNewer ?? (() => undefined)
    this.#versions = options.versions ?? firstVersion
  }

  /** What to ask the active server. @param version of the messages, as agreed with it */
  async request(version = this.#versions.min): Promise<Uint8Array> {
    const parts: Record<string, ReplicationRequest['parts'][string]> = {}
    for (const part of this.#parts) {
      const rounds = this.#refused.get(part.name) ?? 0
      this.#refused.set(part.name, rounds - 1)
      if (rounds > 0) continue
      const why = this.#needs.get(part.name)
      const copying = await part.copying()
      if (why !== undefined) parts[part.name] = { is: 'needs a copy', why }
      else if (copying !== undefined) parts[part.name] = { is: 'copies', ...copying }
      else parts[part.name] = { is: 'follows', point: (await part.feed.facts()).point, ...this.#waiting(part) }
    }
    return encodeRequest({ parts }, version)
  }

  /**
   * Takes an answer to the request before.
   * @throws FarwatchError `bad-request`, and what the stores throw; what was taken until then is durable, and the next round goes on from there
   */
  async take(message: Uint8Array): Promise<Taken> {
    const { now, released, parts } = await decodeAnswer(message, this.#versions)
    let more = false
    let pauseMs = 0
    let isInStep = true
    // What refers to a part waits until that part is where it was over there. It does not wait for a copy, which may take an hour: then there is
    // nothing to refer to, and what is small and precious is worth having.
    let isWaiting = false
    for (const part of this.#parts) {
      const answer = parts[part.name]
      if (answer === undefined) {
        isInStep = false
        continue
      }
      if (answer.is === 'changes' && isWaiting) {
        isInStep = false
        continue
      }
      if (answer.is === 'pause') pauseMs = Math.max(pauseMs, answer.ms)
      const { isCurrent, hasMore } = await this.#take(part, answer, now)
      isInStep &&= isCurrent
      isWaiting ||= answer.is === 'changes' && !isCurrent
      more ||= hasMore
    }
    this.#isInStep = isInStep
    if (isInStep) this.#onReleased(released)
    return { more, pauseMs }
  }

  async #take(
    part: PartTarget,
    answer: PartAnswer,
    now: number,
  ): Promise<{ readonly isCurrent: boolean; readonly hasMore: boolean }> {
    switch (answer.is) {
      case 'changes': {
        const applied = await part.feed.apply(answer.changes)
        if (applied.is === 'copy needed') return this.#copyNeeded(part, applied.why)
        if (applied.tables.length > 0) this.#onApplied(part.name, applied.tables)
        const { point } = applied
        const changes = Math.max(0, answer.newest - point.position)
        if (applied.is === 'not understood') {
          const next = answer.changes.find(({ position }) => position > point.position)
          const seconds = next === undefined ? 0 : Math.max(0, (now - next.at) / 1_000)
          if (this.#waiting(part) === undefined) this.#onNewer(part.name, applied.why)
          this.#states.set(part.name, { is: 'following', point, changes, seconds, waits: applied.why })
          return { isCurrent: false, hasMore: false }
        }
        const last = answer.changes.at(-1)
        const seconds = changes === 0 || last === undefined ? 0 : Math.max(0, (now - last.at) / 1_000)
        this.#states.set(part.name, { is: 'following', point, changes, seconds })
        return { isCurrent: changes === 0, hasMore: changes > 0 }
      }
      case 'chunk':
        if (answer.version !== undefined && answer.version > part.version) return this.#refuse(part)
        await part.takeCopy(answer.copy, answer)
        this.#states.set(part.name, { is: 'copying', why: this.#needs.get(part.name) ?? this.#whyOf(part) })
        this.#needs.delete(part.name)
        return { isCurrent: false, hasMore: true }
      case 'end': {
        // An answer that comes twice: the copy was finished with the first.
        const copying = await part.copying()
        if (copying?.copy !== answer.copy) return { isCurrent: false, hasMore: true }
        if (!(await part.finishCopy(answer.copy))) return this.#copyNeeded(part, 'the copy that arrived is not whole')
        this.#onApplied(part.name, [])
        return { isCurrent: false, hasMore: true }
      }
      case 'pause':
        return { isCurrent: false, hasMore: false }
      case 'copy needed':
        return this.#copyNeeded(part, answer.why)
    }
  }

  /** What stands here is left as it is: a copy of a newer version cannot be read by this one. */
  #refuse({ name }: PartTarget): { readonly isCurrent: boolean; readonly hasMore: boolean } {
    const why =
      'the active server is a newer version of Farwatch, and this one cannot read a copy of what it has: upgrade this one'
    const state = this.#states.get(name)
    if (state?.is !== 'copying' || state.why !== why) this.#onNewer(name, why)
    this.#states.set(name, { is: 'copying', why })
    this.#refused.set(name, roundsUntilAnew)
    return { isCurrent: false, hasMore: false }
  }

  #waiting({ name }: PartTarget): { readonly waits: string } | undefined {
    const state = this.#states.get(name)
    return state?.is === 'following' && state.waits !== undefined ? { waits: state.waits } : undefined
  }

  #whyOf(part: PartTarget): string {
    const state = this.#states.get(part.name)
    return state?.is === 'copying' ? state.why : 'it was under way before the start'
  }

  #copyNeeded(part: PartTarget, why: string): { readonly isCurrent: boolean; readonly hasMore: boolean } {
    this.#needs.set(part.name, why)
    this.#states.set(part.name, { is: 'copying', why })
    this.#onCopyNeeded(part.name, why)
    return { isCurrent: false, hasMore: true }
  }

  /** Part by part; those of which nothing was heard since the start are left out. */
  states(): Readonly<Record<string, PartState>> {
    return Object.fromEntries(this.#states)
  }

  /** Whether everything was here that the active server had when it gave its last answer. Until then one part may be ahead of another. */
  get isInStep(): boolean {
    return this.#isInStep
  }
}
