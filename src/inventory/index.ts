export { localAgent } from './assignment.ts'
export type { GroupRunners } from './assignment.ts'
export type { AuditEntry, AuditRecord, Page } from './audit.ts'
export type { Dashboard } from './configuration.ts'
export { defaultDocument, followOwnUrl } from './defaults.ts'
export { openInventory } from './inventory.ts'
export type {
  Allowed,
  ApplyOptions,
  AssociateOptions,
  Associated,
  ConfigurationChange,
  Inventory,
  OwnConfiguration,
  Place,
  PluginForUse,
  RevisionEntry,
  SnapshotEntry,
  Snapshots,
} from './inventory.ts'
export type { Environment, SecretVault } from './secrets.ts'
export { inventorySchema } from './store.ts'
export type { ConnectorEntry, GroupEntry, SystemEntry, TaskChanges, TaskEntry } from './tasks.ts'
