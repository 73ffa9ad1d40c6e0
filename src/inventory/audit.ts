import { FarwatchError } from '../base/index.ts'
import type { Database, Statement } from '../platform/index.ts'

/** One thing that somebody did. Secrets in it are `***`. */
export interface AuditRecord {
  /** The user's name, `farwatch` for the program itself. */
  readonly who: string
  /** A stable word: `configuration changed`, `signed in`, `agent accepted`. */
  readonly action: string
  /** What it was done to: a path in the configuration, a user's name. */
  readonly what: string
  readonly before?: unknown
  readonly after?: unknown
}

/** The answer of `GET /audit`, one row. */
export interface AuditEntry {
  readonly id: number
  readonly at: string
  readonly who: string
  readonly action: string
  readonly what: string
  readonly before: unknown
  readonly after: unknown
}

export interface Page<T> {
  readonly entries: readonly T[]
  /** Where the next page begins; null where this is the last. */
  readonly next: string | null
}

/** The statement that adds to the audit log, to be written together with what it tells of. */
export function auditing(record: AuditRecord, at: number): Statement {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))
  return {
    sql: `INSERT INTO audit (at, who, action, what, before_value, after_value)
          VALUES ($at, $who, $action, $what, $before, $after)`,
    params: {
      at,
      who: record.who,
      action: record.action,
      what: record.what,
      before: json(record.before),
      after: json(record.after),
    },
    expect: 1,
  }
}

/** An entry as it is stored. Moments are epoch milliseconds; values JSON. */
export interface AuditRowOfOther {
  readonly at: number
  readonly who: string
  readonly action: string
  readonly what: string
  readonly before: string | null
  readonly after: string | null
}

export function auditSince(database: Database, since: number): Promise<AuditRowOfOther[]> {
  return database.read<AuditRowOfOther>(
    'SELECT at, who, action, what, before_value AS "before", after_value AS "after" FROM audit WHERE at >= $since ORDER BY id',
    { since },
  )
}

/** Adds an entry that another server made; one that is there already is not added twice. */
export function auditingOnce(row: AuditRowOfOther): Statement {
  return {
    sql: `INSERT INTO audit (at, who, action, what, before_value, after_value)
          SELECT $at, $who, $action, $what, $before, $after
          WHERE NOT EXISTS (SELECT 1 FROM audit WHERE who = $who AND at = $at AND action = $action AND what = $what)`,
    params: { ...row },
  }
}

const mostRows = 10_000

/** How many rows a page has, and below which id they begin. @throws FarwatchError `invalid-value` */
export function readPage(page: { cursor?: string | undefined; limit?: number | undefined }): {
  readonly below: number
  readonly limit: number
} {
  const below = page.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(page.cursor)
  if (!Number.isSafeInteger(below) || below < 0)
    throw new FarwatchError('invalid-value', 'the cursor is not one that was given out', {
      hint: 'Begin again without a cursor.',
    })
  return { below, limit: Math.min(Math.max(1, page.limit ?? mostRows), mostRows) }
}

/** One row more than asked for was read, to know whether there is a next page. */
export function toPage<T>(rows: readonly T[], limit: number, idOf: (row: T) => number): Page<T> {
  const entries = rows.slice(0, limit)
  return { entries, next: rows.length > limit ? String(idOf(entries.at(-1)!)) : null }
}

interface AuditRow {
  readonly id: number
  readonly at: number
  readonly who: string
  readonly action: string
  readonly what: string
  readonly before_value: string | null
  readonly after_value: string | null
}

/** Which entries are asked for. Moments are epoch milliseconds, both ends among them. */
export interface AuditQuery {
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
  /** The whole name. */
  readonly who?: string | undefined
  /** A part of what was done or of what it was done to; capitals say nothing. */
  readonly text?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** What was done, newest first. */
export async function listAudit(database: Database, query: AuditQuery): Promise<Page<AuditEntry>> {
  const { below, limit } = readPage(query)
  const { who, from, to } = query
  const text = query.text?.toLowerCase()
  const wanted = [
    ...(who === undefined ? [] : ['AND who = $who']),
    ...(text === undefined ? [] : ["AND instr(lower(action || ' ' || what), $text) > 0"]),
    ...(from === undefined ? [] : ['AND at >= $from']),
    ...(to === undefined ? [] : ['AND at <= $to']),
  ]
  const rows = await database.read<AuditRow>(
    `SELECT id, at, who, action, what, before_value, after_value FROM audit
     WHERE id < $below ${wanted.join(' ')}
     ORDER BY id DESC LIMIT $rows`,
    {
      below,
      rows: limit + 1,
      ...(who === undefined ? {} : { who }),
      ...(text === undefined ? {} : { text }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    },
  )
  const json = (text: string | null): unknown => (text === null ? null : JSON.parse(text))
  const entries = rows.map((row) => ({
    id: row.id,
    at: new Date(row.at).toISOString(),
    who: row.who,
    action: row.action,
    what: row.what,
    before: json(row.before_value),
    after: json(row.after_value),
  }))
  return toPage(entries, limit, (entry) => entry.id)
}
