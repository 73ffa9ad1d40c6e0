import type { OpenTime } from '../alarms/index.ts'
import { severities, type Severity } from '../model/index.ts'

/**
 * How many alarms were open at some moment of each of so many equal parts of a range, by severity. A part, not a moment: what was over
 * within a minute must not vanish from the chart of a month. `at`: where each part begins.
 */
export function countOpen(
  times: readonly OpenTime[],
  { from, to, points }: { readonly from: number; readonly to: number; readonly points: number },
): { at: number[]; open: Record<Severity, number[]> } {
  const width = Math.max(1, (to - from) / points)
  const changes = Object.fromEntries(
    severities.map((severity) => [severity, Array.from({ length: points + 1 }, () => 0)]),
  ) as Record<Severity, number[]>
  for (const { severity, from: begun, to: ended } of times) {
    const first = Math.max(0, Math.floor((begun - from) / width))
    // It was open until just before it was cleared.
    const last = ended === null ? points - 1 : Math.min(points - 1, Math.ceil((ended - from) / width) - 1)
    if (first >= points || last < first) continue
    changes[severity][first]! += 1
    changes[severity][last + 1]! -= 1
  }
  const sums = (severity: Severity): number[] => {
    let sum = 0
    return changes[severity].slice(0, points).map((change) => (sum += change))
  }
  return {
    at: Array.from({ length: points }, (_, i) => Math.round(from + i * width)),
    open: {
      INFO: sums('INFO'),
      WARNING: sums('WARNING'),
      MINOR: sums('MINOR'),
      MAJOR: sums('MAJOR'),
      CRITICAL: sums('CRITICAL'),
    },
  }
}
