import { pino } from 'pino'
import { messageOf, type Clock } from '../../base/index.ts'
import { openLogFiles, type LogBounds, type LogFiles } from './log-files.ts'
import { logLevels, type Log, type LogFields, type LogLevel } from './log.ts'
import { redacted } from './redact.ts'

/** A line as the portal's live tail shows it. */
export interface LogLine {
  /** Grows by one with every line of this process. */
  readonly number: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly level: LogLevel
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Logs {
  readonly log: Log
  readonly level: LogLevel
  /**
   * Changes what is logged. With a duration it falls back to the level of before, so that debugging ends by itself; a further
   * change starts the time again, and still falls back to the one that was set without a duration.
   */
  setLevel(level: LogLevel, forMs?: number): void
  setBounds(bounds: LogBounds): void
  /** The last lines after a number, oldest first. */
  recent(after?: number, limit?: number): readonly LogLine[]
  /** The newest whole lines that fit, as JSON lines, oldest first, in pieces: of the files, or of memory where there are none. */
  newest(maxBytes: number, onText: (text: string) => void | Promise<void>): Promise<void>
  /** Every line as it is written, for a live tail. @returns ends it */
  follow(listener: (line: LogLine) => void): () => void
  close(): Promise<void>
}

const keptLines = 2_000

/**
 * Opens the log of a process: JSON lines on stderr, or a readable form where that is a terminal; the same as JSON in rotated files
 * where a directory is given; and the last lines in memory.
 */
export async function openLogs(options: {
  level: LogLevel
  clock: Clock
  /** Where lines go besides the files: `process.stderr`. */
  output: { readonly isTTY?: boolean; write(text: string): unknown }
  files?: { readonly directory: string } & LogBounds
}): Promise<Logs> {
  const { clock, output } = options
  const pretty = output.isTTY === true ? await prettyPrinter() : undefined
  const lines: LogLine[] = []
  const listeners = new Set<(line: LogLine) => void>()
  let count = 0
  let files: LogFiles | undefined
  if (options.files !== undefined) {
    files = await openLogFiles(options.files.directory, {
      ...options.files,
      now: () => clock.now(),
      // Said on stderr alone: the file is what failed.
      onProblem: (thrown) =>
        void output.write(
          `${JSON.stringify({ level: 'warn', time: isoTime(clock), event: 'log file failed', why: messageOf(thrown) })}\n`,
        ),
    })
  }

  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${isoTime(clock)}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(line: string) {
        output.write(pretty === undefined ? line : pretty(line))
        files?.write(line)
      },
    },
  )

  function write(level: LogLevel, event: string, base: LogFields, fields: LogFields | undefined): void {
    if (!logger.isLevelEnabled(level)) return
    const safe = redacted({ ...base, ...fields })
    logger[level](safe, event)
    const line: LogLine = { number: ++count, at: clock.now(), level, event, fields: safe }
    lines.push(line)
    // In steps, so that a full memory does not move its whole content with every line.
    if (lines.length > keptLines + 200) lines.splice(0, lines.length - keptLines)
    for (const listener of listeners) listener(line)
  }

  function logWith(base: LogFields): Log {
    return {
      debug: (event, fields) => write('debug', event, base, fields),
      info: (event, fields) => write('info', event, base, fields),
      warn: (event, fields) => write('warn', event, base, fields),
      error: (event, fields) => write('error', event, base, fields),
      with: (more) => logWith({ ...base, ...more }),
    }
  }

  const log = logWith({})
  let lasting = options.level
  let cancelFallBack: (() => void) | undefined
  return {
    log,
    get level() {
      return logLevels.find((level) => level === logger.level) ?? lasting
    },
    setLevel(level, forMs) {
      cancelFallBack?.()
      cancelFallBack = undefined
      if (forMs === undefined || forMs <= 0) lasting = level
      else if (level !== lasting) {
        cancelFallBack = clock.after(forMs, () => {
          logger.level = lasting
          log.info('log level fell back', { to: lasting })
        })
      }
      logger.level = level
    },
    setBounds: (bounds) => files?.setBounds(bounds),
    recent(after = 0, limit = keptLines) {
      const found = lines.filter((line) => line.number > after)
      return limit >= found.length ? found : found.slice(found.length - limit)
    },
    async newest(maxBytes, onText) {
      if (files !== undefined) return files.newest(maxBytes, onText)
      const kept: string[] = []
      let bytes = 0
      for (const { at, level, event, fields } of lines.toReversed()) {
        const text = `${JSON.stringify({ level, time: new Date(at).toISOString(), ...fields, event })}\n`
        bytes += Buffer.byteLength(text)
        if (bytes > maxBytes) break
        kept.unshift(text)
      }
      if (kept.length > 0) await onText(kept.join(''))
    },
    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async close() {
      cancelFallBack?.()
      await files?.close()
    },
  }
}

async function prettyPrinter(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  return prettyFactory({ colorize: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l', messageKey: 'event' })
}

function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}
