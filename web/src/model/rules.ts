import type { RuleDocument, Severity } from '../../../src/model/index.ts'
import { saysSame } from './same.ts'
import type { Pairs } from './settings-form.ts'

/** The severities of a surveillance table, mildest first, as its columns stand. */
export const thresholdSeverities = [
  'INFO',
  'WARNING',
  'MINOR',
  'MAJOR',
  'CRITICAL',
] as const satisfies readonly Severity[]

/** A row without what says nothing: empty texts, empty maps, and what is the default anyway. */
export function tidyRule(rule: RuleDocument): RuleDocument {
  const { thresholds, items, clear, noData } = rule
  const filled = <T extends object>(value: T | undefined) =>
    value === undefined ? undefined : dropEmpty(value as Readonly<Record<string, unknown>>)
  const steps = typeof thresholds === 'object' ? filled(thresholds) : thresholds === '' ? undefined : thresholds
  const next = dropEmpty({
    ...rule,
    thresholds: steps,
    items: filled(items),
    clear: filled(clear),
    noData: noData === undefined || noData.after === '' ? undefined : noData,
  })
  // The same keys with the same kinds of values, fewer of them; the server checks each.
  return next as unknown as RuleDocument
}

function dropEmpty(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, one]) =>
        one !== undefined && one !== '' && !(typeof one === 'object' && one !== null && Object.keys(one).length === 0),
    ),
  )
}

/** What a row says, in one line: `> 2s WARNING, > 5s CRITICAL for 1m`. */
export function ruleText(rule: RuleDocument): string {
  const { thresholds, noData } = rule
  const steps =
    typeof thresholds === 'string'
      ? thresholds
      : thresholdSeverities
          .flatMap((severity) => (thresholds?.[severity] === undefined ? [] : `${thresholds[severity]} ${severity}`))
          .join(', ')
  const hold = rule.for !== undefined ? `for ${rule.for}` : rule.of !== undefined ? `in ${rule.of}` : ''
  const none = noData === undefined ? '' : `no data for ${noData.after} ${noData.severity}`
  return [[steps, hold].filter((part) => part !== '').join(' '), none].filter((part) => part !== '').join('; ')
}

/** Steps between states that somebody typed into the field of one severity are what all of them say. */
export function withSteps(thresholds: RuleDocument['thresholds']): RuleDocument['thresholds'] {
  if (typeof thresholds !== 'object') return thresholds
  return Object.values(thresholds).find((typed) => /^\s*[A-Z]2[A-Z]:/i.test(typed)) ?? thresholds
}

export function metricText(metric: RuleDocument['metric'] | undefined): string {
  return typeof metric === 'string' ? metric : (metric ?? []).join(', ')
}

export type RuleChange =
  | { readonly is: 'same' | 'added' | 'removed'; readonly rule: RuleDocument }
  | { readonly is: 'changed'; readonly rule: RuleDocument; readonly before: RuleDocument }

/** How a table differs from the monitor's own, row by row; rows are the same one where their names are, or their metrics. */
export function compareRules(own: readonly RuleDocument[], rules: readonly RuleDocument[]): readonly RuleChange[] {
  const left = [...own]
  const named = (one: RuleDocument) => one.name ?? metricText(one.metric)
  const names = new Set(rules.map(named))
  const take = (rule: RuleDocument): RuleDocument | undefined => {
    const byName = left.findIndex((one) => named(one) === named(rule))
    const at =
      byName >= 0
        ? byName
        : left.findIndex((one) => !names.has(named(one)) && metricText(one.metric) === metricText(rule.metric))
    return at < 0 ? undefined : left.splice(at, 1)[0]
  }
  const changes = rules.map((rule): RuleChange => {
    const before = take(rule)
    if (before === undefined) return { is: 'added', rule }
    return saysSame(tidyRule(before), tidyRule(rule)) ? { is: 'same', rule } : { is: 'changed', rule, before }
  })
  return [...changes, ...left.map((rule): RuleChange => ({ is: 'removed', rule }))]
}

export function moveIn<T>(list: readonly T[], from: number, to: number): readonly T[] {
  if (to < 0 || to >= list.length) return list
  const next = [...list]
  const [one] = next.splice(from, 1)
  next.splice(to, 0, one!)
  return next
}

/** A row while somebody types: labels may be there twice for a moment, a list of matchers is one text, numbers are as they were typed. */
export interface RuleDraft extends Omit<RuleDocument, 'metric' | 'items' | 'clear'> {
  /** Told apart by this, wherever a row moves to. */
  readonly id: number
  readonly metric: string
  readonly items: Pairs
  readonly clearAfter: string
  readonly hysteresis: string
}

let lastId = 0

export function openRule(rule: RuleDocument): RuleDraft {
  const { metric, items, clear, ...rest } = rule
  return {
    ...rest,
    id: ++lastId,
    metric: matcherText(metric),
    items: Object.entries(items ?? {}).map(([label, matcher]) => [label, matcherText(matcher)]),
    clearAfter: clear?.after === undefined ? '' : String(clear.after),
    hysteresis: clear?.hysteresis ?? '',
  }
}

export function closeRule(draft: RuleDraft): RuleDocument {
  const { id: _, metric, items, clearAfter, hysteresis, ...rest } = draft
  const after = /^\d+$/.test(clearAfter.trim()) ? Number(clearAfter) : clearAfter.trim()
  return tidyRule({
    ...rest,
    thresholds: withSteps(rest.thresholds),
    metric: readMatcher(metric),
    items: Object.fromEntries(
      items.filter(([label]) => label !== '').map(([label, text]) => [label, readMatcher(text)]),
    ),
    // What is no number is sent as it was typed: the server says what is wrong with it.
    clear: { after: after === '' ? undefined : after, hysteresis } as NonNullable<RuleDocument['clear']>,
  })
}

/** Several matchers are written as a JSON list: `["/var", "/home*"]`. */
function matcherText(matcher: string | readonly string[]): string {
  return typeof matcher === 'string' ? matcher : JSON.stringify(matcher)
}

function readMatcher(text: string): string | readonly string[] {
  if (!text.trim().startsWith('[')) return text.trim()
  try {
    const read: unknown = JSON.parse(text)
    if (Array.isArray(read) && read.every((one) => typeof one === 'string')) return read
  } catch {
    // It begins like a list and is none: it is sent as it is.
  }
  return text.trim()
}

/** The metric that a row judges, among those that are known; undefined where it may be several. */
export function onlyMetric<M extends { readonly name: string }>(text: string, metrics: readonly M[]): M | undefined {
  return metrics.find(({ name }) => name === text.trim())
}
