import { createHash } from 'node:crypto'
import type { SqlValue, Statement } from './statement.ts'

/**
 * One batch of statements as it is logged and sent to the other server:
 *
 *   version (1 byte) · JSON: { sql: distinct texts, runs: [place in sql, rows changed, parameters][] }
 *
 * A pair runs neighbouring versions while it is upgraded, so that a form is only ever added to.
 */
const version = 1

/** A statement that was carried out. */
export interface LoggedStatement extends Statement {
  /** How many rows it changed, and must change wherever it is repeated; undefined where that may differ. */
  readonly changed: number | undefined
}

type StoredValue = string | number | null | { readonly b: string } | { readonly x: string } | { readonly n: string }

interface Stored {
  readonly sql: readonly string[]
  readonly runs: readonly (readonly [sql: number, changed: number | null, params: Record<string, StoredValue>])[]
}

export function encodeChange(statements: readonly LoggedStatement[]): Uint8Array {
  const places = new Map<string, number>()
  const runs = statements.map(({ sql, params = {}, changed }) => {
    const place = places.get(sql) ?? places.size
    places.set(sql, place)
    const stored = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, store(value)]))
    return [place, changed ?? null, stored] as const
  })
  const json = Buffer.from(JSON.stringify({ sql: [...places.keys()], runs } satisfies Stored))
  const bytes = new Uint8Array(1 + json.length)
  bytes[0] = version
  bytes.set(json, 1)
  return bytes
}

/** @throws RangeError where it is no change of this version, SyntaxError where it is damaged */
export function decodeChange(body: Uint8Array): readonly LoggedStatement[] {
  if (body[0] !== version) throw new RangeError(`a change has version ${body[0]}, which cannot be read`)
  // Written by `encodeChange`; its checksum says so.
  const { sql, runs } = JSON.parse(Buffer.from(body.buffer, body.byteOffset + 1, body.length - 1).toString()) as Stored
  return runs.map(([place, changed, params]) => ({
    sql: sql[place]!,
    params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, restore(value)])),
    changed: changed ?? undefined,
  }))
}

function store(value: SqlValue): StoredValue {
  if (typeof value === 'bigint') return { b: value.toString() }
  if (value instanceof Uint8Array) return { x: Buffer.from(value).toString('base64') }
  // JSON has neither of these, and a number that became null would be another row on the other side.
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return { n: Object.is(value, -0) ? '-0' : String(value) }
  return value
}

function restore(value: StoredValue): SqlValue {
  if (typeof value !== 'object' || value === null) return value
  if ('b' in value) return BigInt(value.b)
  if ('x' in value) return new Uint8Array(Buffer.from(value.x, 'base64'))
  return Number(value.n)
}

/** The checksum of a place in a line of changes: the same only where everything before it was the same, in the same order. */
export function chain(before: string, position: number, ...bodies: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256').update(`${before}\n${position}\n`)
  for (const body of bodies) hash.update(body)
  return hash.digest('hex').slice(0, 32)
}

const target = /^\s*(INSERT|REPLACE|UPDATE|DELETE)\s+(?:OR\s+\w+\s+)?(?:INTO\s+|FROM\s+)?"?(\w+)/i

/** What a statement does to which table; undefined where its text does not tell. */
export function targetOf(sql: string): { readonly verb: string; readonly table: string } | undefined {
  const [, verb, table] = target.exec(sql) ?? []
  return verb === undefined || table === undefined ? undefined : { verb: verb.toUpperCase(), table }
}

const undetermined: readonly (readonly [RegExp, string])[] = [
  [/\brandom(blob)?\s*\(/i, 'chance'],
  [/\bcurrent_(time|date|timestamp)\b|'now'|\b(date|time|datetime|julianday|unixepoch)\s*\(\s*\)/i, 'the clock'],
  [/\b(last_insert_rowid|changes|total_changes)\s*\(/i, 'what the connection did before'],
  [/\bLIMIT\b/i, 'which rows come first'],
]

/**
 * Why a statement might do something else where it is repeated; undefined where it does the same. Times, chance and ids are parameters;
 * a LIMIT needs an ORDER BY.
 */
export function whyUndetermined(sql: string): string | undefined {
  for (const [pattern, what] of undetermined) {
    if (!pattern.test(sql)) continue
    if (what === 'which rows come first' && /\bORDER\s+BY\b/i.test(sql)) continue
    return `it depends on ${what}`
  }
  return undefined
}
