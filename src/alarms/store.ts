import { FarwatchError } from '../base/index.ts'
import type { Alarm, AlarmStatus, Severity } from '../model/index.ts'
import type { Database, Row, SqlValue, Statement } from '../platform/index.ts'
import type { ItemState } from './step.ts'
import { kept, type TaskState } from './judge.ts'

/** An alarm with what the program itself needs to know of it. */
export interface StoredAlarm {
  readonly alarm: Alarm
  /** The row and item it belongs to: `Judged.key`. */
  readonly place: string
  /** How many steps its history has. */
  readonly steps: number
}

/** One entry of an alarm's history. `by` is null for the program itself. */
export interface AlarmStep {
  readonly at: number
  readonly what: 'raised' | 'updated' | 'acknowledged' | 'assigned' | 'commented' | 'cleared'
  readonly by: string | null
  readonly text: string
}

export interface AlarmQuery {
  readonly states?: readonly AlarmStatus[]
  readonly severities?: readonly Severity[]
  /** The groups somebody may see or asks for. */
  readonly groups?: readonly string[]
  readonly system?: string
  readonly task?: string
  /** Those that were open at some moment of `from` ≤ moment < `to`. */
  readonly openBetween?: { readonly from: number; readonly to: number }
  /** From an earlier page's `next`. */
  readonly cursor?: string
  /** Default 100, at most 1000. */
  readonly limit?: number
}

/** What is remembered of a task, and whether its dead-man has spoken. */
export interface RememberedTask {
  readonly state: TaskState
  readonly silent: Silent | undefined
}

/** No results since a moment; `muted`: cleared by hand. */
export interface Silent {
  readonly since: number
  readonly muted: boolean
}

export function saveAlarm({ alarm, place, steps }: StoredAlarm): Statement {
  return {
    sql: `INSERT INTO alarm (id, severity, state, group_name, system, connector, task, monitor, rule, item, metric, value, message,
            raised_at, updated_at, cleared_at, acknowledged_by, assigned_to, place, steps)
          VALUES ($id, $severity, $state, $group, $system, $connector, $task, $monitor, $rule, $item, $metric, $value, $message,
            $raisedAt, $updatedAt, $clearedAt, $acknowledgedBy, $assignedTo, $place, $steps)
          ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, state = excluded.state, value = excluded.value,
            message = excluded.message, updated_at = excluded.updated_at, cleared_at = excluded.cleared_at,
            acknowledged_by = excluded.acknowledged_by, assigned_to = excluded.assigned_to, steps = excluded.steps`,
    params: { ...alarm, place, steps },
  }
}

export function saveStep(id: string, n: number, step: AlarmStep): Statement {
  return {
    // A step that is there already must not hold up everything that is written with it.
    sql: `INSERT INTO alarm_step (alarm, n, at, what, by_whom, text) VALUES ($id, $n, $at, $what, $by, $text)
          ON CONFLICT (alarm, n) DO UPDATE SET at = excluded.at, what = excluded.what, by_whom = excluded.by_whom, text = excluded.text`,
    params: { id, n, ...step },
  }
}

export function saveTask(task: string, remembered: RememberedTask | undefined): Statement {
  if (remembered === undefined || isForgettable(remembered))
    return { sql: 'DELETE FROM alarm_task WHERE task = $task', params: { task } }
  const { state, silent } = remembered
  const json: TaskJson = {
    lastSlot: state.lastSlot,
    items: [...state.items],
    counters: [...state.counters],
    watched: [...state.watched.keys()],
    silent: silent ?? null,
  }
  return {
    sql: 'INSERT INTO alarm_task (task, state) VALUES ($task, $state) ON CONFLICT (task) DO UPDATE SET state = excluded.state',
    params: { task, state: JSON.stringify(json) },
  }
}

export function savePosition(position: number): Statement {
  return {
    sql: 'INSERT INTO alarm_position (only_row, position) VALUES (1, $position) ON CONFLICT (only_row) DO UPDATE SET position = excluded.position',
    params: { position },
  }
}

/** Forgets alarms that were cleared before a moment, with their histories. */
export function forgetCleared(before: number): readonly Statement[] {
  return [
    {
      sql: 'DELETE FROM alarm_step WHERE alarm IN (SELECT id FROM alarm WHERE cleared_at < $before)',
      params: { before },
    },
    { sql: 'DELETE FROM alarm WHERE cleared_at < $before', params: { before } },
  ]
}

function isForgettable({ state, silent }: RememberedTask): boolean {
  return state.items.size === 0 && state.counters.size === 0 && state.watched.size === 0 && silent === undefined
}

interface TaskJson {
  readonly lastSlot: number
  readonly items: readonly (readonly [string, ItemState])[]
  readonly counters: readonly (readonly [string, { slot: number; value: number }])[]
  readonly watched: readonly string[]
  readonly silent: Silent | null
}

/** Everything that is needed to go on where the program stopped. Nothing counts as silent for the time in which nobody listened. */
export async function load(
  database: Database,
  at: number,
): Promise<{ position: number; open: readonly StoredAlarm[]; tasks: ReadonlyMap<string, RememberedTask> }> {
  const position = await database.read<{ position: number }>('SELECT position FROM alarm_position')
  const open = await database.read(`SELECT * FROM alarm WHERE state IN ('raised', 'acknowledged')`)
  const rows = await database.read<{ task: string; state: string }>('SELECT task, state FROM alarm_task')
  const tasks = new Map<string, RememberedTask>()
  for (const { task, state } of rows) {
    // Written by `saveTask` alone.
    const json = JSON.parse(state) as TaskJson
    tasks.set(task, {
      state: {
        lastSlot: json.lastSlot,
        items: kept(new Map(json.items)),
        counters: kept(new Map(json.counters)),
        watched: kept(new Map(json.watched.map((key) => [key, at]))),
      },
      silent: json.silent ?? undefined,
    })
  }
  return { position: position[0]?.position ?? 0, open: open.map(storedOf), tasks }
}

export async function find(database: Database, id: string): Promise<StoredAlarm | undefined> {
  const [row] = await database.read('SELECT * FROM alarm WHERE id = $id', { id })
  return row === undefined ? undefined : storedOf(row)
}

/** Alarms that went a step on since a moment, each with its whole history. */
export async function changedSince(database: Database, since: number): Promise<readonly AlarmOfOther[]> {
  const rows = await database.read('SELECT * FROM alarm WHERE updated_at >= $since ORDER BY raised_at, id', { since })
  const changed: AlarmOfOther[] = []
  for (const row of rows) {
    const { alarm, place } = storedOf(row)
    changed.push({ alarm, place, history: await history(database, alarm.id) })
  }
  return changed
}

/** An alarm as another server has it. */
export interface AlarmOfOther {
  readonly alarm: Alarm
  readonly place: string
  readonly history: readonly AlarmStep[]
}

export function history(database: Database, id: string): Promise<AlarmStep[]> {
  return database.read<AlarmStep>(
    'SELECT at, what, by_whom AS "by", text FROM alarm_step WHERE alarm = $id ORDER BY n',
    { id },
  )
}

/** Alarms, newest first. */
export async function list(
  database: Database,
  query: AlarmQuery,
): Promise<{ alarms: readonly Alarm[]; next: string | undefined }> {
  const limit = Math.min(Math.max(query.limit ?? 100, 1), 1_000)
  const where: string[] = []
  const params: Record<string, SqlValue> = { limit: limit + 1 }
  const oneOf = (column: string, values: readonly string[] | undefined) => {
    if (values === undefined) return
    const names = values.map((value, i) => {
      params[`${column}${i}`] = value
      return `$${column}${i}`
    })
    where.push(names.length === 0 ? '1 = 0' : `${column} IN (${names.join(', ')})`)
  }
  oneOf('state', query.states)
  oneOf('severity', query.severities)
  oneOf('group_name', query.groups)
  oneOf('system', query.system === undefined ? undefined : [query.system])
  oneOf('task', query.task === undefined ? undefined : [query.task])
  if (query.openBetween !== undefined) {
    where.push('raised_at < $openTo AND (cleared_at IS NULL OR cleared_at >= $openFrom)')
    params['openFrom'] = query.openBetween.from
    params['openTo'] = query.openBetween.to
  }
  const cursor = /^(\d{1,16})\.([a-z0-9]{1,40})$/.exec(query.cursor ?? '')
  if (query.cursor !== undefined && cursor === null)
    throw new FarwatchError('invalid-value', 'the cursor is not one that was given out', {
      hint: 'Begin again without a cursor.',
    })
  if (cursor !== null) {
    where.push('(raised_at < $cursorAt OR (raised_at = $cursorAt AND id < $cursorId))')
    params['cursorAt'] = Number(cursor[1])
    params['cursorId'] = cursor[2]!
  }
  const rows = await database.read(
    `SELECT * FROM alarm ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`} ORDER BY raised_at DESC, id DESC LIMIT $limit`,
    params,
  )
  const alarms = rows.slice(0, limit).map((row) => storedOf(row).alarm)
  const last = alarms.at(-1)
  return { alarms, next: rows.length > limit && last !== undefined ? `${last.raisedAt}.${last.id}` : undefined }
}

/** When an alarm was open; `to` is null while it is. */
export interface OpenTime {
  readonly severity: Severity
  readonly from: number
  readonly to: number | null
}

/** Beyond so many alarms a chart of their number says no more. */
const mostOpenTimes = 200_000

/** When alarms were open that were so at some moment of `from` ≤ moment < `to`, each with the severity it had last. */
export function openTimes(
  database: Database,
  { groups, from, to }: { readonly groups?: readonly string[]; readonly from: number; readonly to: number },
): Promise<OpenTime[]> {
  const params: Record<string, SqlValue> = { from, to, limit: mostOpenTimes }
  const names = groups?.map((group, i) => {
    params[`group${i}`] = group
    return `$group${i}`
  })
  const inGroups = names === undefined ? '' : `AND group_name IN (${names.length === 0 ? 'NULL' : names.join(', ')})`
  return database.read<OpenTime>(
    `SELECT severity, raised_at AS "from", cleared_at AS "to" FROM alarm
      WHERE raised_at < $to AND (cleared_at IS NULL OR cleared_at >= $from) ${inGroups}
      ORDER BY raised_at DESC LIMIT $limit`,
    params,
  )
}

function storedOf(row: Row): StoredAlarm {
  // The rows were written by `saveAlarm`, which takes them from an Alarm.
  const text = (column: string) => row[column] as string
  const number = (column: string) => row[column] as number
  return {
    alarm: {
      id: text('id'),
      severity: row['severity'] as Severity,
      state: row['state'] as AlarmStatus,
      group: text('group_name'),
      system: text('system'),
      connector: text('connector'),
      task: text('task'),
      monitor: text('monitor'),
      rule: text('rule'),
      item: text('item'),
      metric: text('metric'),
      value: row['value'] as number | null,
      message: text('message'),
      raisedAt: number('raised_at'),
      updatedAt: number('updated_at'),
      clearedAt: row['cleared_at'] as number | null,
      acknowledgedBy: row['acknowledged_by'] as string | null,
      assignedTo: row['assigned_to'] as string | null,
    },
    place: text('place'),
    steps: number('steps'),
  }
}
