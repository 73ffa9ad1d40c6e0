/**
 * What fields of date and time hold, in the reader's own zone: `2026-11-22T14:03`.
 */
const shape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?$/

/** @returns epoch milliseconds, or undefined where it is no such text. A day alone is its beginning. */
export function fromLocalInput(text: string | undefined): number | undefined {
  if (text === undefined || !shape.test(text)) return undefined
  const at = new Date(text.includes('T') ? text : `${text}T00:00`).getTime()
  return Number.isNaN(at) ? undefined : at
}

export function toLocalInput(at: number | undefined): string {
  if (at === undefined) return ''
  const moment = new Date(at)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}T${two(moment.getHours())}:${two(moment.getMinutes())}`
}
