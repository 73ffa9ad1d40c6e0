import { severityOf, type Condition, type RuleHold, type Severity, type SeverityOrClear } from '../model/index.ts'

/** A rule as it judges one item: its thresholds in the item's unit. */
export interface ItemRule {
  /** Mildest first. */
  readonly conditions: readonly Condition[]
  readonly hold: RuleHold
  readonly clearAfter: number
  readonly noData?: { readonly afterMs: number; readonly severity: Severity } | undefined
  /** The task's period; the times of flapping follow it where it is long. */
  readonly periodMs: number
}

/**
 * The life of one item under one rule. All moments are slots (or, for silence, the slot of the last value), epoch milliseconds.
 *
 *            breach                  held: for a time, or in n of m runs
 *   calm ──────────────▶ pending ────────────────────────────────────────▶ raised ◀─┐ breach again: severity follows
 *    ▲ ▲                    │                                              │ │ │    │ no value for so long: cause `no data`
 *    │ └──good, or absent───┘                                              │ │ └────┘
 *    ├────────────── `clearAfter` good runs, or absent in 3 good runs ◀────┘ │
 *    │                                                                       │ cleared by hand
 *    └──────────────────────── good once ◀──────────── muted ◀───────────────┘
 *
 * Flapping: the 4th raise within an hour (20 periods where that is longer) is held open until the item was good for 15 minutes (5 periods)
 * on end. Fewer raises are a bad hour; without a bound an item on the edge rings the phone every minute.
 */
export type ItemState =
  /** `raises`: when it was raised lately; empty where there is nothing to remember. */
  | { readonly is: 'calm'; readonly raises: readonly number[] }
  | {
      readonly is: 'pending'
      readonly since: number
      /** The last runs as bits, the latest lowest, 1 for a breach; used by `n of m`. */
      readonly runs: number
      readonly raises: readonly number[]
    }
  | {
      readonly is: 'raised'
      readonly since: number
      readonly severity: Severity
      readonly cause: Cause
      readonly flapping: boolean
      /** Good runs in a row, and when they began. */
      readonly good: number
      readonly goodSince: number
      /** Runs in a row in which the item was not there. */
      readonly absent: number
      readonly raises: readonly number[]
    }
  | { readonly is: 'muted'; readonly since: number; readonly absent: number; readonly raises: readonly number[] }

export type Cause = 'breach' | 'no data'

export type Observation =
  | { readonly is: 'value'; readonly value: number }
  /** The run measured its target, and the item was not there. */
  | { readonly is: 'absent' }
  /** No value for `noData.afterMs`, whether runs fail, do not happen, or the item is not there. */
  | { readonly is: 'silence'; readonly since: number }
  /** Silent for so long that nobody waits for it any more. */
  | { readonly is: 'gone' }
  | { readonly is: 'cleared by hand' }

export type Effect =
  | {
      readonly is: 'raise'
      readonly since: number
      readonly severity: Severity
      readonly cause: Cause
      readonly flapping: boolean
    }
  | { readonly is: 'change'; readonly severity: Severity; readonly cause: Cause }
  /** The same again: the value may be another. */
  | { readonly is: 'repeat' }
  | { readonly is: 'clear'; readonly why: 'good' | 'vanished' | 'gone' }

export interface Step {
  readonly state: ItemState
  readonly effect?: Effect
}

export const calm: ItemState = { is: 'calm', raises: [] }

const flapRaises = 4
const flapWindow = (periodMs: number) => Math.max(3_600_000, 20 * periodMs)
const flapCalm = (periodMs: number) => Math.max(900_000, 5 * periodMs)
/** One run without an item may be the target's hiccup; three are its absence. */
const absentRuns = 3

export function step(rule: ItemRule, state: ItemState, seen: Observation, at: number): Step {
  switch (seen.is) {
    case 'value': {
      const held = state.is === 'raised' && state.cause === 'breach' ? state.severity : 'CLEAR'
      return stepValue(rule, state, severityOf(rule.conditions, seen.value, held), at)
    }
    case 'absent':
      return stepAbsent(rule, state, at)
    case 'silence':
      return stepSilence(rule, state, seen.since, at)
    case 'gone':
      return state.is === 'raised' ? { state: calm, effect: { is: 'clear', why: 'gone' } } : { state: calm }
    case 'cleared by hand':
      return state.is === 'raised'
        ? { state: { is: 'muted', since: state.since, absent: 0, raises: state.raises } }
        : { state }
  }
}

function stepValue(rule: ItemRule, state: ItemState, severity: SeverityOrClear, at: number): Step {
  switch (state.is) {
    case 'calm':
    case 'pending':
      return severity === 'CLEAR' ? stayCalm(rule, state, at) : hold(rule, state, severity, at)
    case 'raised': {
      if (severity !== 'CLEAR') {
        const next = { ...state, severity, cause: 'breach', good: 0, absent: 0 } as const
        const same = state.severity === severity && state.cause === 'breach'
        return { state: next, effect: same ? { is: 'repeat' } : { is: 'change', severity, cause: 'breach' } }
      }
      const good = state.good + 1
      const goodSince = state.good === 0 ? at : state.goodSince
      const enough = good >= rule.clearAfter && (!state.flapping || at - goodSince >= flapCalm(rule.periodMs))
      if (!enough) return { state: { ...state, good, goodSince, absent: 0 } }
      // What flapped and came to rest starts a fresh count: otherwise its next honest alarm were held open, too.
      return {
        state: calmWith(state.flapping ? [] : recent(rule, state.raises, at)),
        effect: { is: 'clear', why: 'good' },
      }
    }
    case 'muted':
      return severity === 'CLEAR'
        ? { state: calmWith(recent(rule, state.raises, at)) }
        : { state: { ...state, absent: 0 } }
  }
}

function stayCalm(rule: ItemRule, state: ItemState & { is: 'calm' | 'pending' }, at: number): Step {
  if (state.is === 'pending' && rule.hold.is === 'of') {
    const runs = (state.runs << 1) & mask(rule.hold.m)
    if (runs !== 0) return { state: { ...state, runs } }
  }
  return { state: state.raises.length === 0 ? calm : calmWith(recent(rule, state.raises, at)) }
}

function hold(rule: ItemRule, state: ItemState & { is: 'calm' | 'pending' }, severity: Severity, at: number): Step {
  const since = state.is === 'pending' ? state.since : at
  const before = state.is === 'pending' ? state.runs : 0
  const runs = rule.hold.is === 'of' ? ((before << 1) | 1) & mask(rule.hold.m) : 0
  return isHeld(rule.hold, at - since, runs)
    ? raise(rule, state, { since, severity, cause: 'breach' }, at)
    : { state: { is: 'pending', since, runs, raises: state.raises } }
}

function isHeld(hold: RuleHold, forMs: number, runs: number): boolean {
  switch (hold.is) {
    case 'once':
      return true
    case 'for':
      return forMs >= hold.ms
    case 'of':
      return ones(runs) >= hold.n
  }
}

function raise(
  rule: ItemRule,
  state: ItemState & { is: 'calm' | 'pending' },
  what: { since: number; severity: Severity; cause: Cause },
  at: number,
): Step {
  const raises = [...recent(rule, state.raises, at), at]
  const flapping = raises.length >= flapRaises
  return {
    state: { is: 'raised', ...what, flapping, good: 0, goodSince: at, absent: 0, raises },
    effect: { is: 'raise', ...what, flapping },
  }
}

function stepAbsent(rule: ItemRule, state: ItemState, at: number): Step {
  switch (state.is) {
    case 'calm':
    case 'pending':
      return { state: calmWith(recent(rule, state.raises, at)) }
    case 'raised': {
      // Where a rule has words for missing values, they decide: absence must not clear what it is about to raise.
      if (rule.noData !== undefined) return { state }
      const absent = state.absent + 1
      return absent >= absentRuns
        ? { state: calm, effect: { is: 'clear', why: 'vanished' } }
        : { state: { ...state, absent } }
    }
    case 'muted': {
      const absent = state.absent + 1
      return { state: absent >= absentRuns ? calm : { ...state, absent } }
    }
  }
}

function stepSilence(rule: ItemRule, state: ItemState, since: number, at: number): Step {
  if (rule.noData === undefined) return { state }
  const { severity } = rule.noData
  switch (state.is) {
    case 'calm':
    case 'pending':
      return raise(rule, state, { since, severity, cause: 'no data' }, at)
    case 'raised':
      if (state.cause === 'no data') return { state }
      return {
        state: { ...state, severity, cause: 'no data', good: 0 },
        effect: { is: 'change', severity, cause: 'no data' },
      }
    case 'muted':
      return { state }
  }
}

function calmWith(raises: readonly number[]): ItemState {
  return raises.length === 0 ? calm : { is: 'calm', raises }
}

function recent(rule: ItemRule, raises: readonly number[], at: number): readonly number[] {
  const from = at - flapWindow(rule.periodMs)
  return raises.every((one) => one > from) ? raises : raises.filter((one) => one > from)
}

const mask = (m: number) => 2 ** m - 1

function ones(bits: number): number {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++
  return count
}
