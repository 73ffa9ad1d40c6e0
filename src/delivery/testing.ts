import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { openDatabase, silentLog, systemClock, type Database, type Log, type LogFields } from '../platform/index.ts'
import type { PluginContext } from '../sdk/index.ts'
import { deliverySchema } from './outbox.ts'
import { makePluginContext } from './plugin-context.ts'

/** The real context of one attempt, over the real network. */
export function realContext(
  about: Partial<{ idempotencyKey: string; signal: AbortSignal; test: boolean; trusted: readonly string[] }> = {},
): PluginContext {
  return makePluginContext({
    idempotencyKey: about.idempotencyKey ?? 'key-1',
    signal: about.signal ?? AbortSignal.timeout(20_000),
    portalUrl: 'https://farwatch.example:8443',
    test: about.test ?? false,
    clock: systemClock,
    network: { trusted: () => about.trusted ?? [] },
  })
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

/** Waits until a check holds, for as long as a busy machine may take. */
export function eventually(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 })
}

/** A log that keeps what was written into it. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const keep =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      void lines.push(`${level} ${event} ${JSON.stringify(fields)}`)
  const log = { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
  return { ...log, with: () => ({ ...log, with: () => silentLog }) }
}
