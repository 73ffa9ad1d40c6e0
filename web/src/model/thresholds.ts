import type { RuleDocument, Severity } from '../../../src/model/index.ts'
import { thresholdAt } from './charts.ts'
import { severitiesDown } from './overview.ts'

/** The part of the configuration document in which rules stand. Everything may be missing: what is read here was written by people. */
interface ProfilesPart {
  readonly profiles?: readonly {
    readonly name?: string
    readonly monitors?: readonly {
      readonly monitor?: string
      readonly name?: string
      readonly rules?: readonly RuleDocument[]
    }[]
  }[]
}

/** The rules that judge a task: its profile's, or the monitor's own where the profile names none. */
export function rulesOf(
  task: { readonly profile: string; readonly monitor: string; readonly name: string },
  document: unknown,
  defaults: readonly unknown[],
): readonly RuleDocument[] {
  const profiles = (document as ProfilesPart | null | undefined)?.profiles ?? []
  const own = profiles
    .find((profile) => profile.name === task.profile)
    ?.monitors?.find((one) => one.monitor === task.monitor && (one.name ?? one.monitor) === task.name)?.rules
  // Rules in the library are the monitor's declaration, which is written in this very form.
  return own ?? (defaults as readonly RuleDocument[])
}

/**
 * Thresholds to draw on a metric's chart, in its unit. Rows that hold for some items only are left out: their line would be wrong
 * for the others.
 */
export function thresholdsFor(
  rules: readonly RuleDocument[],
  metric: string,
  unit: string,
): { readonly severity: Severity; readonly at: number }[] {
  const lines = new Map<Severity, number>()
  for (const rule of rules) {
    if (rule.metric !== metric || rule.items !== undefined) continue
    for (const severity of severitiesDown) {
      const text = typeof rule.thresholds === 'object' ? rule.thresholds[severity] : undefined
      const at = typeof text === 'string' ? thresholdAt(text, unit) : undefined
      if (at !== undefined) lines.set(severity, at)
    }
  }
  return [...lines].map(([severity, at]) => ({ severity, at }))
}
