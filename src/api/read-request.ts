import { Compile, type Validator } from 'typebox/compile'
import type { TObject, TSchema } from 'typebox'
import { FarwatchError, at, suggest, type Problem } from '../base/index.ts'
import { breathing, inPieces, systemClock, type Pieces } from '../platform/index.ts'
import { textProblem } from '../sdk/index.ts'

/** Checks one part of a request against its schema; gives the value typed as the schema says, or throws with every problem. */
export type Reader = (given: unknown) => unknown

const maxDepth = 64

/** What checks by a schema, made with its first request: a start would make two hundred of which few are ever used. */
function whenUsed(schema: TSchema): () => Validator {
  let made: Validator | undefined
  return () => (made ??= Compile(schema))
}

/** A reader for JSON bodies, of which some are large. @throws FarwatchError `bad-request` */
export function bodyReader(schema: TSchema): (given: unknown) => Promise<unknown> {
  const check = whenUsed(schema)
  return async (given) => {
    await inPieces(refusingHostile(given), breathing(systemClock))
    if (!check().Check(given)) throw badRequest('The body', problemsOf(check().Errors(given), schema))
    return given
  }
}

/**
 * A reader for query strings and path parameters, where everything arrives as text: numbers and flags are read from it. Unknown
 * and repeated parameters are refused, because a filter that is ignored shows what was not asked for.
 */
export function textReader(schema: TObject, what: 'query parameter' | 'path parameter'): Reader {
  const check = whenUsed(schema)
  const properties: Readonly<Record<string, TSchema & { type?: string }>> = schema.properties
  return (given) => {
    const values: Record<string, unknown> = {}
    const problems: Problem[] = []
    refuseBroken(given)
    for (const [key, text] of Object.entries(given as Record<string, unknown>)) {
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined
      if (property === undefined) {
        problems.push({ path: key, message: `is not a ${what} here`, hint: suggest(key, Object.keys(properties)) })
      } else if (typeof text !== 'string') {
        problems.push({ path: key, message: 'is given more than once' })
      } else {
        const wrong = textProblem(text, { maxLength: 8_000 })
        if (wrong === undefined) values[key] = fromText(text, property.type)
        else problems.push({ path: key, message: wrong })
      }
    }
    if (problems.length === 0 && !check().Check(values)) problems.push(...problemsOf(check().Errors(values), schema))
    if (problems.length > 0) throw badRequest(what === 'query parameter' ? 'The query' : 'The path', problems)
    return values
  }
}

/** A query string that is not percent-encoded UTF-8. The router's parser may not throw: that would end the process. */
class BrokenQuery {}

/** Reads a query string strictly: a broken percent-encoding is not kept as it is, and repeated names become lists. */
export function readQueryString(text: string): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const cut = pair.indexOf('=')
    try {
      const key = decode(cut < 0 ? pair : pair.slice(0, cut))
      const value = cut < 0 ? '' : decode(pair.slice(cut + 1))
      values[key] = key in values ? [values[key], value].flat() : value
    } catch {
      return new BrokenQuery() as Record<string, unknown>
    }
  }
  return values
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

/** Refuses a query of which `readQueryString` could make nothing. @throws FarwatchError `bad-request` */
export function refuseBroken(query: unknown): void {
  if (query instanceof BrokenQuery)
    throw new FarwatchError('bad-request', 'the query string is not valid percent-encoded UTF-8')
}

function fromText(text: string, type: string | undefined): unknown {
  if (type === 'boolean') return text === 'true' || text === '' ? true : text === 'false' ? false : text
  if (type === 'integer' || type === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  return text
}

/** So many values are looked at between two pauses: well below a millisecond of work. */
const perPiece = 500

/** Refuses what no honest client sends, before a schema walks it: bottomless nesting, control characters, broken Unicode. */
function* refusingHostile(body: unknown): Pieces<void> {
  /** What is open, from the outside in, with how far it is. */
  const open: { readonly keys: readonly string[] | undefined; readonly values: readonly unknown[]; next: number }[] = []
  const path = () =>
    open.reduce((place, { keys, next }) => at(place, keys === undefined ? next - 1 : keys[next - 1]!), '')
  const look = (value: unknown) => {
    if (open.length > maxDepth)
      throw badRequest('The body', [{ path: path(), message: `is nested deeper than ${maxDepth} levels` }])
    if (typeof value === 'string') {
      const wrong = textProblem(value, { maxLength: Infinity, multiline: true })
      if (wrong !== undefined) throw badRequest('The body', [{ path: path(), message: wrong }])
    } else if (Array.isArray(value)) open.push({ keys: undefined, values: value, next: 0 })
    else if (typeof value === 'object' && value !== null) {
      const keys = Object.keys(value)
      for (const key of keys) {
        const wrong = textProblem(key, { maxLength: 8_000 })
        if (wrong !== undefined) throw badRequest('The body', [{ path: path(), message: `has a name that ${wrong}` }])
      }
      open.push({ keys, values: Object.values(value), next: 0 })
    }
  }
  look(body)
  for (let looked = 0; open.length > 0; looked++) {
    const inner = open.at(-1)!
    if (inner.next < inner.values.length) look(inner.values[inner.next++])
    else open.pop()
    if (looked % perPiece === 0) yield
  }
}

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: unknown
}

function problemsOf(errors: Iterable<SchemaError>, schema: TSchema): Problem[] {
  const problems: Problem[] = []
  for (const error of errors) {
    const path = pathOf(error.instancePath)
    const params = error.params as Record<string, unknown>
    if (error.keyword === 'additionalProperties') {
      const known = 'properties' in schema && error.instancePath === '' ? Object.keys(schema.properties as object) : []
      for (const key of listOf(params['additionalProperties']))
        problems.push({ path: at(path, key), message: 'is not known here', hint: suggest(key, known) })
    } else if (error.keyword === 'required') {
      for (const key of listOf(params['requiredProperties']))
        problems.push({ path: at(path, key), message: 'is missing' })
    } else if (error.keyword === 'enum') {
      problems.push({ path, message: `must be one of: ${listOf(params['allowedValues']).join(', ')}` })
    } else {
      problems.push({ path, message: error.message })
    }
    if (problems.length >= 50) break
  }
  return problems
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => at(path, /^\d+$/.test(part) ? Number(part) : part), '')
}

function badRequest(what: string, problems: readonly Problem[]): FarwatchError {
  const first = problems[0]
  const where = first === undefined || first.path === '' ? '' : `${first.path} `
  return new FarwatchError('bad-request', `${what} is not as documented: ${where}${first?.message ?? ''}`, {
    hint: first?.hint || '/api/docs describes every request.',
    problems,
  })
}

/** Reads `2026-01-31T12:00:00Z` or epoch milliseconds. @throws FarwatchError `bad-request` naming the parameter */
export function readMoment(name: string, text: string): number {
  const moment = /^\d{1,15}$/.test(text)
    ? Number(text)
    : /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
      ? Date.parse(text)
      : Number.NaN
  if (!Number.isFinite(moment))
    throw badRequest('The query', [
      {
        path: name,
        message: `${JSON.stringify(text.slice(0, 60))} is not a time`,
        hint: 'ISO 8601 such as 2026-01-31T12:00:00Z, or epoch milliseconds.',
      },
    ])
  return moment
}

/** The asked range, by default the last 24 hours. @throws FarwatchError `bad-request` where it ends before it begins */
export function readRange(
  query: { readonly from?: string; readonly to?: string },
  now: number,
): { readonly from: number; readonly to: number } {
  const to = query.to === undefined ? now : readMoment('to', query.to)
  const from = query.from === undefined ? to - 86_400_000 : readMoment('from', query.from)
  if (from > to) throw badRequest('The query', [{ path: 'from', message: 'is later than `to`' }])
  return { from, to }
}
