import type { Param, Params } from '../../../src/sdk/index.ts'
import { isObject } from './same.ts'

/**
 * Settings while somebody types. As the document has them, but: numbers are texts as they were typed, maps are lists of pairs, so that two
 * names may be the same for a moment; what is undefined or an empty text is not given.
 */
export type Draft = Readonly<Record<string, unknown>>
export type Pairs = readonly (readonly [string, string])[]

/** What was declared, as the library sends it. */
export function declared(params: unknown): Params {
  // The server sends the declaration itself, of which the contract says no more than that it is JSON.
  return params as Params
}

export function isPairs(value: unknown): value is Pairs {
  return Array.isArray(value) && value.every((one) => Array.isArray(one) && one.length === 2)
}

export function draftOf(params: Params, settings: Readonly<Record<string, unknown>>): Draft {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      Object.hasOwn(params, key) ? toDraft(params[key]!, value) : value,
    ]),
  )
}

function toDraft(param: Param, value: unknown): unknown {
  if (param.kind === 'map' && isObject(value)) return Object.entries(value).map(([key, one]) => [key, String(one)])
  if (param.kind === 'number' && typeof value === 'number') return String(value)
  if (param.kind === 'list' && Array.isArray(value)) return value.map((one) => toDraft(param.of, one))
  return value
}

/** The settings that a draft means. What cannot be one is sent as it was typed, and the server says what is wrong with it. */
export function settingsOf(params: Params, draft: Draft): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(draft).flatMap(([key, value]) => {
      const param = Object.hasOwn(params, key) ? params[key] : undefined
      if (value === undefined || value === '') return []
      return [[key, param === undefined ? value : fromDraft(param, value)] as const]
    }),
  )
}

function fromDraft(param: Param, value: unknown): unknown {
  switch (param.kind) {
    case 'number':
      return typeof value === 'string' && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value)
        ? Number(value)
        : value
    case 'map':
      return isPairs(value) ? Object.fromEntries(value.filter(([key, one]) => key !== '' || one !== '')) : value
    case 'list':
      return Array.isArray(value) ? value.map((one: unknown) => fromDraft(param.of, one)) : value
    case 'text':
    case 'url':
    case 'duration':
    case 'size':
      return typeof value === 'string' && !('multiline' in param && param.multiline === true) ? value.trim() : value
    case 'flag':
    case 'choice':
    case 'secret':
      return value
  }
}

/** Names that a map has twice: of the two only one would be kept. */
export function repeatedNames(pairs: Pairs): readonly string[] {
  const names = pairs.map(([name]) => name).filter((name) => name !== '')
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))]
}

/** So many fields are shown together; of more, those that need nothing are folded away. */
const mostUnfolded = 4

/** The fields that are shown at once, and those that stand behind a fold: they have a default and were left at it. */
export function foldedFields(
  params: Params,
  given: Readonly<Record<string, unknown>>,
): { readonly shown: readonly string[]; readonly folded: readonly string[] } {
  const keys = Object.keys(params)
  if (keys.length <= mostUnfolded) return { shown: keys, folded: [] }
  const isWanted = (key: string) =>
    Object.hasOwn(given, key) || (defaultOf(params[key]!) === undefined && params[key]!.optional !== true)
  const shown = keys.filter(isWanted)
  return shown.length === 0
    ? { shown: keys.slice(0, mostUnfolded), folded: keys.slice(mostUnfolded) }
    : { shown, folded: keys.filter((key) => !isWanted(key)) }
}

export function defaultOf(param: Param): unknown {
  return 'default' in param ? param.default : undefined
}

/** A default in words; undefined where there is none, or none worth a word. */
export function defaultText(param: Param): string | undefined {
  const value = defaultOf(param)
  if (value === undefined || value === '') return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(String).join(', ')
  if (isObject(value)) {
    const entries = Object.entries(value)
    return entries.length === 0 ? undefined : entries.map(([key, one]) => `${key}: ${String(one)}`).join(', ')
  }
  return String(value)
}

/** Limits that the declaration names, in words: `1 to 65535`. */
export function limitText(param: Param): string | undefined {
  if (param.kind !== 'number' && param.kind !== 'duration' && param.kind !== 'size') return undefined
  const { min, max } = param
  if (min === undefined && max === undefined) return undefined
  if (min === undefined) return `≤ ${max}`
  return max === undefined ? `≥ ${min}` : `${min} – ${max}`
}
