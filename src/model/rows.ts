import { matches, names } from './matcher.ts'
import type { Labels } from './result.ts'
import { failedMetric, type Rule } from './rule.ts'

/** Whether a row judges whether runs could measure at all. Only one that names it does: `*` does not mean it. */
export function judgesFailed(rule: Rule): boolean {
  return names(rule.metric, failedMetric)
}

/** The rows of a table that take an item, in order: an exclusive row that matches takes it away from those after it. */
export function rowsFor(rules: readonly Rule[], metric: string, labels: Labels): readonly Rule[] {
  const found: Rule[] = []
  for (const rule of rules) {
    if (!takes(rule, metric, labels)) continue
    found.push(rule)
    if (rule.exclusive) break
  }
  return found
}

/** Whether the values of an item are kept as a series: the first row that takes it says so; what no row takes is kept. */
export function isKept(rules: readonly Rule[], metric: string, labels: Labels): boolean {
  // Hardly any table has such a row, and this is asked for every value that is forwarded.
  if (rules.every((rule) => rule.metricOutput)) return true
  return rules.find((rule) => takes(rule, metric, labels))?.metricOutput ?? true
}

function takes(rule: Rule, metric: string, labels: Labels): boolean {
  if (metric === failedMetric ? !judgesFailed(rule) : !matches(rule.metric, metric)) return false
  return Object.entries(rule.items).every(([label, matcher]) => matches(matcher, labels[label] ?? ''))
}
