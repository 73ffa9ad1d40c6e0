const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/**
 * Reads a duration such as `10s`, `5m`, `1m30s`, `250ms`, `1.5h`, `2d`.
 * @returns milliseconds, or undefined where the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim()
  if (trimmed.length > 40 || !/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(trimmed)) return undefined
  let total = 0
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total += Number(amount) * unitMs[unit as keyof typeof unitMs]
  }
  return Number.isFinite(total) ? Math.round(total) : undefined
}

/** Writes milliseconds the short way: 90_000 is `1m30s`, 250 is `250ms`. Read back by `parseDuration` without loss. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms)
  if (rest === 0) return '0s'
  let text = ''
  for (const [unit, size] of [
    ['d', unitMs.d],
    ['h', unitMs.h],
    ['m', unitMs.m],
    ['s', unitMs.s],
    ['ms', 1],
  ] as const) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
