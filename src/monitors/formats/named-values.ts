import { at, type Problem } from '../../sdk/index.ts'

/** What monitors of values that the user names have in common: each name in `values` is a metric. */
export const namedValues = {
  openMetrics: 'One for each name in `values`.',
  optIn: 'Which values there are only the user knows.',
  rules: [
    { name: 'no values', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'nothing asked for', metric: 'values', thresholds: { WARNING: '< 1' } },
  ],
  thresholdsFrom: 'What the values mean only the user knows: thresholds on them are rows of one’s own.',
} as const

/** Names that are taken already. @param own the metrics that the monitor has besides */
export function nameProblems(
  values: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
  path: string,
): Problem[] {
  return Object.keys(values)
    .filter((name) => name in own || name === 'failed')
    .map((name) => ({
      path: at(`${path}.values`, name),
      message: `the name ${name} is one of this monitor’s own metrics`,
    }))
}
