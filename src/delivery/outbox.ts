import type { AlarmEvent } from '../model/index.ts'
import type { Database, SchemaPart, SqlValue, Statement } from '../platform/index.ts'
import type { DeliveryState, Verdict } from './delivery-life.ts'

/**
 * Outbox, dead letters and ledger are one table, because they are one life: a row is queued, then delivered, dead or discarded. The
 * unique key is what makes telling a step twice harmless for as long as the ledger remembers it.
 */
export const deliverySchema: SchemaPart = {
  name: 'delivery',
  steps: [
    `CREATE TABLE delivery (
      id INTEGER PRIMARY KEY,
      key TEXT NOT NULL UNIQUE,
      plugin TEXT NOT NULL,
      alarm TEXT NOT NULL,
      event TEXT NOT NULL,
      state TEXT NOT NULL DEFAULT 'queued',
      queued_at INTEGER NOT NULL,
      since INTEGER NOT NULL,
      not_before INTEGER NOT NULL DEFAULT 0,
      failures INTEGER NOT NULL DEFAULT 0,
      attempts INTEGER NOT NULL DEFAULT 0,
      finished_at INTEGER,
      message TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX delivery_by_state ON delivery (state, id);
    CREATE INDEX delivery_by_plugin ON delivery (plugin, state, id);
    CREATE TABLE metric_feed (
      plugin TEXT PRIMARY KEY,
      position INTEGER NOT NULL
    ) STRICT`,
    'CREATE INDEX delivery_by_alarm ON delivery (alarm, id)',
  ],
}

/** One row of the ledger, as people see it. Times are epoch milliseconds. */
export interface DeliveryRecord {
  readonly id: number
  readonly key: string
  readonly plugin: string
  readonly state: DeliveryState
  readonly event: AlarmEvent
  readonly queuedAt: number
  /** When it was delivered, given up or discarded; null while queued. */
  readonly finishedAt: number | null
  /** The next attempt is not before this; null where there will be none. */
  readonly notBefore: number | null
  readonly attempts: number
  /** What the receiver, or the failure, said last. */
  readonly message: string
}

/** A queued delivery as the queue in memory holds it; the event itself is read when its turn comes. */
export interface QueuedDelivery {
  readonly id: number
  readonly key: string
  readonly plugin: string
  readonly alarm: string
  readonly since: number
  readonly notBefore: number
  readonly failures: number
}

export function enqueue(delivery: { key: string; plugin: string; event: AlarmEvent; at: number }): Statement {
  return {
    sql: `INSERT INTO delivery (key, plugin, alarm, event, queued_at, since)
      VALUES ($key, $plugin, $alarm, $event, $at, $at) ON CONFLICT (key) DO NOTHING`,
    params: {
      key: delivery.key,
      plugin: delivery.plugin,
      alarm: delivery.event.alarm.id,
      event: JSON.stringify(delivery.event),
      at: delivery.at,
    },
  }
}

/** A delivery that is still to be made, as another server has it. */
export interface DeliveryOfOther {
  readonly key: string
  readonly plugin: string
  readonly event: AlarmEvent
  readonly at: number
}

/** What waits in an outbox, whoever is to send it. */
export async function readUndelivered(database: Database): Promise<readonly DeliveryOfOther[]> {
  const rows = await database.read<{ key: string; plugin: string; event: string; at: number }>(
    `SELECT key, plugin, event, queued_at AS "at" FROM delivery WHERE state = 'queued' ORDER BY id`,
  )
  // Written by `enqueue` from this very type.
  return rows.map((row) => ({ ...row, event: JSON.parse(row.event) as AlarmEvent }))
}

const queuedColumns = 'id, key, plugin, alarm, since, not_before AS "notBefore", failures'

/** The queued deliveries behind `after`, in the order in which they were queued. */
export function readQueued(database: Database, after: number, limit: number): Promise<QueuedDelivery[]> {
  return database.read<QueuedDelivery>(
    `SELECT ${queuedColumns} FROM delivery WHERE state = 'queued' AND id > $after ORDER BY id LIMIT $limit`,
    { after, limit },
  )
}

export async function readQueuedOne(database: Database, id: number): Promise<QueuedDelivery | undefined> {
  const [row] = await database.read<QueuedDelivery>(
    `SELECT ${queuedColumns} FROM delivery WHERE state = 'queued' AND id = $id`,
    { id },
  )
  return row
}

/** The event of a delivery that is still queued; undefined where somebody discarded it meanwhile. */
export async function readEvent(database: Database, id: number): Promise<AlarmEvent | undefined> {
  const [row] = await database.read<{ event: string }>(
    "SELECT event FROM delivery WHERE id = $id AND state = 'queued'",
    { id },
  )
  // Written by `enqueue` from this very type.
  return row === undefined ? undefined : (JSON.parse(row.event) as AlarmEvent)
}

/** Writes down what an attempt came to. Changes nothing where the delivery is no longer queued. */
export function recordAttempt(id: number, verdict: Verdict, at: number): Statement {
  const waits = verdict.state === 'queued'
  return {
    sql: `UPDATE delivery SET state = $state, attempts = attempts + 1, failures = failures + $failed, message = $message,
      not_before = $notBefore, finished_at = $finishedAt WHERE id = $id AND state = 'queued'`,
    params: {
      id,
      state: verdict.state,
      failed: verdict.state === 'delivered' ? 0 : 1,
      message: verdict.message,
      notBefore: waits ? verdict.notBefore : 0,
      finishedAt: waits ? null : at,
    },
  }
}

/** Gives a queued delivery up without an attempt. */
export function bury(id: number, reason: string, at: number): Statement {
  return {
    sql: "UPDATE delivery SET state = 'dead', finished_at = $at, message = $reason WHERE id = $id AND state = 'queued'",
    params: { id, reason, at },
  }
}

/** The same for everything that waits for a plugin. */
export function buryAll(plugin: string, reason: string, at: number): Statement {
  return {
    sql: `UPDATE delivery SET state = 'dead', finished_at = $at, message = $reason
      WHERE plugin = $plugin AND state = 'queued'`,
    params: { plugin, reason, at },
  }
}

/** Queues a dead delivery again, as if it were new, in its old place. */
export function revive(id: number, at: number): Statement {
  return {
    sql: `UPDATE delivery SET state = 'queued', since = $at, not_before = 0, failures = 0, finished_at = NULL
      WHERE id = $id AND state = 'dead'`,
    params: { id, at },
  }
}

export function discard(id: number, at: number): Statement {
  return {
    sql: `UPDATE delivery SET state = 'discarded', finished_at = $at WHERE id = $id AND state IN ('queued', 'dead')`,
    params: { id, at },
  }
}

/** Forgets what ended before `before`, a bounded number of rows at a time, so that the writer is never held up for long. */
export function forgetEnded(states: readonly DeliveryState[], before: number, limit: number): Statement {
  return {
    sql: `DELETE FROM delivery WHERE id IN (SELECT id FROM delivery
      WHERE state IN (${states.map((state) => `'${state}'`).join(', ')}) AND finished_at < $before ORDER BY id LIMIT $limit)`,
    params: { before, limit },
  }
}

export interface DeliveryFilter {
  readonly plugin?: string
  readonly state?: DeliveryState
  /** What tells of this alarm. */
  readonly alarm?: string
  /** The `id` of the last row of the page before. */
  readonly before?: number
  readonly limit?: number
}

/** The ledger, newest first, by page. */
export async function readLedger(database: Database, filter: DeliveryFilter): Promise<DeliveryRecord[]> {
  const conditions: string[] = []
  const params: Record<string, SqlValue> = { limit: Math.min(filter.limit ?? 100, 1_000) }
  if (filter.plugin !== undefined) {
    conditions.push('plugin = $plugin')
    params['plugin'] = filter.plugin
  }
  if (filter.state !== undefined) {
    conditions.push('state = $state')
    params['state'] = filter.state
  }
  if (filter.alarm !== undefined) {
    conditions.push('alarm = $alarm')
    params['alarm'] = filter.alarm
  }
  if (filter.before !== undefined) {
    conditions.push('id < $before')
    params['before'] = filter.before
  }
  const rows = await database.read<Omit<DeliveryRecord, 'event'> & { event: string }>(
    `SELECT id, key, plugin, state, event, queued_at AS "queuedAt", finished_at AS "finishedAt",
      CASE WHEN state = 'queued' THEN not_before END AS "notBefore", attempts, message
      FROM delivery ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`} ORDER BY id DESC LIMIT $limit`,
    params,
  )
  return rows.map((row) => ({ ...row, event: JSON.parse(row.event) as AlarmEvent }))
}

/** How many deliveries of each plugin are in each state; answered from an index alone. */
export function countStates(database: Database): Promise<{ plugin: string; state: DeliveryState; count: number }[]> {
  return database.read('SELECT plugin, state, count(*) AS count FROM delivery GROUP BY plugin, state')
}
