import { at, parseDuration, suggest, type Checked, type Problem } from '../base/index.ts'
import { inOwnWords, isInactive, knownRowKeys } from './known-row.ts'
import { matches, names, parseMatcher, type Matcher } from './matcher.ts'
import { compareSeverity, severities, type Severity } from './severity.ts'
import { parseHysteresis, parseThreshold, readSteps, type Condition } from './threshold.ts'
import { formatAmount, parseAmount, units, type Unit } from './unit.ts'

/**
 * One row of a surveillance table as people write it, in the configuration document and as the default of a monitor.
 * `checkRules` turns rows into `Rule`s, or says what is wrong with them.
 */
export interface RuleDocument {
  /** Names the row; without one its metric and place do. */
  readonly name?: string
  /** The metric it judges, or `failed`: 1 for a run that could not measure, else 0. Matcher grammar: `queue_*`. */
  readonly metric: string | readonly string[]
  /** Which items it takes, by label: `{ mount: "/var*" }`. Matcher grammar; no entry takes everything. */
  readonly items?: Readonly<Record<string, string | readonly string[]>>
  /** `{ WARNING: "> 80%", CRITICAL: "> 2s" }`. The worst one that is met counts. Also the steps of other tools: `G2W:80 W2M:90`. */
  readonly thresholds?: Partial<Record<Severity, string>> | string
  /** The breach must last this long before it raises: `1m`. */
  readonly for?: string
  /** …or must be seen in n of the last m runs: `3 of 5`. */
  readonly of?: string
  readonly clear?: {
    /** So many good runs in a row clear it. Default 1. */
    readonly after?: number
    /** How far the value must come back past the threshold before a run counts as good: `5%`, `200ms`. */
    readonly hysteresis?: string
  }
  /** Raises where no value came for so long. */
  readonly noData?: { readonly after: string; readonly severity: Severity }
  /** Takes the items it matches away from later rows. */
  readonly exclusive?: boolean
  /** Whether a breach makes an alarm. Default true. */
  readonly alarm?: boolean
  /** Whether the values are kept as a series; the first row that takes an item decides. Alarms judge them all the same. Default true. */
  readonly metricOutput?: boolean
  /** Whether it appears in reports. Default true. */
  readonly report?: boolean
  /** The alarm's words; `%MSG%`, `%VALUE%`, `%ITEM%`, `%SYSTEM%`, `%THRESHOLD%` stand for what they name. */
  readonly message?: string
}

/** A row that was checked, with its defaults applied. Plain JSON. */
export interface Rule {
  /** Unique in its table; part of an alarm's identity. */
  readonly name: string
  readonly metric: Matcher
  readonly items: Readonly<Record<string, Matcher>>
  /** Mildest first. `back`: where the breach ends, as an amount of its own (from a step downwards such as `W2G:70`). */
  readonly thresholds: readonly { readonly severity: Severity; readonly text: string; readonly back?: string }[]
  readonly hold: RuleHold
  readonly clearAfter: number
  readonly hysteresis?: string
  readonly noData?: { readonly afterMs: number; readonly severity: Severity }
  readonly exclusive: boolean
  readonly alarm: boolean
  readonly metricOutput: boolean
  readonly report: boolean
  readonly message?: string
}

/** How a breach must hold before it raises. */
export type RuleHold =
  | { readonly is: 'once' }
  | { readonly is: 'for'; readonly ms: number }
  | { readonly is: 'of'; readonly n: number; readonly m: number }

/** The pseudo metric of every task. A row judges it only where it names it; `*` does not mean it. */
export const failedMetric = 'failed'
export const messagePlaceholders = ['MSG', 'VALUE', 'ITEM', 'SYSTEM', 'THRESHOLD'] as const

const maxRows = 200
const maxRunsLookedAt = 30
const longestMs = 90 * 86_400_000
/** The fields of a row in the order in which people write them: what it judges, when it breaches, how long, what becomes of it. */
export const ruleKeys = [
  'name',
  'metric',
  'items',
  'thresholds',
  'for',
  'of',
  'clear',
  'noData',
  'exclusive',
  'alarm',
  'metricOutput',
  'report',
  'message',
] as const satisfies readonly (keyof RuleDocument)[]

/** What a rule must know of a metric to judge it. A counter is judged by its rate per second. */
export interface JudgedMetric {
  readonly unit: Unit
  readonly kind?: 'gauge' | 'counter'
}

/** The unit of what is compared: a counter of bytes is judged in bytes per second, one of seconds in seconds per second. */
export function judgedUnit(metric: JudgedMetric): Unit {
  if (metric.kind !== 'counter') return metric.unit
  return metric.unit === '' ? '/s' : metric.unit === 'B' ? 'B/s' : metric.unit
}

export interface RuleSubject {
  /** The metrics the monitor declares; `items` are the names of their labels. */
  readonly metrics: Readonly<Record<string, JudgedMetric & { readonly items?: readonly string[] }>>
  /** Further metrics may appear, whose names the user or the target chooses. */
  readonly open: boolean
  /** Where the table stands in the document. */
  readonly path: string
}

/** Checks a surveillance table against the metrics it may judge. Every problem in it is named; one problem refuses the table. */
export function checkRules(given: unknown, about: RuleSubject): Checked<readonly Rule[]> {
  const problems: Problem[] = []
  if (!Array.isArray(given)) {
    return { ok: false, problems: [{ path: about.path, message: `must be a list of rules, not ${shown(given)}` }] }
  }
  if (given.length > maxRows) {
    return {
      ok: false,
      problems: [{ path: about.path, message: `has ${given.length} rows; at most ${maxRows} are allowed` }],
    }
  }
  const rules: Rule[] = []
  const taken = new Set<string>()
  given.forEach((row: unknown, place) => {
    const path = at(about.path, place)
    if (isInactive(row)) return
    const rule = checkRow(row, path, about, taken, (problem) => problems.push(problem))
    if (rule !== undefined) rules.push(rule)
  })
  return problems.length === 0 ? { ok: true, value: rules } : { ok: false, problems }
}

type Report = (problem: Problem) => void

function checkRow(
  given: unknown,
  path: string,
  about: RuleSubject,
  taken: Set<string>,
  report: Report,
): Rule | undefined {
  if (!isObject(given)) return void report({ path, message: `must be a rule, not ${shown(given)}` })
  unknownKeys(given, ruleKeys, path, report, knownRowKeys)
  let good = true
  const fail: Report = (problem) => {
    good = false
    report(problem)
  }
  const row = inOwnWords(given, path, fail)

  const metric = parseMatcher(row['metric'], at(path, 'metric'))
  if (!metric.ok) {
    if (row['metric'] === undefined)
      report({ path: at(path, 'metric'), message: 'is missing', hint: knownMetrics(about) })
    else metric.problems.forEach(report)
    return undefined
  }
  const declared = Object.keys(about.metrics).filter((name) => matches(metric.value, name))
  const judgesFailed = names(metric.value, failedMetric)
  if (!about.open) {
    // A misspelt name judges nothing for ever and nobody notices, so each exact name must exist, and a pattern must find something.
    for (const term of metric.value.any) {
      if (term.is === 'exact' && term.text !== failedMetric && !Object.hasOwn(about.metrics, term.text))
        fail({
          path: at(path, 'metric'),
          message: `${shown(term.text)} is not a metric of this monitor`,
          hint: suggest(term.text, [...Object.keys(about.metrics), failedMetric]),
        })
    }
    if (good && declared.length === 0 && !judgesFailed)
      fail({
        path: at(path, 'metric'),
        message: `${shown(row['metric'])} takes no metric of this monitor`,
        hint: knownMetrics(about),
      })
  }

  const items = checkItems(row['items'], at(path, 'items'), declared, about, fail)
  const thresholds = checkThresholds(row['thresholds'], at(path, 'thresholds'), fail)
  const hysteresisAndClear = checkClear(row['clear'], at(path, 'clear'), fail)
  const noData = checkNoData(row['noData'], at(path, 'noData'), fail)
  const hold = checkHold(row, path, fail)
  const flag = (key: 'exclusive' | 'alarm' | 'metricOutput' | 'report', otherwise: boolean): boolean => {
    const value = row[key]
    if (value === undefined) return otherwise
    if (typeof value !== 'boolean') fail({ path: at(path, key), message: `must be true or false, not ${shown(value)}` })
    return value === true
  }
  const exclusive = flag('exclusive', false)
  const alarm = flag('alarm', true)
  const metricOutput = flag('metricOutput', true)
  const inReports = flag('report', true)
  const message = checkMessage(row['message'], at(path, 'message'), fail)

  // Thresholds of metrics that are declared are read now; those of open metrics once their unit is known.
  const unitsJudged = new Map(declared.map((name) => [judgedUnit(about.metrics[name]!), name]))
  if (judgesFailed) unitsJudged.set('', failedMetric)
  for (const [unit, name] of unitsJudged) {
    for (const { severity, text, back } of thresholds) {
      const where = at(at(path, 'thresholds'), severity)
      const read = parseThreshold(text, unit)
      if ('wrong' in read)
        fail({ path: where, message: `${shown(text)} ${read.wrong} (metric ${name})`, hint: read.hint })
      else if (back === undefined && hysteresisAndClear.hysteresis !== undefined) {
        if (parseHysteresis(hysteresisAndClear.hysteresis, read.threshold, unit) === undefined)
          fail({
            path: at(at(path, 'clear'), 'hysteresis'),
            message: `${shown(hysteresisAndClear.hysteresis)} is neither a share nor an amount that fits metric ${name}`,
            hint: `Such as "5%" or "${formatAmount(5, unit)}".`,
          })
      }
    }
  }
  if (unitsJudged.size === 0 && about.open) {
    for (const { severity, text } of thresholds) {
      if (units.every((unit) => 'wrong' in parseThreshold(text, unit))) {
        const read = parseThreshold(text, '')
        const where = at(at(path, 'thresholds'), severity)
        if ('wrong' in read) fail({ path: where, message: `${shown(text)} ${read.wrong}`, hint: read.hint })
      }
    }
  }
  if (good && alarm && thresholds.length === 0 && noData === undefined)
    fail({
      path,
      message: 'neither has thresholds nor noData, so it can never raise an alarm',
      hint: 'Add thresholds such as { WARNING: "> 80" }, or say "alarm: false" for a row that only takes items away or shapes outputs.',
    })

  const name = checkName(row['name'], at(path, 'name'), row['metric'], taken, fail)
  if (!good) return undefined
  return {
    name,
    metric: metric.value,
    items,
    thresholds,
    hold,
    clearAfter: hysteresisAndClear.after,
    ...(hysteresisAndClear.hysteresis === undefined ? {} : { hysteresis: hysteresisAndClear.hysteresis }),
    ...(noData === undefined ? {} : { noData }),
    exclusive,
    alarm,
    metricOutput,
    report: inReports,
    ...(message === undefined ? {} : { message }),
  }
}

/** A table that was checked, as it is kept: each row in our own words, without those that were switched off. */
export function ownRows(rules: readonly RuleDocument[]): readonly RuleDocument[] {
  // The same rows, in other words for the same; `checkRules` has looked at them.
  return rules
    .filter((row) => !isInactive(row))
    .map((row) => inOwnWords({ ...row }, '', () => undefined) as unknown as RuleDocument)
}

const conditionCache = new WeakMap<Rule, Map<Unit, readonly Condition[] | undefined>>()

/** The rule's thresholds for a metric of a unit, mildest first; undefined where they cannot be compared with it. */
export function conditionsOf(rule: Rule, unit: Unit): readonly Condition[] | undefined {
  let byUnit = conditionCache.get(rule)
  if (byUnit === undefined) conditionCache.set(rule, (byUnit = new Map()))
  if (!byUnit.has(unit)) byUnit.set(unit, readConditions(rule, unit))
  return byUnit.get(unit)
}

function readConditions(rule: Rule, unit: Unit): readonly Condition[] | undefined {
  const conditions: Condition[] = []
  for (const { severity, text, back } of rule.thresholds) {
    const read = parseThreshold(text, unit)
    if ('wrong' in read) return undefined
    let width: number | undefined = 0
    if (back !== undefined && 'than' in read.threshold) {
      const end = parseAmount(back, unit)
      width = end === undefined ? undefined : Math.abs(end - read.threshold.than)
    } else if (rule.hysteresis !== undefined) width = parseHysteresis(rule.hysteresis, read.threshold, unit)
    if (width === undefined) return undefined
    conditions.push({ severity, threshold: read.threshold, back: width })
  }
  return conditions
}

function checkItems(
  given: unknown,
  path: string,
  declared: readonly string[],
  about: RuleSubject,
  report: Report,
): Readonly<Record<string, Matcher>> {
  if (given === undefined) return {}
  if (!isObject(given)) {
    report({ path, message: `must name labels, such as { mount: "/var*" }, not ${shown(given)}` })
    return {}
  }
  const known = new Set(declared.flatMap((name) => about.metrics[name]!.items ?? []))
  const items: Record<string, Matcher> = {}
  for (const [label, text] of Object.entries(given)) {
    const where = at(path, label)
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/.test(label) || label === '__proto__') {
      report({ path: where, message: `${shown(label)} cannot be the name of a label` })
      continue
    }
    if (!about.open && !known.has(label)) {
      report({
        path: where,
        message: `is not a label of the metrics that this row takes`,
        hint: known.size === 0 ? 'They have one value each; leave "items" out.' : suggest(label, known),
      })
      continue
    }
    const matcher = parseMatcher(text, where)
    if (matcher.ok) items[label] = matcher.value
    else matcher.problems.forEach(report)
  }
  return items
}

function checkThresholds(given: unknown, path: string, report: Report): Rule['thresholds'] {
  if (given === undefined) return []
  if (typeof given === 'string') {
    const read = readSteps(given)
    if ('wrong' in read) {
      report({ path, message: `${shown(given)} ${read.wrong}`, hint: read.hint })
      return []
    }
    return severities
      .filter((severity) => read.thresholds[severity] !== undefined)
      .map((severity) => ({
        severity,
        text: read.thresholds[severity]!,
        ...(read.backs[severity] === undefined ? {} : { back: read.backs[severity] }),
      }))
  }
  if (!isObject(given)) {
    report({
      path,
      message: `must be thresholds by severity, not ${shown(given)}`,
      hint: 'Such as { WARNING: "> 80%", CRITICAL: "> 95%" }.',
    })
    return []
  }
  const thresholds: { severity: Severity; text: string }[] = []
  for (const [key, text] of Object.entries(given)) {
    const severity = severities.find((one) => one === key)
    if (severity === undefined)
      report({ path: at(path, key), message: 'is not a severity', hint: suggest(key, severities) })
    else if (typeof text !== 'string')
      report({
        path: at(path, key),
        message: `must be a threshold in quotes, not ${shown(text)}`,
        hint: `Such as "> ${typeof text === 'number' ? text : 80}".`,
      })
    else if (text.length > 100) report({ path: at(path, key), message: 'is longer than 100 characters' })
    else {
      // Only collected here: whether the unit fits is known where the metric is.
      thresholds.push({ severity, text })
    }
  }
  return thresholds.sort((a, b) => compareSeverity(a.severity, b.severity))
}

function checkClear(given: unknown, path: string, report: Report): { after: number; hysteresis?: string } {
  if (given === undefined) return { after: 1 }
  if (!isObject(given)) {
    report({ path, message: `must be such as { after: 3, hysteresis: "5%" }, not ${shown(given)}` })
    return { after: 1 }
  }
  unknownKeys(given, ['after', 'hysteresis'], path, report)
  const { after = 1, hysteresis } = given
  if (typeof after !== 'number' || !Number.isInteger(after) || after < 1 || after > 1_000)
    report({ path: at(path, 'after'), message: `must be a number of runs from 1 to 1000, not ${shown(after)}` })
  if (hysteresis !== undefined && (typeof hysteresis !== 'string' || hysteresis.length > 40))
    report({
      path: at(path, 'hysteresis'),
      message: `must be an amount or a share in quotes, not ${shown(hysteresis)}`,
      hint: 'Such as "5%" or "200ms".',
    })
  return { after: Number(after), ...(typeof hysteresis === 'string' ? { hysteresis } : {}) }
}

function checkNoData(given: unknown, path: string, report: Report): Rule['noData'] {
  if (given === undefined) return undefined
  const hint = 'Such as { after: 10m, severity: WARNING }.'
  if (!isObject(given))
    return void report({ path, message: `must say after how long, and how bad that is, not ${shown(given)}`, hint })
  unknownKeys(given, ['after', 'severity'], path, report)
  const afterMs = checkDuration(given['after'], at(path, 'after'), report)
  const severity = severities.find((one) => one === given['severity'])
  if (severity === undefined)
    report({
      path: at(path, 'severity'),
      message: `${shown(given['severity'])} is not a severity`,
      hint: suggest(String(given['severity'] ?? '?'), severities),
    })
  return afterMs === undefined || severity === undefined ? undefined : { afterMs, severity }
}

function checkHold(row: Readonly<Record<string, unknown>>, path: string, report: Report): RuleHold {
  if (row['for'] !== undefined && row['of'] !== undefined) {
    report({ path, message: 'has both "for" and "of"; one of them says how a breach must hold' })
    return { is: 'once' }
  }
  if (row['for'] !== undefined) {
    const ms = checkDuration(row['for'], at(path, 'for'), report)
    return ms === undefined ? { is: 'once' } : { is: 'for', ms }
  }
  if (row['of'] === undefined) return { is: 'once' }
  const found = typeof row['of'] === 'string' ? /^\s*(\d{1,4})\s*of\s*(\d{1,4})\s*$/.exec(row['of']) : null
  const [n, m] = [Number(found?.[1]), Number(found?.[2])]
  if (found === null || n < 1 || n > m || m > maxRunsLookedAt) {
    report({
      path: at(path, 'of'),
      message: `${shown(row['of'])} does not say in how many of the last runs`,
      hint: `Such as "3 of 5"; at most ${maxRunsLookedAt} runs are looked at.`,
    })
    return { is: 'once' }
  }
  return m === 1 ? { is: 'once' } : { is: 'of', n, m }
}

function checkDuration(given: unknown, path: string, report: Report): number | undefined {
  const ms = typeof given === 'string' ? parseDuration(given) : undefined
  if (ms === undefined || ms <= 0 || ms > longestMs) {
    report({
      path,
      message: `${shown(given)} is not a duration from 1ms to 90d`,
      hint: 'Such as "90s", "5m" or "1h30m".',
    })
    return undefined
  }
  return ms
}

function checkMessage(given: unknown, path: string, report: Report): string | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'string' || given.length > 1_000 || /\p{Cc}/u.test(given) || !given.isWellFormed())
    return void report({ path, message: `must be one line of text of at most 1000 characters, not ${shown(given)}` })
  for (const [, word] of given.matchAll(/%([A-Z]{2,20})%/g)) {
    if (!messagePlaceholders.some((known) => known === word))
      report({
        path,
        message: `%${word}% stands for nothing`,
        hint: suggest(word!, messagePlaceholders).replaceAll(/"(\w+)"/g, '"%$1%"'),
      })
  }
  return given
}

function checkName(given: unknown, path: string, metric: unknown, taken: Set<string>, report: Report): string {
  let name: string
  if (given === undefined) {
    const base = Array.isArray(metric) ? metric.join(', ') : String(metric)
    name = base
    for (let n = 2; taken.has(name); n++) name = `${base} (${n})`
  } else if (
    typeof given !== 'string' ||
    given.trim() === '' ||
    given.length > 200 ||
    /\p{Cc}/u.test(given) ||
    !given.isWellFormed()
  ) {
    report({ path, message: `must be a name of at most 200 characters, not ${shown(given)}` })
    return ''
  } else {
    name = given
    if (taken.has(name))
      report({
        path,
        message: `${shown(name)} names an earlier row already`,
        hint: "The name is part of an alarm's identity; give each row its own.",
      })
  }
  taken.add(name)
  return name
}

function unknownKeys(
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
  report: Report,
  alsoTaken: readonly string[] = [],
): void {
  for (const key of Object.keys(given)) {
    if (!known.includes(key) && !alsoTaken.includes(key))
      report({ path: at(path, key), message: 'is not known here', hint: suggest(key, known) })
  }
}

const knownMetrics = (about: RuleSubject) => suggest('?', [...Object.keys(about.metrics), failedMetric])

function isObject(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value)
  if (Array.isArray(value)) return 'a list'
  if (value === undefined) return 'nothing'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
