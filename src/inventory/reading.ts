import { at, formatDuration, parseDuration, suggest, type Problem } from '../base/index.ts'
import { isPlainObject, reservedKey, shown, textProblem } from '../sdk/index.ts'

/** So many problems are reported at once; a document with more is hardly read to the end, and a hostile one must cost little. */
const mostProblems = 100
/** A name that is looked up among more than these gets no suggestion from the rest. */
const mostCandidates = 1_000
const mostUnknownKeys = 10
const mostSettings = 500

/** What is wrong with a document, as it is being found. */
export class Problems {
  readonly list: Problem[] = []

  get isFull(): boolean {
    return this.list.length >= mostProblems
  }

  add(path: string, message: string, hint = ''): undefined {
    if (!this.isFull) this.list.push({ path, message, ...(hint === '' ? {} : { hint }) })
  }

  addAll(problems: readonly Problem[]): undefined {
    for (const { path, message, hint } of problems) this.add(path, message, hint)
  }
}

/** `suggest` among as many candidates as can be looked at in no time. */
export function suggestFrom(word: string, candidates: Iterable<string>): string {
  const some: string[] = []
  for (const candidate of candidates) {
    if (some.push(candidate) === mostCandidates) break
  }
  return suggest(word, some)
}

/** An object that has no other keys than these. Undefined where it is none; unknown keys are reported and the rest is read on. */
export function readObject(
  given: unknown,
  path: string,
  keys: readonly string[],
  problems: Problems,
): Readonly<Record<string, unknown>> | undefined {
  if (!isPlainObject(given)) return problems.add(path, `must be an object, not ${shown(given)}`)
  reportUnknown(given, path, keys, problems)
  return given
}

export function reportUnknown(
  given: Readonly<Record<string, unknown>>,
  path: string,
  keys: readonly string[],
  problems: Problems,
): void {
  let unknown = 0
  for (const key in given) {
    if (!Object.hasOwn(given, key) || keys.includes(key)) continue
    if (++unknown > mostUnknownKeys) {
      problems.add(path, 'has more keys that are not known here')
      return
    }
    problems.add(at(path, shorten(key)), 'is not known here', suggest(key, keys))
  }
}

/** A key as a path shows it; a hostile one may be megabytes long. */
function shorten(key: string): string {
  return key.length > 60 ? `${key.slice(0, 57)}…` : key
}

export function readOwn(given: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(given, key) ? given[key] : undefined
}

/** A list of at most `most` entries; none given is an empty one. */
export function readList(given: unknown, path: string, most: number, problems: Problems): readonly unknown[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) {
    problems.add(path, `must be a list, not ${shown(given)}`)
    return []
  }
  if (given.length > most) {
    problems.add(path, `has ${given.length} entries; at most ${most} are allowed`)
    return []
  }
  return given
}

const maxName = 200

// Names are shown in one line everywhere, so the two separators that break lines are as unwelcome as control characters.
const lineSeparator = /[\u2028\u2029]/
const surroundingSpace = /^\s|\s$/u

/** What is wrong with a name, or undefined. Every other printable name is kept exactly as it was sent. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'must not be empty'
  const wrong = textProblem(name, { maxLength: maxName })
  if (wrong !== undefined) return wrong
  if (lineSeparator.test(name)) return 'contains a line separator'
  if (surroundingSpace.test(name)) return `${shown(name)} begins or ends with white space`
  if (reservedKey(name)) return `${shown(name)} is a name that cannot be used`
  return undefined
}

export function readName(given: unknown, path: string, problems: Problems): string | undefined {
  if (given === undefined) return problems.add(path, 'is missing: everything here is identified by its name')
  if (typeof given !== 'string')
    return problems.add(path, `must be a name, not ${shown(given)}`, 'Put a number or a yes in quotes.')
  const wrong = nameProblem(given)
  return wrong === undefined ? given : problems.add(path, wrong)
}

export function readText(given: unknown, path: string, maxLength: number, problems: Problems): string {
  if (given === undefined) return ''
  if (typeof given !== 'string') {
    problems.add(path, `must be a text, not ${shown(given)}`)
    return ''
  }
  const wrong = textProblem(given, { maxLength, multiline: true })
  if (wrong !== undefined) problems.add(path, wrong)
  return given
}

export function readDuration(
  given: unknown,
  path: string,
  bounds: { minMs: number; maxMs: number },
  problems: Problems,
): number | undefined {
  const ms = typeof given === 'string' ? parseDuration(given) : undefined
  if (ms === undefined)
    return problems.add(path, `must be a duration with its unit, not ${shown(given)}`, 'For example: 10s, 5m, 1h30m')
  if (ms < bounds.minMs)
    return problems.add(path, `${shown(given)} is too short; at least ${formatDuration(bounds.minMs)}`)
  if (ms > bounds.maxMs)
    return problems.add(path, `${shown(given)} is too long; at most ${formatDuration(bounds.maxMs)}`)
  return ms
}

export function readChoice<T extends string>(
  given: unknown,
  path: string,
  choices: readonly T[],
  problems: Problems,
): T | undefined {
  const found = choices.find((choice) => choice === given)
  if (found !== undefined) return found
  return problems.add(
    path,
    `${shown(given)} is not one of: ${choices.join(', ')}`,
    typeof given === 'string' ? suggest(given, choices) : '',
  )
}

/** Settings are checked by the declaration they are for; this only keeps a hostile number of them away from it. */
export function readSettings(
  given: unknown,
  path: string,
  problems: Problems,
): Readonly<Record<string, unknown>> | undefined {
  if (given === undefined) return {}
  if (!isPlainObject(given)) return problems.add(path, `must be a map of settings, not ${shown(given)}`)
  const count = Object.keys(given).length
  if (count > mostSettings) return problems.add(path, `has ${count} settings; at most ${mostSettings} are allowed`)
  return given
}

const ascii = /^[\u0000-\u007f]*$/

/** The form in which names are compared: two that look the same on every screen are the same name. */
export function comparable(name: string): string {
  return ascii.test(name) ? name : name.normalize('NFC')
}

/** The names of one parent, each of which may be there once. */
export class UniqueNames {
  readonly #seen = new Map<string, { readonly name: string; readonly path: string }>()

  /** @returns whether the name is new; reports where it is not */
  take(name: string, path: string, problems: Problems): boolean {
    const before = this.#seen.get(comparable(name))
    if (before === undefined) {
      this.#seen.set(comparable(name), { name, path })
      return true
    }
    problems.add(
      path,
      before.name === name
        ? `${shown(name)} is there twice; the other one is ${before.path}`
        : `${shown(name)} differs from ${before.path} only in how its characters are composed (Unicode normal form)`,
    )
    return false
  }
}
