import { ApiError } from '../api/call.ts'

/**
 * What the server said about one field of a form, by the name it has in the API, so that it stands beside the field.
 * @returns undefined where nothing is wrong with it
 */
export function fieldError(error: Error | null, name: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined
  const found = error.details.find(
    ({ path }) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`),
  )
  if (found === undefined) return undefined
  const hint = found.hint === undefined || found.hint === '' ? '' : ` ${found.hint}`
  return `${name}: ${found.message}${hint}`
}

/** The same of an object that stands within another, as the configuration document has it. */
export function fieldErrorIn(error: Error | null, within: string, name: string): string | undefined {
  const inside = fieldError(error, `${within}.${name}`)
  return inside === undefined ? fieldError(error, name) : inside.slice(within.length + 1)
}
