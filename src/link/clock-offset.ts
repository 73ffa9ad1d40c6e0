import type { Clock } from '../base/index.ts'

/** The four moments of one exchange: two by our own monotonic clock, two by the server's. Milliseconds. */
export interface ExchangeTimes {
  /** Our `elapsed` when the request was sent. */
  readonly sentAt: number
  /** Server time when it came in. */
  readonly receivedAt: number
  /** Server time when the answer left; a long poll may lie between. */
  readonly answeredAt: number
  /** Our `elapsed` when the answer was here. */
  readonly gotAt: number
}

export interface OffsetSample {
  /** Server time minus our `elapsed`. */
  readonly offsetMs: number
  /** How long the request and the answer were on their way, together. */
  readonly rttMs: number
  /** How far the offset may have been from the truth when it was taken. */
  readonly errorMs: number
  /** Our `elapsed` when it was taken. */
  readonly at: number
}

/** Two ordinary quartzes drift apart by less than this: 200 ms in 1,000 s would be a broken one. */
const driftPerMs = 2e-4
const keptSamples = 16

/** @returns undefined where the moments contradict each other: a clock was set amid the exchange */
export function sampleOf({ sentAt, receivedAt, answeredAt, gotAt }: ExchangeTimes): OffsetSample | undefined {
  const rttMs = gotAt - sentAt - (answeredAt - receivedAt)
  const slackMs = 1 + (answeredAt - receivedAt) * driftPerMs
  if (!(answeredAt >= receivedAt) || !(rttMs >= -slackMs)) return undefined
  return {
    offsetMs: (receivedAt - sentAt + answeredAt - gotAt) / 2,
    rttMs: Math.max(0, rttMs),
    // Half of the way, a millisecond since the server's wall clock counts whole ones, and what the clocks drift while it thinks.
    errorMs: slackMs + Math.max(0, rttMs) / 2,
    at: gotAt,
  }
}

/** How far a sample may be from the truth by now. */
export function errorBound(sample: OffsetSample, at: number): number {
  return sample.errorMs + Math.max(0, at - sample.at) * driftPerMs
}

/**
 * The samples that are still worth keeping, the best one first: of the last few the one that bounds the error most tightly, which is the
 * quickest unless it has grown old. A new sample that no error of the best could explain means that the server's clock was set, or that
 * our own stood still while the machine slept: everything older is then forgotten.
 */
export function withSample(samples: readonly OffsetSample[], sample: OffsetSample): readonly OffsetSample[] {
  const best = samples[0]
  const bound = errorBound(sample, sample.at)
  if (best !== undefined && Math.abs(best.offsetMs - sample.offsetMs) > errorBound(best, sample.at) + bound)
    return [sample]
  return [...samples, sample]
    .sort((a, b) => b.at - a.at)
    .slice(0, keptSamples)
    .sort((a, b) => errorBound(a, sample.at) - errorBound(b, sample.at))
}

/**
 * Server time on an agent: its own monotonic clock plus the offset that the exchanges measured. The wall clock is asked once, at the
 * beginning, since before the first exchange there is nothing better; whoever sets it afterwards changes nothing here.
 */
export class ServerClock implements Clock {
  readonly #local: Clock
  readonly #firstOffset: number
  #samples: readonly OffsetSample[] = []

  /** @param wallOffsetMs server time minus our wall clock as it was measured before the last end, for starts with no server in reach */
  constructor(local: Clock, wallOffsetMs = 0) {
    this.#local = local
    this.#firstOffset = local.now() + wallOffsetMs - local.elapsed()
  }

  now(): number {
    return Math.round(this.#local.elapsed() + this.#offset)
  }

  elapsed(): number {
    return this.#local.elapsed()
  }

  after(delayMs: number, act: () => void): () => void {
    return this.#local.after(delayMs, act)
  }

  get #offset(): number {
    return this.#samples[0]?.offsetMs ?? this.#firstOffset
  }

  observe(times: ExchangeTimes): void {
    const sample = sampleOf(times)
    if (sample !== undefined) this.#samples = withSample(this.#samples, sample)
  }

  /** A server that refuses our time says its own: what was measured before is worth nothing. */
  correct(times: ExchangeTimes): void {
    const sample = sampleOf(times)
    if (sample !== undefined) this.#samples = [sample]
  }

  /** Undefined before the first exchange. `wallOffsetMs` is what people see and what is kept for the next start. */
  status(): { readonly wallOffsetMs: number; readonly rttMs: number; readonly errorMs: number } | undefined {
    const best = this.#samples[0]
    if (best === undefined) return undefined
    const elapsed = this.#local.elapsed()
    return {
      wallOffsetMs: Math.round(elapsed + best.offsetMs - this.#local.now()),
      rttMs: best.rttMs,
      errorMs: errorBound(best, elapsed),
    }
  }
}
