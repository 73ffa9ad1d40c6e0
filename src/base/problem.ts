/**
 * One thing wrong with what somebody gave: where, what, and what to do.
 * `path` is written as in the document: `groups[0].systems["shop"].connectors[1].settings.url`.
 */
export interface Problem {
  readonly path: string
  readonly message: string
  readonly hint?: string
}

/** Joins a path with a key: `at('rules', 0)` is `rules[0]`, `at('settings', 'url')` is `settings.url`. */
export function at(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

/** Either a value that was checked completely, or every problem that was found in it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }
