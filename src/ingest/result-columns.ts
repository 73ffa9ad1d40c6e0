import { deflateRawSync, inflateRawSync } from 'node:zlib'
import {
  ByteReader,
  ByteWriter,
  packIntegers,
  packNumbers,
  unpackIntegers,
  unpackNumbers,
  type Packing,
} from '../base/index.ts'
import { outcomes, type RunOutcome, type Slot } from '../model/index.ts'
import { readTexts, writeTexts } from './ledger.ts'

/** One run as it is kept. Its metrics are with the samples, under the time of its slot. */
export interface StoredRun {
  readonly slot: Slot
  readonly startedAt: number
  /** Milliseconds, to the microsecond. */
  readonly durationMs: number
  readonly outcome: RunOutcome
  readonly agent: string
  /** It arrived after a newer slot of its task, or long after its time. */
  readonly late: boolean
  /** The agent was itself cut off. */
  readonly isolated: boolean
  /** '' where there is none. */
  readonly reason: string
  /** '' where there is none. */
  readonly message: string
}

const format = 1
const deflated = 2

/** Writes the runs of one task in columns: what repeats, which is nearly everything, takes next to nothing. */
export function encodeRuns(start: number, runs: readonly StoredRun[]): Uint8Array {
  return encode(start, runs, 'usual')
}

/** The same for what is seldom written and kept for long: deflated where that makes it smaller. */
export function encodeLastingRuns(start: number, runs: readonly StoredRun[]): Uint8Array {
  const plain = encode(start, runs, 'dense')
  const body = deflateRawSync(plain.subarray(1), { level: 1 })
  if (body.length >= plain.length - 1) return plain
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = deflated
  bytes.set(body, 1)
  return bytes
}

function encode(start: number, runs: readonly StoredRun[], packing: Packing): Uint8Array {
  const out = new ByteWriter(64 + 4 * runs.length)
  // Not `Float64Array.from`, whose iterator took 5 % of the thread that seals.
  const column = (of: (run: StoredRun) => number) => {
    const values = new Float64Array(runs.length)
    for (let i = 0; i < values.length; i++) values[i] = of(runs[i]!)
    return values
  }
  out.byte(format)
  out.varint(runs.length)
  packIntegers(
    out,
    column((run) => run.slot - start),
  )
  packIntegers(
    out,
    column((run) => run.startedAt - run.slot),
    packing,
  )
  packNumbers(
    out,
    column((run) => run.durationMs),
    packing,
  )
  packIntegers(
    out,
    column((run) => outcomes.indexOf(run.outcome) + (run.late ? 4 : 0) + (run.isolated ? 8 : 0)),
  )
  for (const text of ['agent', 'reason', 'message'] as const) {
    const texts = textsOf(runs, text)
    writeTexts(out, texts)
    if (texts.length === 1) continue
    const numbers = new Map(texts.map((each, i) => [each, i]))
    packIntegers(
      out,
      column((run) => numbers.get(run[text])!),
    )
  }
  return out.done()
}

/** In the order in which they first occur; mostly all runs have the same. */
function textsOf(runs: readonly StoredRun[], text: 'agent' | 'reason' | 'message'): readonly string[] {
  const first = runs[0]?.[text]
  return runs.every((run) => run[text] === first) && first !== undefined
    ? [first]
    : [...new Set(runs.map((run) => run[text]))]
}

/** Reads runs of either kind. @throws Error where the bytes are not such runs */
export function decodeRuns(start: number, bytes: Uint8Array): readonly StoredRun[] {
  const found = bytes[0]
  if (found !== format && found !== deflated) throw new RangeError(`results of format ${found} cannot be read`)
  const from = new ByteReader(found === deflated ? inflateRawSync(bytes.subarray(1)) : bytes.subarray(1))
  const count = from.varint()
  const slots = unpackIntegers(from, count)
  const delays = unpackIntegers(from, count)
  const durations = unpackNumbers(from, count)
  const codes = unpackIntegers(from, count)
  const [agents, reasons, messages] = Array.from({ length: 3 }, () => {
    const texts = readTexts(from)
    const numbers = texts.length > 1 ? unpackIntegers(from, count) : undefined
    return (i: number) => texts[numbers?.[i] ?? 0]!
  })
  return Array.from({ length: count }, (_, i) => {
    const slot = slots[i]! + start
    const code = codes[i]!
    return {
      slot,
      startedAt: slot + delays[i]!,
      durationMs: durations[i]!,
      // Only runs are written, and theirs are the first three.
      outcome: outcomes[code & 3] as RunOutcome,
      agent: agents!(i),
      late: (code & 4) > 0,
      isolated: (code & 8) > 0,
      reason: reasons!(i),
      message: messages!(i),
    }
  })
}

/** Both together by slot; the later given wins, being the same but after a crash amid sealing. */
export function mergeRuns(earlier: readonly StoredRun[], later: readonly StoredRun[]): readonly StoredRun[] {
  // Later ones lie behind nearly always; by slot in a map each took twice as long to put together as to write.
  if (ascends(later) && (earlier.length === 0 || (later.length > 0 && earlier.at(-1)!.slot < later[0]!.slot)))
    return earlier.length === 0 ? later : [...earlier, ...later]
  const bySlot = new Map<number, StoredRun>()
  for (const run of earlier) bySlot.set(run.slot, run)
  for (const run of later) bySlot.set(run.slot, run)
  return [...bySlot.values()].sort((a, b) => a.slot - b.slot)
}

function ascends(runs: readonly StoredRun[]): boolean {
  for (let i = 1; i < runs.length; i++) if (runs[i]!.slot <= runs[i - 1]!.slot) return false
  return true
}
