import { at, formatDuration, parseDuration, parseSize, suggest, type Checked, type Problem } from '../base/index.ts'

interface Common {
  /** What the form shows beside the field. */
  readonly label: string
  /** One or two sentences: what it is for, what goes wrong when it is wrong. */
  readonly help?: string
  /** May be left out although it has no default; `collect` then sees undefined. */
  readonly optional?: true
}

/** One setting, declared once: types the code, checks configuration, draws the form, writes the reference page. */
export type Param =
  | (Common & {
      readonly kind: 'text'
      readonly default?: string
      readonly maxLength?: number
      readonly pattern?: string
      readonly multiline?: true
      readonly example?: string
      /** The target can be asked what there is to choose from: the monitor's `candidates` says it. Settings of monitors only. */
      readonly candidates?: true
    })
  | (Common & {
      readonly kind: 'number'
      readonly default?: number
      readonly min?: number
      readonly max?: number
      readonly integer?: true
    })
  | (Common & { readonly kind: 'flag'; readonly default: boolean })
  | (Common & { readonly kind: 'choice'; readonly of: readonly string[]; readonly default?: string })
  /** Written as `10s`; seen by the code in milliseconds. Bounds and default are written the same way. */
  | (Common & { readonly kind: 'duration'; readonly default?: string; readonly min?: string; readonly max?: string })
  /** Written as `2GiB`; seen by the code in bytes. */
  | (Common & { readonly kind: 'size'; readonly default?: string; readonly min?: string; readonly max?: string })
  | (Common & {
      readonly kind: 'url'
      readonly protocols: readonly string[]
      readonly default?: string
      readonly example?: string
    })
  /** A secret: shown as dots, encrypted where stored. Only in the fields of a credential. */
  | (Common & { readonly kind: 'secret'; readonly maxLength?: number; readonly multiline?: true })
  | (Common & {
      readonly kind: 'list'
      readonly of: Param
      readonly default?: readonly unknown[]
      readonly maxItems?: number
      /** As for texts; each entry is one of them. */
      readonly candidates?: true
    })
  /** Free keys with text values: HTTP headers, extractions. */
  | (Common & {
      readonly kind: 'map'
      readonly default?: Readonly<Record<string, string>>
      readonly keyPattern?: string
      readonly maxItems?: number
    })

export type Params = Readonly<Record<string, Param>>

type Plain<P extends Param> = P extends { kind: 'text' | 'url' | 'secret' }
  ? string
  : P extends { kind: 'number' | 'duration' | 'size' }
    ? number
    : P extends { kind: 'flag' }
      ? boolean
      : P extends { kind: 'choice'; of: readonly (infer O)[] }
        ? O
        : P extends { kind: 'list'; of: infer I extends Param }
          ? readonly Plain<I>[]
          : P extends { kind: 'map' }
            ? Readonly<Record<string, string>>
            : never

/** What the code sees for declared settings: defaults applied, durations in ms, sizes in bytes. */
export type SettingsOf<P extends Params> = {
  readonly [K in keyof P]: P[K] extends { optional: true } ? Plain<P[K]> | undefined : Plain<P[K]>
}

/** The settings for which a monitor says what there is to choose from. */
export type ChosenFromTarget<P extends Params> = {
  [K in keyof P]: P[K] extends { readonly candidates: true } ? K : never
}[keyof P]

const maxText = 4_000
const maxListItems = 1_000

// Line breaks and tabs are welcome in multiline texts; other control characters are an attack or an accident everywhere.
const control = /\p{Cc}/u
const controlInMultiline = /[^\P{Cc}\t\n\r]/u

/** What is wrong with a text as such, whatever it is for: too long, control characters, broken UTF-16. Undefined where nothing is. */
export function textProblem(
  text: string,
  limits: { maxLength?: number; multiline?: boolean } = {},
): string | undefined {
  const max = limits.maxLength ?? maxText
  if (text.length > max) return `is ${text.length} characters long; at most ${max} are allowed`
  if ((limits.multiline === true ? controlInMultiline : control).test(text)) return 'contains control characters'
  if (!text.isWellFormed()) return 'is not valid Unicode (a surrogate without its other half)'
  return undefined
}

/** Names a value in a message without repeating much of it. */
export function shown(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value)
    case 'object':
      return 'an object'
    case 'undefined':
      return 'nothing'
    default:
      return String(value)
  }
}

type Reader = (path: string, given: unknown, report: (problem: Problem) => void) => unknown

function bounded(
  given: number,
  written: string,
  min: number | undefined,
  max: number | undefined,
  format: (n: number) => string,
): string | undefined {
  if (min !== undefined && given < min) return `${written} is too small; at least ${format(min)}`
  if (max !== undefined && given > max) return `${written} is too large; at most ${format(max)}`
  return undefined
}

function readerOf(param: Param): Reader {
  switch (param.kind) {
    case 'text':
    case 'secret':
      return (path, given, report) => {
        if (typeof given !== 'string')
          return report({
            path,
            message: `must be a text, not ${param.kind === 'secret' ? 'what was given' : shown(given)}`,
          })
        const wrong = textProblem(given, {
          ...(param.maxLength === undefined ? {} : { maxLength: param.maxLength }),
          multiline: param.multiline === true || param.kind === 'secret',
        })
        if (wrong !== undefined) return report({ path, message: wrong })
        if (
          param.kind === 'text' &&
          param.pattern !== undefined &&
          !new RegExp(`^(?:${param.pattern})$`, 'u').test(given)
        ) {
          return report({
            path,
            message: `${shown(given)} is not of the form ${param.pattern}`,
            ...(param.example === undefined ? {} : { hint: `For example: ${param.example}` }),
          })
        }
        return given
      }
    case 'number':
      return (path, given, report) => {
        if (typeof given !== 'number' || !Number.isFinite(given))
          return report({ path, message: `must be a number, not ${shown(given)}` })
        if (param.integer === true && !Number.isInteger(given))
          return report({ path, message: `must be a whole number, not ${given}` })
        const wrong = bounded(given, String(given), param.min, param.max, String)
        return wrong === undefined ? given : report({ path, message: wrong })
      }
    case 'flag':
      return (path, given, report) =>
        typeof given === 'boolean' ? given : report({ path, message: `must be true or false, not ${shown(given)}` })
    case 'choice':
      return (path, given, report) => {
        if (typeof given === 'string' && param.of.includes(given)) return given
        return report({
          path,
          message: `${shown(given)} is not one of: ${param.of.join(', ')}`,
          hint: typeof given === 'string' ? suggest(given, param.of) : '',
        })
      }
    case 'duration':
    case 'size': {
      const parse = param.kind === 'duration' ? parseDuration : parseSize
      const example = param.kind === 'duration' ? '10s, 5m, 1h30m' : '64KiB, 2GiB'
      const read = (text: string | undefined) => (text === undefined ? undefined : parse(text))
      return (path, given, report) => {
        const value = typeof given === 'string' ? parse(given) : undefined
        if (value === undefined)
          return report({
            path,
            message: `must be a ${param.kind} with its unit, not ${shown(given)}`,
            hint: `For example: ${example}`,
          })
        const wrong = bounded(value, shown(given), read(param.min), read(param.max), (n) =>
          param.kind === 'duration' ? formatDuration(n) : `${n} bytes`,
        )
        return wrong === undefined ? value : report({ path, message: wrong })
      }
    }
    case 'url':
      return (path, given, report) => {
        if (typeof given !== 'string') return report({ path, message: `must be a URL, not ${shown(given)}` })
        const wrong = textProblem(given) ?? urlProblem(given, param.protocols)
        return wrong === undefined
          ? given
          : report({
              path,
              message: wrong,
              ...(param.example === undefined ? {} : { hint: `For example: ${param.example}` }),
            })
      }
    case 'list': {
      const readItem = readerOf(param.of)
      const max = param.maxItems ?? maxListItems
      return (path, given, report) => {
        if (!Array.isArray(given)) return report({ path, message: `must be a list, not ${shown(given)}` })
        if (given.length > max)
          return report({ path, message: `has ${given.length} entries; at most ${max} are allowed` })
        return given.map((item, i) => readItem(at(path, i), item, report))
      }
    }
    case 'map': {
      const max = param.maxItems ?? maxListItems
      return (path, given, report) => {
        if (!isPlainObject(given))
          return report({ path, message: `must be a map of names to texts, not ${shown(given)}` })
        const entries = Object.entries(given)
        if (entries.length > max)
          return report({ path, message: `has ${entries.length} entries; at most ${max} are allowed` })
        const read: [string, string][] = []
        for (const [key, value] of entries) {
          const wrongKey = reservedKey(key)
            ? 'is a name that cannot be used'
            : (textProblem(key, { maxLength: 200 }) ??
              (param.keyPattern !== undefined && !new RegExp(`^(?:${param.keyPattern})$`, 'u').test(key)
                ? `is not of the form ${param.keyPattern}`
                : undefined))
          if (wrongKey !== undefined) report({ path: at(path, key), message: `the name ${wrongKey}` })
          else if (typeof value !== 'string')
            report({ path: at(path, key), message: `must be a text, not ${shown(value)}` })
          else {
            const wrong = textProblem(value)
            if (wrong === undefined) read.push([key, value])
            else report({ path: at(path, key), message: wrong })
          }
        }
        return Object.fromEntries(read)
      }
    }
  }
}

function urlProblem(text: string, protocols: readonly string[]): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)/i.exec(text)
  if (scheme === null) return `${shown(text)} is not a complete URL`
  if (!protocols.includes(scheme[1]!.toLowerCase()))
    return `${shown(text)} must begin with ${protocols.map((p) => `${p}://`).join(' or ')}`
  if (scheme[2]!.includes('@')) return 'holds a user name or password; put those into a credential'
  if (/\s/.test(text)) return 'contains white space'
  const port = /:(\d+)$/.exec(scheme[2]!)
  if (port !== null && (Number(port[1]) < 1 || Number(port[1]) > 65535))
    return `has the port ${port[1]}; ports go from 1 to 65535`
  return undefined
}

/** Keys that would reach into an object's prototype. */
export function reservedKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype'
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function defaultOf(param: Param): unknown {
  if (!('default' in param) || param.default === undefined) return undefined
  if (param.kind === 'duration') return parseDuration(param.default)
  if (param.kind === 'size') return parseSize(param.default)
  return param.default
}

/**
 * Checks what a user gave against declared settings, completely.
 * @returns the settings as code sees them, defaults applied; or all problems, with paths below `path`
 */
export function checkSettings<P extends Params>(params: P, given: unknown, path: string): Checked<SettingsOf<P>> {
  const problems: Problem[] = []
  const report = (problem: Problem): undefined => {
    problems.push(problem)
  }
  if (given !== undefined && !isPlainObject(given)) {
    return { ok: false, problems: [{ path, message: `must be a map of settings, not ${shown(given)}` }] }
  }
  const source = given ?? {}
  for (const key of Object.keys(source)) {
    if (!Object.hasOwn(params, key))
      report({ path: at(path, key), message: 'is not a setting here', hint: suggest(key, Object.keys(params)) })
  }
  const settings: Record<string, unknown> = {}
  for (const [key, param] of Object.entries(params)) {
    const value = Object.hasOwn(source, key) ? source[key] : undefined
    if (value === undefined) {
      const fallback = defaultOf(param)
      if (fallback === undefined && param.optional !== true)
        report({ path: at(path, key), message: `is missing: ${param.label}` })
      settings[key] = fallback
    } else {
      settings[key] = readerOf(param)(at(path, key), value, report)
    }
  }
  // Every key was read by the reader of its own declaration, which is what SettingsOf says.
  return problems.length === 0 ? { ok: true, value: settings as SettingsOf<P> } : { ok: false, problems }
}

/** The JSON Schema (2020-12) of declared settings, for OpenAPI and the library endpoints. */
export function settingsSchema(params: Params): Record<string, unknown> {
  const required = Object.entries(params)
    .filter(([, p]) => defaultOf(p) === undefined && p.optional !== true)
    .map(([key]) => key)
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(params).map(([key, param]) => [key, paramSchema(param)])),
    ...(required.length > 0 ? { required } : {}),
  }
}

function paramSchema(param: Param): Record<string, unknown> {
  const about = {
    title: param.label,
    ...(param.help === undefined ? {} : { description: param.help }),
    ...('default' in param && param.default !== undefined ? { default: param.default } : {}),
  }
  switch (param.kind) {
    case 'text':
      return {
        ...about,
        type: 'string',
        maxLength: param.maxLength ?? maxText,
        ...(param.pattern === undefined ? {} : { pattern: `^(?:${param.pattern})$` }),
      }
    case 'secret':
      return { ...about, type: 'string', writeOnly: true, format: 'password' }
    case 'number':
      return {
        ...about,
        type: param.integer === true ? 'integer' : 'number',
        ...(param.min === undefined ? {} : { minimum: param.min }),
        ...(param.max === undefined ? {} : { maximum: param.max }),
      }
    case 'flag':
      return { ...about, type: 'boolean' }
    case 'choice':
      return { ...about, type: 'string', enum: param.of }
    case 'duration':
      return { ...about, type: 'string', format: 'farwatch-duration' }
    case 'size':
      return { ...about, type: 'string', format: 'farwatch-size' }
    case 'url':
      return { ...about, type: 'string', format: 'uri' }
    case 'list':
      return { ...about, type: 'array', items: paramSchema(param.of), maxItems: param.maxItems ?? maxListItems }
    case 'map':
      return { ...about, type: 'object', additionalProperties: { type: 'string' } }
  }
}
