import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AlarmEvent, AlarmEventKind } from '../model/index.ts'
import { openDatabase, systemClock, type Database } from '../platform/index.ts'
import type { PluginContext } from '../sdk/index.ts'
import type { DeliveryLog } from './configured-plugin.ts'
import { deliverySchema } from './outbox.ts'
import { makePluginContext } from './plugin-context.ts'

/** The real context of one attempt, over the real network. */
export function realContext(
  about: Partial<{ idempotencyKey: string; signal: AbortSignal; test: boolean }> = {},
): PluginContext {
  return makePluginContext({
    idempotencyKey: about.idempotencyKey ?? 'key-1',
    signal: about.signal ?? AbortSignal.timeout(20_000),
    portalUrl: 'https://farwatch.example:8443',
    test: about.test ?? false,
    clock: systemClock,
    network: {},
  })
}

/** One step of an alarm's life, told in a few words: `alarmStep('disk', 'raised')`. */
export function alarmStep(alarm: string, event: AlarmEventKind, at = Date.UTC(2026, 0, 1)): AlarmEvent {
  return {
    key: `${alarm}/${event}/${at}`,
    event,
    at,
    alarm: {
      id: alarm,
      severity: 'CRITICAL',
      state: event === 'cleared' ? 'cleared' : event === 'acknowledged' ? 'acknowledged' : 'raised',
      group: 'acme',
      system: 'shop',
      connector: 'front',
      task: 'task-1',
      monitor: 'http.response',
      rule: 'duration',
      item: '',
      metric: 'duration',
      value: 5.25,
      message: 'shop answers in 5.25 s, more than 5 s',
      raisedAt: Date.UTC(2026, 0, 1),
      updatedAt: at,
      clearedAt: event === 'cleared' ? at : null,
      acknowledgedBy: event === 'acknowledged' ? 'ada' : null,
      assignedTo: null,
    },
  }
}

/** An outbox in a file of its own, which can be opened again as after a crash. */
export function temporaryOutbox(): { open(): Promise<Database>; remove(): Promise<void> } {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-outbox-'))
  const opened: Database[] = []
  return {
    async open() {
      const database = await openDatabase({ file: join(directory, 'farwatch.db'), schema: [deliverySchema] })
      opened.push(database)
      return database
    },
    async remove() {
      for (const database of opened) await database.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A log that keeps what was written into it. */
export function keptLog(): DeliveryLog & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (level: string) => (fields: Readonly<Record<string, unknown>>, event: string) =>
    void lines.push(`${level} ${event} ${JSON.stringify(fields)}`)
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error') }
}
