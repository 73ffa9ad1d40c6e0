import { numberOf } from './number.ts'

/** Reads JSON that somebody else wrote: whatever is there, asking for a field gives a value of the wanted kind or undefined. */

export type JsonObject = Readonly<Record<string, unknown>>

export function objectOf(value: unknown): JsonObject | undefined {
  // Anything but null and a list has named fields; which ones is asked field by field.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}

/** The objects of a list, at most `most` of them; what is none of them is passed over. */
export function objectsOf(value: unknown, most = 100_000): JsonObject[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, most).flatMap((one) => {
    const object = objectOf(one)
    return object === undefined ? [] : [object]
  })
}

/** What stands at a path of field names. A field that only a prototype has is not there. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let here: unknown = value
  for (const name of path) {
    const object = objectOf(here)
    if (object === undefined || !Object.hasOwn(object, name)) return undefined
    here = object[name]
  }
  return here
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path)
  return typeof found === 'number' ? numberOf(found) : undefined
}

/** A text of at most 200 characters: names become labels, and labels are kept for long. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path)
  return typeof found === 'string' ? found.slice(0, 200) : undefined
}
