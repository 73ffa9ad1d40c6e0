/** How loud a line is. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Facts of an event: ids one would search for, counts, durations. Errors are written with their message and cause. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * What engines write to. `event` is a stable name in the past tense (`agent registered`, `batch stored`); what varies goes into the
 * fields. Nothing that happens per sample is logged above debug. Never blocks and never throws.
 */
export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** The same log with fields that every line bears. */
  with(fields: LogFields): Log
}

/** A log that nobody reads: for tests and for short commands. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
}
