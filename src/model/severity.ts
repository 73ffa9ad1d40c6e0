/** How bad a problem is, from least to worst. `CLEAR` is the absence of one. */
export const severities = ['INFO', 'WARNING', 'MINOR', 'MAJOR', 'CRITICAL'] as const
export type Severity = (typeof severities)[number]
export type SeverityOrClear = Severity | 'CLEAR'

const rank: Record<SeverityOrClear, number> = { CLEAR: 0, INFO: 1, WARNING: 2, MINOR: 3, MAJOR: 4, CRITICAL: 5 }

/** Negative where `a` is less bad than `b`, as for sort. */
export function compareSeverity(a: SeverityOrClear, b: SeverityOrClear): number {
  return rank[a] - rank[b]
}

/** The worst of many; `CLEAR` for none. */
export function worstSeverity(many: Iterable<SeverityOrClear>): SeverityOrClear {
  let worst: SeverityOrClear = 'CLEAR'
  for (const one of many) if (rank[one] > rank[worst]) worst = one
  return worst
}
