/** Nothing that can be counted or measured is larger; sums and shares of what is smaller stay finite. */
const largest = 1e100

/**
 * The number at the beginning of a text such as `21.5`, `12 seconds` or `true`. Undefined where there is none: a text that merely
 * contains digits is not a number.
 */
export function numberIn(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? ''
  if (/^(true|on|online|up)$/i.test(trimmed)) return 1
  if (/^(false|off|offline|down)$/i.test(trimmed)) return 0
  const found = /^[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?(?=$|\s|[%°a-zA-Z])/.exec(trimmed)
  const number = found === null ? undefined : Number(found[0])
  return number !== undefined && Math.abs(number) < largest ? number : undefined
}

/** A JSON value as a number: numbers, truth values, and texts that begin with one. */
export function numberOf(value: unknown): number | undefined {
  switch (typeof value) {
    case 'number':
      return Math.abs(value) < largest ? value : undefined
    case 'boolean':
      return Number(value)
    case 'string':
      return numberIn(value)
    default:
      return undefined
  }
}
