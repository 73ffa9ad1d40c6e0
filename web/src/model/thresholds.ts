import type { Severity } from '../../../src/model/index.ts'
import { severitiesDown } from './overview.ts'

/** What a row of the surveillance table demands of one series, as the server says it. */
interface SeriesThreshold {
  readonly series: string
  readonly rule: string
  readonly severity: Severity
  readonly threshold: string
  readonly at: readonly number[]
}

export interface ThresholdLine {
  readonly severity: Severity
  readonly at: number
  /** As it is written, and of which of the chart's lines it holds where not of all: `> 80% (/var)`. */
  readonly text: string
}

/** The thresholds of a chart's lines, each value once: rows that say the same of many items are one line on the chart. */
export function thresholdsOf(
  thresholds: readonly SeriesThreshold[],
  lines: readonly { readonly id: string; readonly label: string }[],
): ThresholdLine[] {
  const labels = new Map(lines.map(({ id, label }) => [id, label]))
  const found = new Map<string, { severity: Severity; at: number; threshold: string; of: Set<string> }>()
  for (const { series, severity, threshold, at } of thresholds) {
    const label = labels.get(series)
    if (label === undefined) continue
    for (const value of at) {
      const key = `${severity} ${value}`
      const there = found.get(key)
      if (there === undefined) found.set(key, { severity, at: value, threshold, of: new Set([label]) })
      else there.of.add(label)
    }
  }
  return [...found.values()]
    .toSorted((a, b) => severitiesDown.indexOf(a.severity) - severitiesDown.indexOf(b.severity) || a.at - b.at)
    .map(({ severity, at, threshold, of }) => ({
      severity,
      at,
      text: of.size === lines.length ? threshold : `${threshold} (${[...of].join(', ')})`,
    }))
}
