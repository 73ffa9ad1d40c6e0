import { join } from 'node:path'
import { messageOf, type CancelTimer, type Clock } from '../base/index.ts'
import type { GapRecord, SpoolEntry } from '../model/index.ts'
import type { Disk, DiskFile } from '../platform/index.ts'
import type { AgentListener } from './events.ts'
import {
  blockAt,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  entriesOf,
  findBlock,
  headerBytes,
  type BlockPlace,
} from './spool-block.ts'
import { readLife, type Life, type LifeFile, openLife } from './spool-life.ts'

export interface SpoolOptions {
  readonly disk: Disk
  /** Names a spool that is begun anew; never the same twice. */
  readonly newId: () => string
  /** Made where it is missing. Belongs to this spool alone. */
  readonly directory: string
  /** All segments together; beyond it the oldest segment is dropped. */
  readonly maxBytes: number
  /** Entries older than this are dropped. */
  readonly maxAgeMs: number
  readonly clock: Clock
  readonly tell: AgentListener
  /** A task's period, for the gap records of what was dropped. */
  readonly periodOf: (task: string) => number | undefined
}

/** Consecutive entries of one spool. */
export interface SpoolSlice {
  readonly spool: string
  readonly from: number
  readonly entries: readonly SpoolEntry[]
}

/** What was found when the spool was opened. */
export interface Recovered {
  /** The agent was alive then, for the last time; undefined where it never was or nobody knows. */
  readonly lastAlive: number | undefined
  /** Stretches of time whose entries were damaged. */
  readonly damaged: readonly { readonly from: number; readonly to: number }[]
}

interface Segment {
  readonly file: string
  readonly spool: string
  readonly first: number
  /** Position behind its last entry. */
  end: number
  bytes: number
  firstAt: number
  lastAt: number
}

interface Remembered {
  readonly spool: string
  readonly first: number
  readonly entries: readonly SpoolEntry[]
}

/**
 * Entries are gathered so long before they are written: one sync, one upload and one transaction of the server then serve all of them. At 1,000
 * checks a second, stored, on two quiet cores, 200 ms instead of 50 took an HTTP check from 0.30 to 0.25 ms of CPU, a TCP check from 0.25 to
 * 0.21, a ping from 0.43 to 0.32; 400 ms were no better. What a kill takes along is no older than this, and none of it was acknowledged.
 */
const gatherMs = 200
const retryMs = 1_000
const lifeMs = 1_000
const maxBlockEntries = 2_000
/** A block and a slice end with the entry that passes this weight. */
const maxPieceWeight = 4 * 1_048_576
/** What may wait in memory while the disk cannot be written, and while it can and is only slow. */
const maxWaitingWeight = { unwritable: 64 * 1_048_576, writable: 512 * 1_048_576 }
/**
 * The newest entries are kept in memory until they are safe, so that an uploader that keeps up never reads the disk. Not for longer: what
 * lives for seconds is collected the dear way.
 */
const maxRecentWeight = 8 * 1_048_576
/** Skipped after damage, because positions that were lost may have been seen by the server. */
const damageStride = 1_048_576

/**
 * The agent's results on disk until the server has them. An entry is `durable` once it was written and synced; only then it has a
 * position and can be read. Entries leave when the server calls them safe, or by overflow, which leaves gap records in their place.
 * Survives being killed at any moment. While the disk cannot be written, entries wait in memory, a bounded number of them.
 */
export class Spool {
  readonly recovered: Recovered
  readonly #options: SpoolOptions
  readonly #clock: Clock
  readonly #life: LifeFile
  readonly #segmentBytes: number
  #spool: string
  #segments: Segment[]
  #handle: DiskFile | undefined
  #next: number
  #acknowledged: number
  #safe: number
  #waiting: SpoolEntry[] = []
  /** Taken from `#waiting` and not durable yet. */
  #underWay: readonly SpoolEntry[] = []
  #waitingWeight = 0
  /** The slots of entries that were dropped from memory, by task. */
  readonly #dropped = new Map<string, Stretch>()
  #recent: Remembered[] = []
  #recentWeight = 0
  #writing: Promise<void> = Promise.resolve()
  #isWriting = false
  #cancelGather: CancelTimer | undefined
  #cancelLife: CancelTimer = () => undefined
  #unwritable: string | undefined
  /** Since when; what was taken from then on is in memory only. */
  #unwritableSince: number | undefined
  #aliveAt: ((earliestWaiting: number) => number) | undefined
  #closed = false
  #cache: { readonly file: string; readonly bytes: Buffer; readonly size: number } | undefined
  readonly #onDurable = new Set<() => void>()

  /** Opens the spool of a directory, or begins one. @throws Error where the directory cannot be made or read */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { disk, directory } = options
    await disk.makeDirectory(directory)
    const life = await readLife(disk, directory)
    const found = await recover(options, life)
    return new Spool(options, life, await openLife(disk, directory), found)
  }

  private constructor(options: SpoolOptions, life: Life | undefined, file: LifeFile, found: Found) {
    this.#options = options
    this.#clock = options.clock
    this.#life = file
    this.#segmentBytes = Math.max(65_536, Math.min(8 * 1_048_576, Math.floor(options.maxBytes / 16)))
    this.#segments = found.segments
    const last = found.segments.at(-1)
    // Damage may have taken entries that the server knows; a new name keeps their positions from meaning something else.
    this.#spool = found.damaged.length > 0 || last === undefined ? options.newId() : last.spool
    const end = Math.max(last?.end ?? 0, life?.next ?? 0)
    this.#next = found.damaged.length > 0 ? end + damageStride : end
    const oldest = found.segments[0]?.first ?? this.#next
    this.#acknowledged = clamp(life?.acknowledged ?? oldest, oldest, this.#next)
    this.#safe = clamp(life?.safe ?? oldest, oldest, this.#acknowledged)
    this.recovered = { lastAlive: life?.at ?? last?.lastAt, damaged: found.damaged }
  }

  /** The id under which new entries are kept. */
  get id(): string {
    return this.#spool
  }

  /** Every entry below this position is with the server. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Every entry below this position is with the server's standby too, as far as it was heard. */
  get safe(): number {
    return this.#safe
  }

  /** Position behind the last durable entry. */
  get end(): number {
    return this.#next
  }

  /** What the disk holds under one name, from its first position to behind its last; undefined where that is nothing. */
  extent(spool: string): { readonly first: number; readonly end: number } | undefined {
    const segments = this.#segments.filter((one) => one.spool === spool && one.end > one.first)
    const last = segments.at(-1)
    return last === undefined ? undefined : { first: segments[0]!.first, end: last.end }
  }

  /** `entries` and `bytes` are what the server has not yet, `unsafe` what it has not or may still lose, `waiting` what is not durable yet. */
  status(): {
    entries: number
    unsafe: number
    bytes: number
    oldestAt: number | undefined
    waiting: number
    unwritable?: string
  } {
    const from = (position: number) =>
      this.#segments.reduce((sum, one) => sum + one.end - Math.max(one.first, Math.min(one.end, position)), 0)
    return {
      entries: from(this.#acknowledged),
      unsafe: from(this.#safe),
      bytes: this.#segments.reduce((sum, one) => sum + one.bytes, 0),
      oldestAt: this.#segments.find((one) => one.end > this.#acknowledged)?.firstAt,
      waiting: this.#waiting.length,
      ...(this.#unwritable === undefined ? {} : { unwritable: this.#unwritable }),
    }
  }

  /**
   * From now on the sign of life is written every second; before, what the last stop left open is not recorded yet.
   *
   * @param aliveAt the moment to be written, told the earliest slot of what is not durable yet, or Infinity; server time. By it the next life finds what this one left open
   */
  beginLife(aliveAt: (earliestWaiting: number) => number): void {
    this.#aliveAt = aliveAt
    const again = () => {
      this.#writeLife()
      this.#cancelLife = this.#clock.after(lifeMs, again)
    }
    again()
  }

  /** Takes entries. They are durable `gatherMs` and a sync later; `onDurable` tells. */
  append(entries: readonly SpoolEntry[]): void {
    if (entries.length === 0 || this.#closed) return
    this.#wait(entries)
    this.#boundWaiting()
    this.#writeSoon(this.#unwritable === undefined ? gatherMs : retryMs)
  }

  /** @returns what ends the listening */
  onDurable(listener: () => void): () => void {
    this.#onDurable.add(listener)
    return () => void this.#onDurable.delete(listener)
  }

  /** Resolves when everything taken so far is durable, or when it was tried and the disk refused. */
  async flush(): Promise<void> {
    this.#cancelGather?.()
    this.#cancelGather = undefined
    await this.#writing
    if (this.#hasToWrite()) await this.#write()
  }

  /**
   * The durable entries from a position on, in order, at most `limit` of them and never of two spools.
   * Where the position itself is gone the slice begins at the next one there is. Undefined where there is nothing.
   */
  async read(position: number, limit: number): Promise<SpoolSlice | undefined> {
    const oldest = this.#recent[0]
    if (oldest !== undefined && position >= oldest.first) return this.#readRecent(position, limit)
    for (;;) {
      const segment = this.#segments.find((one) => one.end > position && one.end > one.first)
      if (segment === undefined) return undefined
      const slice = await this.#readSegment(segment, Math.max(position, segment.first), limit)
      if (slice !== undefined) return slice
      // It was dropped while it was read, or cannot be read; go on behind it.
      position = segment.end
    }
  }

  /** The server has everything below `acknowledged`, and its standby everything below `safe`. */
  async settle(acknowledged: number, safe: number): Promise<void> {
    this.#acknowledged = clamp(acknowledged, this.#acknowledged, this.#next)
    this.#safe = clamp(safe, this.#safe, this.#acknowledged)
    this.#forgetRecent(({ first, entries }) => first + entries.length <= this.#safe)
    const current = this.#handle === undefined ? undefined : this.#segments.at(-1)
    for (let oldest = this.#segments[0]; oldest !== undefined; oldest = this.#segments[0]) {
      if (oldest.end > this.#safe || oldest === current) break
      this.#segments.shift()
      await this.#remove(oldest)
    }
  }

  /** Writes what waits, says for the last time that the agent was alive where that was begun, and lets the files go. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // What is written can leave gaps of what was dropped for it.
    do await this.flush()
    while (this.#hasToWrite() && this.#unwritable === undefined)
    this.#cancelGather?.()
    this.#cancelLife()
    await this.#writing
    this.#writeLife()
    this.#life.close()
    await this.#handle?.close().catch(() => undefined)
    this.#handle = undefined
  }

  // --- Writing

  #hasToWrite(): boolean {
    return this.#waiting.length > 0 || this.#dropped.size > 0
  }

  #writeSoon(delayMs: number): void {
    if (this.#isWriting || this.#cancelGather !== undefined || this.#closed) return
    this.#cancelGather = this.#clock.after(delayMs, () => {
      this.#cancelGather = undefined
      void this.#write()
    })
  }

  /** Writes what waits when it begins, unless the disk refuses. What comes meanwhile is for the next time, or this would not end where the disk is slower. */
  #write(): Promise<void> {
    // One at a time; it never rejects.
    this.#writing = this.#writing.then(async () => {
      this.#isWriting = true
      try {
        this.#recordDropped()
        // Some may be dropped meanwhile, where memory is full.
        for (let left = this.#waiting.length; left > 0 && this.#waiting.length > 0;) {
          const entries = this.#waiting.splice(0, pieceLength(this.#waiting, 0, Math.min(left, maxBlockEntries)))
          left -= entries.length
          await this.#makeDurable(entries)
        }
      } catch (thrown) {
        const message = messageOf(thrown)
        if (this.#unwritable === undefined) this.#options.tell({ event: 'spool unwritable', message })
        this.#unwritable = message
        this.#unwritableSince ??= this.#clock.now()
        this.#boundWaiting()
      } finally {
        this.#isWriting = false
      }
      if (this.#hasToWrite()) this.#writeSoon(this.#unwritable === undefined ? gatherMs : retryMs)
    })
    return this.#writing
  }

  /** @throws where the disk refuses; they wait again then */
  async #makeDurable(entries: readonly SpoolEntry[]): Promise<void> {
    this.#underWay = entries
    try {
      await this.#writeBlock(entries)
    } catch (thrown) {
      this.#waiting = [...entries, ...this.#waiting]
      throw thrown
    } finally {
      this.#underWay = []
    }
    this.#waitingWeight -= totalWeight(entries)
    this.#remember(entries)
    this.#next += entries.length
    if (this.#unwritable !== undefined) {
      this.#unwritable = undefined
      this.#unwritableSince = undefined
      this.#options.tell({ event: 'spool writable' })
    }
    for (const listener of this.#onDurable) listener()
    await this.#limit()
  }

  async #writeBlock(entries: readonly SpoolEntry[]): Promise<void> {
    const at = this.#clock.now()
    const block = encodeBlock(this.#next, at, entries)
    let segment = this.#segments.at(-1)
    if (
      this.#handle === undefined ||
      segment === undefined ||
      segment.bytes + block.length > this.#segmentBytes ||
      at - segment.firstAt > this.#options.maxAgeMs / 24
    ) {
      segment = await this.#beginSegment(at)
    }
    const handle = this.#handle!
    try {
      let written = 0
      while (written < block.length) written += await handle.write(block, written, segment.bytes + written)
      await handle.sync()
    } catch (thrown) {
      // After a failed sync nobody knows what is on the disk, so the segment ends where it was good and another one begins.
      await handle.truncate(segment.bytes).catch(() => undefined)
      await handle.close().catch(() => undefined)
      this.#handle = undefined
      throw thrown
    }
    segment.bytes += block.length
    segment.end = this.#next + entries.length
    segment.lastAt = at
  }

  async #beginSegment(at: number): Promise<Segment> {
    await this.#handle?.close().catch(() => undefined)
    this.#handle = undefined
    const { disk, directory } = this.#options
    const file = join(directory, segmentName(this.#next))
    const handle = await disk.create(file)
    try {
      await handle.write(encodeHeader(this.#spool), 0, 0)
      await handle.sync()
      await disk.syncDirectory(directory)
    } catch (thrown) {
      await handle.close().catch(() => undefined)
      await disk.remove(file).catch(() => undefined)
      throw thrown
    }
    this.#handle = handle
    const segment: Segment = {
      file,
      spool: this.#spool,
      first: this.#next,
      end: this.#next,
      bytes: headerBytes,
      firstAt: at,
      lastAt: at,
    }
    // One that was begun at this very position and never got a block has the same file.
    this.#segments = [...this.#segments.filter((one) => one.file !== file), segment]
    return segment
  }

  #remember(entries: readonly SpoolEntry[]): void {
    this.#recent.push({ spool: this.#spool, first: this.#next, entries })
    this.#recentWeight += totalWeight(entries)
    this.#forgetRecent(() => this.#recentWeight > maxRecentWeight)
  }

  /** But for the last, which may be asked for once more. */
  #forgetRecent(isUnneeded: (oldest: Remembered) => boolean): void {
    while (this.#recent.length > 1 && isUnneeded(this.#recent[0]!))
      this.#recentWeight -= totalWeight(this.#recent.shift()!.entries)
  }

  #writeLife(): void {
    if (this.#aliveAt === undefined) return
    const waiting = Math.min(earliestOf(this.#underWay), earliestOf(this.#waiting))
    this.#life.write({
      // The two records can be overwritten on a full disk. Killed then, what waits in memory is gone, and the gap must reach back over it.
      at: Math.min(this.#unwritableSince ?? Infinity, this.#aliveAt(waiting)),
      next: this.#next,
      acknowledged: this.#acknowledged,
      safe: this.#safe,
    })
  }

  // --- Bounds

  async #limit(): Promise<void> {
    for (
      let oldest = this.#segments[0];
      oldest !== undefined && this.#segments.length > 1;
      oldest = this.#segments[0]
    ) {
      const tooOld = this.#clock.now() - oldest.lastAt > this.#options.maxAgeMs
      const bytes = this.#segments.reduce((sum, one) => sum + one.bytes, 0)
      if (bytes <= this.#options.maxBytes && !tooOld) return
      const lost = await this.#lostWith(oldest)
      // The server may have taken it while it was read.
      if (this.#segments[0] !== oldest) continue
      this.#segments.shift()
      await this.#remove(oldest)
      const why = tooOld ? 'it is older than the spool may be' : 'the spool is full'
      if (lost.count > 0) {
        this.#wait(lost.gaps.map((gap) => ({ ...gap, reason: `lost: ${why}` })))
        this.#options.tell({ event: 'spool overflowed', entries: lost.count, why })
      }
    }
  }

  /** What the server has not yet of a segment, as gaps. */
  async #lostWith(segment: Segment): Promise<{ count: number; gaps: GapRecord[] }> {
    const stretches = new Map<string, Stretch>()
    const gaps: GapRecord[] = []
    let count = 0
    for (let at = Math.max(segment.first, this.#acknowledged); at < segment.end;) {
      const slice = await this.#readSegment(segment, at, maxBlockEntries)
      if (slice === undefined) break
      for (const entry of slice.entries) {
        count++
        if (entry.kind === 'run') widen(stretches, entry.task, entry.slot)
        else gaps.push(entry)
      }
      at = slice.from + slice.entries.length
    }
    return { count, gaps: [...gaps, ...this.#gapsOf(stretches)] }
  }

  #gapsOf(stretches: ReadonlyMap<string, Stretch>): GapRecord[] {
    return [...stretches].map(([task, { from, to }]) => ({
      kind: 'gap',
      task,
      from,
      to,
      outcome: 'lost',
      // Of a task that is gone meanwhile nobody knows the period; one slot is the least that was lost.
      periodMs: this.#options.periodOf(task) ?? Math.max(1, to - from),
      reason: 'lost',
    }))
  }

  #wait(entries: readonly SpoolEntry[]): void {
    for (const entry of entries) this.#waiting.push(entry)
    this.#waitingWeight += totalWeight(entries)
  }

  /** Drops the oldest tenth of what waits where it is too much; a gap record for each task is left in its place. */
  #boundWaiting(): void {
    const max = maxWaitingWeight[this.#unwritable === undefined ? 'writable' : 'unwritable']
    if (this.#waitingWeight <= max) return
    let count = 0
    for (let weight = 0; this.#waitingWeight - weight > 0.9 * max; count++) weight += weightOf(this.#waiting[count]!)
    const dropped = this.#waiting.splice(0, count)
    this.#waitingWeight -= totalWeight(dropped)
    for (const entry of dropped) {
      if (entry.kind === 'run') widen(this.#dropped, entry.task, entry.slot)
      else {
        widen(this.#dropped, entry.task, entry.from)
        widen(this.#dropped, entry.task, entry.to)
      }
    }
    const why = 'the disk cannot be written and the memory for it is full'
    this.#options.tell({ event: 'spool overflowed', entries: dropped.length, why })
  }

  #recordDropped(): void {
    if (this.#dropped.size === 0) return
    const reason = 'lost: the agent could not write its disk'
    this.#wait(this.#gapsOf(this.#dropped).map((gap) => ({ ...gap, reason })))
    this.#dropped.clear()
  }

  async #remove(segment: Segment): Promise<void> {
    if (this.#cache?.file === segment.file) this.#cache = undefined
    // A file that cannot be removed is found again at the next start, and what is in it counts once anyway.
    await this.#options.disk.remove(segment.file).catch(() => undefined)
  }

  // --- Reading

  #readRecent(position: number, limit: number): SpoolSlice | undefined {
    const entries: SpoolEntry[] = []
    let found: { spool: string; from: number } | undefined
    for (const block of this.#recent) {
      const skip = Math.max(0, position - block.first)
      if (skip >= block.entries.length) continue
      if (found === undefined) found = { spool: block.spool, from: block.first + skip }
      else if (block.first !== found.from + entries.length) break
      const end = skip + pieceLength(block.entries, skip, limit - entries.length)
      for (let i = skip; i < end; i++) entries.push(block.entries[i]!)
      if (entries.length >= limit || end < block.entries.length || totalWeight(entries) > maxPieceWeight) break
    }
    return found === undefined ? undefined : { ...found, entries }
  }

  async #readSegment(segment: Segment, position: number, limit: number): Promise<SpoolSlice | undefined> {
    const bytes = await this.#bytesOf(segment)
    if (bytes === undefined) return undefined
    const entries: SpoolEntry[] = []
    let from: number | undefined
    for (let block = findBlock(bytes, headerBytes); block !== undefined; block = nextBlock(bytes, block)) {
      if (block.first + block.count <= position) continue
      const skip = Math.max(0, position - block.first)
      from ??= block.first + skip
      // Behind a damaged stretch another slice begins: a slice has no holes.
      if (block.first + skip !== from + entries.length) break
      const all = entriesOf(bytes, block)
      const end = skip + pieceLength(all, skip, limit - entries.length)
      for (let i = skip; i < end; i++) entries.push(all[i]!)
      if (entries.length >= limit || end < all.length || totalWeight(entries) > maxPieceWeight) break
    }
    return from === undefined ? undefined : { spool: segment.spool, from, entries }
  }

  /** A segment that is drained is read once, and a few megabytes stay in memory for the while. */
  async #bytesOf(segment: Segment): Promise<Buffer | undefined> {
    const size = segment.bytes
    if (this.#cache?.file === segment.file && this.#cache.size === size) return this.#cache.bytes
    try {
      const bytes = (await this.#options.disk.read(segment.file)).subarray(0, size)
      this.#cache = { file: segment.file, bytes, size }
      return bytes
    } catch {
      return undefined
    }
  }
}

/** About as many bytes as an entry takes in memory. A result of a scrape may be a thousand times one of a port. */
function weightOf(entry: SpoolEntry): number {
  return entry.kind === 'run' ? 400 + 150 * entry.samples.length : 200
}

/** The first slot of which they tell; Infinity where there are none. */
function earliestOf(entries: readonly SpoolEntry[]): number {
  let earliest = Infinity
  for (const entry of entries) earliest = Math.min(earliest, entry.kind === 'run' ? entry.slot : entry.from)
  return earliest
}

function totalWeight(entries: readonly SpoolEntry[]): number {
  let weight = 0
  for (const entry of entries) weight += weightOf(entry)
  return weight
}

/** How many entries from `start` on make one piece: at least one, and not much more than `maxPieceWeight`. */
function pieceLength(entries: readonly SpoolEntry[], start: number, limit: number): number {
  const end = Math.min(entries.length, start + limit)
  let weight = 0
  for (let i = start; i < end; i++) {
    weight += weightOf(entries[i]!)
    if (weight > maxPieceWeight) return i - start + 1
  }
  return end - start
}

interface Stretch {
  from: number
  to: number
}

function widen(stretches: Map<string, Stretch>, task: string, slot: number): void {
  const known = stretches.get(task)
  if (known === undefined) stretches.set(task, { from: slot, to: slot })
  else {
    known.from = Math.min(known.from, slot)
    known.to = Math.max(known.to, slot)
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value))
}

function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.segment`
}

function nextBlock(bytes: Buffer, block: BlockPlace): BlockPlace | undefined {
  const end = block.offset + block.bytes
  // Checked blocks follow each other; only past damage the next one has to be looked for.
  return blockAt(bytes, end) ?? findBlock(bytes, end)
}

interface Found {
  readonly segments: Segment[]
  readonly damaged: { from: number; to: number }[]
}

/** Looks through all segments; what is torn or damaged is put aside as `*.damaged` and told. */
async function recover(options: SpoolOptions, life: Life | undefined): Promise<Found> {
  const { disk, directory, tell, clock } = options
  const segments: Segment[] = []
  const damaged: { from: number; to: number }[] = []
  const names = (await disk.list(directory)).filter((name) => /^\d{16}\.segment$/.test(name)).sort()
  const until = life?.at ?? clock.now()
  let before = until - options.maxAgeMs
  for (const name of names) {
    const file = join(directory, name)
    const bytes = await disk.read(file)
    const spool = decodeHeader(bytes)
    if (spool === undefined) {
      // A segment that was just being begun has no entries yet; anything else is not ours to read.
      if (bytes.length < headerBytes) await disk.remove(file)
      else {
        await disk.rename(file, `${file}.damaged`)
        damaged.push({ from: before, to: Math.max(before, await disk.modifiedAt(`${file}.damaged`)) })
        tell({ event: 'spool damaged', file, message: 'the file is not a segment of a spool' })
      }
      continue
    }
    let good = headerBytes
    const parts: Buffer[] = []
    let segment: Segment | undefined
    for (let block = findBlock(bytes, headerBytes); block !== undefined; block = nextBlock(bytes, block)) {
      if (block.offset > good) {
        parts.push(bytes.subarray(good, block.offset))
        damaged.push({ from: before, to: block.at })
      }
      segment ??= {
        file,
        spool,
        first: block.first,
        end: block.first,
        bytes: headerBytes,
        firstAt: block.at,
        lastAt: block.at,
      }
      good = block.offset + block.bytes
      segment.end = block.first + block.count
      segment.bytes = good
      segment.lastAt = block.at
      before = block.at
    }
    if (good < bytes.length) {
      parts.push(bytes.subarray(good))
      damaged.push({ from: before, to: Math.max(before, until) })
      await disk.write(`${file}.damaged`, Buffer.concat(parts))
      await disk.truncate(file, good)
    } else if (parts.length > 0) await disk.write(`${file}.damaged`, Buffer.concat(parts))
    if (parts.length > 0) {
      const lost = parts.reduce((sum, part) => sum + part.length, 0)
      tell({ event: 'spool damaged', file, message: `${lost} bytes cannot be read and were put aside` })
    }
    if (segment !== undefined) segments.push(segment)
    else await disk.remove(file)
  }
  return { segments, damaged }
}
