/** A column of a table of values over time. */
export interface Column {
  readonly name: string
  readonly unit: string
  readonly value: readonly (number | null)[]
}

/** The values as CSV (RFC 4180): a line for each moment at which anything was measured, the time in ISO 8601 UTC. */
export function csvOf(at: readonly number[], columns: readonly Column[]): string {
  const head = ['time', ...columns.map(({ name, unit }) => (unit === '' ? name : `${name} (${unit})`))]
  const lines = at.flatMap((moment, i) => {
    const values = columns.map(({ value }) => value[i] ?? null)
    return values.every((value) => value === null)
      ? []
      : [[new Date(moment).toISOString(), ...values.map((value) => (value === null ? '' : String(value)))].join(',')]
  })
  return [head.map(cell).join(','), ...lines, ''].join('\r\n')
}

/** A text in quotes where it needs them. Spreadsheets take a cell that begins with `=` for a formula, whoever named it so. */
function cell(text: string): string {
  const tame = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame
}

/** What a series was in a range, for a table. */
export interface Figures {
  readonly last: number | null
  readonly min: number | null
  readonly mean: number | null
  readonly max: number | null
}

/** Of the averages, minima and maxima of equal parts of the range. */
export function figuresOf(columns: {
  readonly value: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
}): Figures {
  const there = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null)
  const values = there(columns.value)
  if (values.length === 0) return { last: null, min: null, mean: null, max: null }
  const least = there(columns.min).concat(values)
  return {
    last: values.at(-1)!,
    min: least.reduce((a, b) => Math.min(a, b)),
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    max: there(columns.max)
      .concat(values)
      .reduce((a, b) => Math.max(a, b)),
  }
}
