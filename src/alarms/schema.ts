import type { SchemaPart } from '../platform/index.ts'

/**
 * `alarm` and `alarm_step` are what people see: alarms and every step of their lives. `alarm_task` is what judging must remember of a task
 * (JSON; no row for a calm task), true at exactly the log position in `alarm_position`, with which it is always written together.
 */
export const alarmsSchema: SchemaPart = {
  name: 'alarms',
  steps: [
    `CREATE TABLE alarm (
       id TEXT PRIMARY KEY,
       severity TEXT NOT NULL,
       state TEXT NOT NULL,
       group_name TEXT NOT NULL,
       system TEXT NOT NULL,
       connector TEXT NOT NULL,
       task TEXT NOT NULL,
       monitor TEXT NOT NULL,
       rule TEXT NOT NULL,
       item TEXT NOT NULL,
       metric TEXT NOT NULL,
       value REAL,
       message TEXT NOT NULL,
       raised_at INTEGER NOT NULL,
       updated_at INTEGER NOT NULL,
       cleared_at INTEGER,
       acknowledged_by TEXT,
       assigned_to TEXT,
       place TEXT NOT NULL,
       steps INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX alarm_by_time ON alarm (raised_at, id);
     CREATE INDEX alarm_by_state ON alarm (state, raised_at, id);
     CREATE INDEX alarm_by_clearing ON alarm (cleared_at);
     CREATE TABLE alarm_step (
       alarm TEXT NOT NULL,
       n INTEGER NOT NULL,
       at INTEGER NOT NULL,
       what TEXT NOT NULL,
       by_whom TEXT,
       text TEXT NOT NULL,
       PRIMARY KEY (alarm, n)
     ) STRICT;
     CREATE TABLE alarm_task (task TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
     CREATE TABLE alarm_position (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), position INTEGER NOT NULL) STRICT;`,
  ],
}
