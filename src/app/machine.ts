import { existsSync } from 'node:fs'
import { accessSchema, localAccessTables, openAccess, type Access } from '../access/index.ts'
import { alarmsSchema } from '../alarms/index.ts'
import { messageOf, type Clock } from '../base/index.ts'
import { deliverySchema } from '../delivery/index.ts'
import { distributionSchema } from '../distribution/index.ts'
import { inventorySchema, openInventory, type Inventory } from '../inventory/index.ts'
import { linkSchema } from '../link/index.ts'
import {
  hashPassword,
  hashToken,
  machineFacts,
  newToken,
  openDataDirectory,
  openDatabase,
  openKeyring,
  openKeystore,
  openLogs,
  openSettings,
  openVault,
  resolveSettings,
  systemClock,
  takeSecrets,
  verifyPassword,
  type GivenSettings,
  type Identity,
  type InstanceVault,
  type Keyring,
  type Keystore,
  type LiveSettings,
  type LockedDataDirectory,
  type Log,
  type Logs,
  type MachineFacts,
  type ReplicatedDatabase,
} from '../platform/index.ts'
import { beginHistory, type HistoryWriter } from './history.ts'
import { historySettings } from './history-settings.ts'
import { library } from './library.ts'
import { localPairTables, pairSchema } from './pair-store.ts'
import type { Lifecycle } from './lifecycle.ts'

export interface StartOptions {
  readonly flags: GivenSettings['flags']
  /** The process's own: secrets are taken out of it. */
  readonly environment: Record<string, string | undefined>
  readonly version: string
  /** Where log lines and the set-up link go: stderr. */
  readonly output: { readonly isTTY?: boolean; write(text: string): unknown }
}

/** What an instance is whatever its role: its directory, who it is, its settings, who may sign in, its configuration. */
export interface Machine {
  readonly clock: Clock
  readonly version: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: LockedDataDirectory
  readonly settings: LiveSettings
  readonly logs: Logs
  readonly log: Log
  /** The identity may be another after an exchange of keys: read it each time, but for the UUID. */
  readonly keyring: Keyring
  readonly identity: Identity
  readonly keystore: Keystore
  /** Encrypts what lies on the disk. */
  readonly vault: InstanceVault
  readonly facts: MachineFacts
  readonly database: ReplicatedDatabase
  readonly inventory: Inventory
  /** The history that began to open beside the inventory, for the first who opens it; undefined where there is none, and for who comes later. */
  takeHistory(): HistoryWriter | undefined
  readonly access: Access
  /** For the first start; empty where it was not given. */
  readonly adminPassword: string
  /** What a server accepts this agent by, once; empty where it was not given. */
  readonly enrolmentToken: string
  /** What the command line of this machine proves itself with. */
  readonly localToken: string
  readonly startedAt: number
  /** Milliseconds since the start. */
  upMs(): number
  /** Logs what could not be carried out after a change, for who cannot wait for it. */
  notApplied(what: string): (thrown: unknown) => void
}

/** Opens it all; everything is closed by the lifecycle. @throws FarwatchError where the directory, a setting or a stored file is unusable */
export async function openMachine(options: StartOptions, lifecycle: Lifecycle): Promise<Machine> {
  const { environment, version, output } = options
  const clock = systemClock
  const startedAt = clock.now()
  const began = clock.elapsed()
  const early = resolveSettings({ flags: options.flags ?? {}, environment })
  const directory = await openDataDirectory(early.values.data, startedAt)
  lifecycle.onStop('data directory', () => directory.close())
  const settings = await openSettings(directory, { flags: options.flags ?? {}, environment })
  const secrets = takeSecrets(environment, settings.values)
  const logBounds = () => ({
    retentionMs: settings.values.logRetentionDays * 86_400_000,
    maxBytes: settings.values.logMaxBytes,
  })
  const logs = await openLogs({
    level: settings.values.logLevel,
    clock,
    output,
    files: { directory: directory.file('logs'), ...logBounds() },
  })
  lifecycle.onStop('logs', () => logs.close())
  const { log } = logs
  for (const warning of settings.warnings) log.warn('setting doubtful', { warning })
  const keyring = await openKeyring(directory)
  const keystore = await openKeystore(directory, {
    now: () => clock.now(),
    onProblem: (thrown) => log.warn('keystore not read', { problem: messageOf(thrown) }),
  })
  lifecycle.onStop('keystore', () => keystore.close())
  const databaseFile = directory.file('farwatch.db')
  const vault = await openVault(directory, { expectKey: existsSync(databaseFile) })

  // Storage: what is small and precious, and what is large and append-mostly.
  const database = await openDatabase({
    file: databaseFile,
    schema: [accessSchema, inventorySchema, alarmsSchema, deliverySchema, linkSchema, distributionSchema, pairSchema],
    local: [...localAccessTables, ...localPairTables],
  })
  lifecycle.onStop('database', () => database.close())
  // Each takes seconds where a hundred thousand tasks are watched, on a thread of its own: they do so side by side.
  let begun =
    settings.values.role === 'agent' ? undefined : beginHistory(directory.path, historySettings(settings.values))
  lifecycle.onStop('history that nobody took', () => begun?.end())
  const inventory = await openInventory({ database, library, vault, clock, log })
  const localToken = newToken().token
  const access = await openAccess({
    database,
    clock,
    secrets: { hashPassword, verifyPassword, newToken, hashToken },
    sessionMs: () => settings.values.sessionHours * 3_600_000,
    audit: (change) => [inventory.auditStatement(change)],
    localToken,
  })
  settings.onChange((changed, values) => {
    const lasting = changed.includes('logLevel') && values.logLevel === 'debug' ? values.logDurationMs : undefined
    if (changed.includes('logLevel')) logs.setLevel(values.logLevel, lasting)
    logs.setBounds(logBounds())
  })
  return {
    clock,
    version,
    environment,
    directory,
    settings,
    logs,
    log,
    keyring,
    get identity() {
      return keyring.present.identity
    },
    keystore,
    vault,
    facts: machineFacts(),
    database,
    inventory,
    takeHistory() {
      const taken = begun
      begun = undefined
      return taken
    },
    access,
    adminPassword: secrets.adminPassword,
    enrolmentToken: secrets.enrolmentToken,
    localToken,
    startedAt,
    upMs: () => clock.elapsed() - began,
    notApplied: (what) => (thrown) => log.error(`${what} not applied`, { problem: messageOf(thrown) }),
  }
}
