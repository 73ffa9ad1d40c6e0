import { messageOf } from '../base/index.ts'
import type { Log } from '../platform/index.ts'
import type { FailureReason, GapRecord, RunResult, TravellingSettings } from '../model/index.ts'
import type { Lane } from './upload-progress.ts'

/** Why a monitoring process was ended or ended by itself. */
export type ProcessEndReason = 'stopped' | 'retired' | 'hung' | 'memory' | 'crashed' | 'not started'

/** What happens in an agent, as it happens. Logs, metrics and tests all live from these; nothing else may. */
export type AgentEvent =
  | {
      readonly event: 'assignment applied'
      readonly version: string
      /** The server gave it, or it was kept from before this start. */
      readonly source: 'server' | 'kept'
      readonly tasks: number
      readonly settings: TravellingSettings
    }
  | { readonly event: 'server lost'; readonly during: 'assignment' | 'upload'; readonly message: string }
  | { readonly event: 'server reached'; readonly during: 'assignment' | 'upload' }
  | { readonly event: 'run ended'; readonly result: RunResult; readonly waitedMs: number }
  | { readonly event: 'slots left out'; readonly gap: GapRecord }
  | { readonly event: 'clock jumped'; readonly byMs: number }
  | { readonly event: 'process started'; readonly pid: number | undefined; readonly alone: boolean }
  | {
      readonly event: 'process ended'
      readonly pid: number | undefined
      readonly reason: ProcessEndReason
      readonly detail: string
      readonly runs: number
    }
  | { readonly event: 'task blamed'; readonly task: string; readonly reason: FailureReason; readonly message: string }
  /** Runs of exclusive connectors do not begin any more, or may begin again. */
  | { readonly event: 'lease ended' }
  | { readonly event: 'lease renewed' }
  | { readonly event: 'isolation changed'; readonly isolated: boolean }
  | { readonly event: 'spool unwritable'; readonly message: string }
  | { readonly event: 'spool writable' }
  | { readonly event: 'spool damaged'; readonly file: string; readonly message: string }
  | { readonly event: 'spool overflowed'; readonly entries: number; readonly why: string }
  | { readonly event: 'uploaded'; readonly lane: Lane; readonly entries: number; readonly acknowledged: number }

export type AgentListener = (event: AgentEvent) => void

/** Tells every listener. A listener that throws harms neither the agent nor the other listeners. */
export class AgentEvents {
  readonly #log: Log
  readonly #listeners = new Set<AgentListener>()

  constructor(log: Log) {
    this.#log = log
  }

  /** @returns what ends the listening */
  on(listener: AgentListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  readonly tell: AgentListener = (event) => {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (thrown) {
        this.#log.error('agent listener failed', { during: event.event, problem: messageOf(thrown) })
      }
    }
    logEvent(this.#log, event)
  }
}

/** One place where an event becomes a log line. What happens for every run is debug. */
function logEvent(log: Log, told: AgentEvent): void {
  switch (told.event) {
    case 'run ended': {
      const { task, slot, outcome, reason, durationMs } = told.result
      return log.debug(told.event, { task, slot, outcome, reason, durationMs, waitedMs: told.waitedMs })
    }
    case 'uploaded':
      return log.debug(told.event, { lane: told.lane, entries: told.entries, acknowledged: told.acknowledged })
    case 'slots left out':
      return log.debug(told.event, { ...told.gap })
    case 'process started':
      return log.debug(told.event, { pid: told.pid, alone: told.alone })
    case 'process ended': {
      const { pid, reason, detail, runs } = told
      const level = reason === 'stopped' || reason === 'retired' ? 'debug' : 'warn'
      return log[level](told.event, { pid, reason, detail, runs })
    }
    case 'assignment applied':
      return log.info(told.event, { version: told.version, source: told.source, tasks: told.tasks })
    case 'server reached':
      return log.info(told.event, { during: told.during })
    case 'spool writable':
    case 'lease renewed':
      return log.info(told.event, {})
    case 'server lost':
      return log.warn(told.event, { during: told.during, problem: told.message })
    case 'clock jumped':
      return log.warn(told.event, { byMs: told.byMs })
    case 'task blamed':
      return log.warn(told.event, { task: told.task, reason: told.reason, problem: told.message })
    case 'lease ended':
      return log.warn(told.event, {})
    case 'isolation changed':
      return log.warn(told.event, { isolated: told.isolated })
    case 'spool unwritable':
      return log.error(told.event, { problem: told.message })
    case 'spool damaged':
      return log.error(told.event, { file: told.file, problem: told.message })
    case 'spool overflowed':
      return log.error(told.event, { entries: told.entries, why: told.why })
  }
}
