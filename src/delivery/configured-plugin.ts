import type { AnyPlugin, PluginFeed } from '../sdk/index.ts'

/** A plugin as somebody configured it: settings checked against its declaration, secrets open. Exists in memory only. */
export interface ConfiguredPlugin {
  /** Unique; names the plugin's queue, ledger and position, which therefore survive every other edit. */
  readonly name: string
  readonly plugin: AnyPlugin
  readonly settings: Readonly<Record<string, unknown>>
  readonly sends: readonly PluginFeed[]
}
