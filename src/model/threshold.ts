import { compareSeverity, severities, type Severity, type SeverityOrClear } from './severity.ts'
import { formatAmount, parseAmount, spellingsOf, type Unit } from './unit.ts'

/** When a value is a breach. Amounts are in the metric's unit. */
export type Threshold =
  | { readonly is: '>' | '>=' | '<' | '<=' | '==' | '!='; readonly than: number }
  | { readonly is: 'outside' | 'inside'; readonly low: number; readonly high: number }

/** One threshold with its severity, and how far a value must come back past it to be good again (`back`, in the metric's unit). */
export interface Condition {
  readonly severity: Severity
  readonly threshold: Threshold
  readonly back: number
}

export type ThresholdRead = { readonly threshold: Threshold } | { readonly wrong: string; readonly hint: string }

/**
 * Reads `> 2s`, `<= 10 %`, `== 0`, `outside 10..20`, `inside 1GiB..2GiB` for a metric of a unit. `inside` takes its ends along,
 * `outside` does not.
 */
export function parseThreshold(text: string, unit: Unit): ThresholdRead {
  const known = spellingsOf(unit)
  const hint =
    `Such as "> ${unit === '' ? '80' : `80${unit}`}"; comparisons are > >= < <= == !=, ranges "outside 10..20" and "inside 10..20"` +
    (known.length === 0 ? '; the metric is a plain number.' : `; units: ${known.join(' ')}.`)
  const range = /^(outside|inside)\s+(.{1,40}?)\s*\.\.\s*(.{1,40})$/.exec(text.trim())
  if (range !== null) {
    const low = parseAmount(range[2]!, unit)
    const high = parseAmount(range[3]!, unit)
    if (low === undefined || high === undefined)
      return { wrong: amountWrong(low === undefined ? range[2]! : range[3]!, unit), hint }
    if (low > high) return { wrong: 'is a range whose end is below its beginning', hint }
    return { threshold: { is: range[1] as 'outside' | 'inside', low, high } }
  }
  const found = /^(>=|<=|==|!=|>|<)\s*(.{1,60})$/.exec(text.trim())
  if (found === null) return { wrong: 'is not a threshold', hint }
  const than = parseAmount(found[2]!, unit)
  if (than === undefined) return { wrong: amountWrong(found[2]!, unit), hint }
  return { threshold: { is: found[1] as '>', than } }
}

const amountWrong = (text: string, unit: Unit) =>
  `holds "${text.trim()}", which is not an amount ${unit === '' ? 'without a unit' : `that can be compared with a metric in ${unit}`}`

/** Whether a value breaches. */
export function breaches(threshold: Threshold, value: number): boolean {
  return beyond(threshold, value, 0)
}

/** As `breaches`, with the threshold moved by `back` towards the good side. A value that came back by all of it is good. */
function beyond(threshold: Threshold, value: number, back: number): boolean {
  switch (threshold.is) {
    case '>':
      return value > threshold.than - back
    case '>=':
      return back === 0 ? value >= threshold.than : value > threshold.than - back
    case '<':
      return value < threshold.than + back
    case '<=':
      return back === 0 ? value <= threshold.than : value < threshold.than + back
    case '==':
      return back === 0 ? value === threshold.than : Math.abs(value - threshold.than) < back
    case '!=':
      return value !== threshold.than
    case 'outside':
      return value < threshold.low + back || value > threshold.high - back
    case 'inside':
      return back === 0
        ? value >= threshold.low && value <= threshold.high
        : value > threshold.low - back && value < threshold.high + back
  }
}

/**
 * How bad a value is. `held` is the severity of the alarm that stands (`CLEAR` for none): its threshold and milder ones hold on until
 * the value has come back by the hysteresis, so that a value on the edge does not climb up and down.
 */
export function severityOf(conditions: readonly Condition[], value: number, held: SeverityOrClear): SeverityOrClear {
  let worst: SeverityOrClear = 'CLEAR'
  for (const { severity, threshold, back } of conditions) {
    if (compareSeverity(severity, worst) <= 0) continue
    if (beyond(threshold, value, compareSeverity(severity, held) <= 0 ? back : 0)) worst = severity
  }
  return worst
}

/** The threshold in words for a message: `above 80 %`. */
export function describeThreshold(threshold: Threshold, unit: Unit): string {
  switch (threshold.is) {
    case '>':
      return `above ${formatAmount(threshold.than, unit)}`
    case '>=':
      return `at or above ${formatAmount(threshold.than, unit)}`
    case '<':
      return `below ${formatAmount(threshold.than, unit)}`
    case '<=':
      return `at or below ${formatAmount(threshold.than, unit)}`
    case '==':
      return `equal to ${formatAmount(threshold.than, unit)}`
    case '!=':
      return `other than ${formatAmount(threshold.than, unit)}`
    case 'outside':
    case 'inside':
      return `${threshold.is} ${formatAmount(threshold.low, unit)} to ${formatAmount(threshold.high, unit)}`
  }
}

/**
 * The hysteresis of one threshold in the metric's unit. An amount is taken as it is; a share (`5%`) is that part of the threshold, of
 * a range's width for ranges. On a metric that is itself in %, `5%` means five points.
 * @returns undefined where the text is neither
 */
export function parseHysteresis(text: string, threshold: Threshold, unit: Unit): number | undefined {
  const amount = parseAmount(text, unit)
  if (amount !== undefined) return amount >= 0 ? amount : undefined
  const share = parseAmount(text, '%')
  if (share === undefined || share < 0 || share > 100) return undefined
  const whole = 'than' in threshold ? Math.abs(threshold.than) : threshold.high - threshold.low
  return (whole * share) / 100
}

const letters: Readonly<Record<string, SeverityOrClear>> = {
  G: 'CLEAR',
  I: 'INFO',
  W: 'WARNING',
  N: 'MINOR',
  M: 'MAJOR',
  C: 'CRITICAL',
}

export type StepsRead =
  | { readonly thresholds: Partial<Record<Severity, string>>; readonly backs: Partial<Record<Severity, string>> }
  | { readonly wrong: string; readonly hint: string }

/**
 * Reads the notation of steps between states, as other tools export it: `G2W:80 W2M:90`. The letters are G good, I INFO, W WARNING,
 * N MINOR, M MAJOR, C CRITICAL; `G2W:80` is the step from good to WARNING at 80. A step upwards gives the worse state its threshold,
 * a step downwards (`W2G:70`) says where it ends. Values that rise with the severity mean "at or above", falling ones "at or below"; one step
 * alone means "at or above", unless its way back lies above it.
 */
export function readSteps(text: string): StepsRead {
  const hint = 'Such as "G2W:80 W2M:90": letters G good, I INFO, W WARNING, N MINOR, M MAJOR, C CRITICAL.'
  const up = new Map<Severity, string>()
  const down = new Map<Severity, string>()
  for (const word of text.trim().split(/[\s,;]+/)) {
    const found = /^([A-Z])2([A-Z]):([+-]?\d.{0,30})$/i.exec(word)
    const from = letters[found?.[1]?.toUpperCase() ?? '']
    const to = letters[found?.[2]?.toUpperCase() ?? '']
    if (found === null || from === undefined || to === undefined || from === to)
      return { wrong: `holds "${word.slice(0, 40)}", which is not a step between two states`, hint }
    const side = compareSeverity(to, from) > 0 ? up : down
    const severity = side === up ? to : from
    if (severity === 'CLEAR') return { wrong: `holds "${word}", which ends nowhere`, hint }
    if (side.has(severity)) return { wrong: `says twice where ${severity} ${side === up ? 'begins' : 'ends'}`, hint }
    side.set(severity, found[3]!)
  }
  if (up.size === 0) return { wrong: 'has no step upwards', hint }
  const number = (amount: string) => Number.parseFloat(amount)
  const ladder = severities.filter((severity) => up.has(severity)).map((severity) => number(up.get(severity)!))
  const rises = ladder.every((value, i) => i === 0 || value > ladder[i - 1]!)
  const falls = ladder.every((value, i) => i === 0 || value < ladder[i - 1]!)
  if (!rises && !falls) return { wrong: 'neither rises nor falls with the severity', hint }
  const backAbove = [...down].some(([severity, back]) => up.has(severity) && number(back) > number(up.get(severity)!))
  const falling = ladder.length > 1 ? falls : backAbove
  const thresholds: Partial<Record<Severity, string>> = {}
  const backs: Partial<Record<Severity, string>> = {}
  for (const [severity, amount] of up) thresholds[severity] = `${falling ? '<=' : '>='} ${amount}`
  for (const [severity, amount] of down) {
    const begins = up.get(severity)
    if (begins === undefined) return { wrong: `says where ${severity} ends but not where it begins`, hint }
    if (falling ? number(amount) < number(begins) : number(amount) > number(begins))
      return { wrong: `ends ${severity} on its bad side`, hint }
    backs[severity] = amount
  }
  return { thresholds, backs }
}
