export { localAgent } from './assignment.ts'
export type { GroupRunners } from './assignment.ts'
export type { AuditEntry, AuditQuery, AuditRecord, Page } from './audit.ts'
export type { CheckDraft, PreparedCheck } from './check-draft.ts'
export type { Dashboard } from './configuration.ts'
export { defaultDocument, defaultProfileOf, followOwnUrl } from './defaults.ts'
export { proposedConnectors, proposedDocument, withNeighbours } from './proposals.ts'
export type { ProposalPlace, ProposedConnector } from './proposals.ts'
export { openInventory } from './inventory.ts'
export type {
  Allowed,
  ApplyOptions,
  AssociateOptions,
  Associated,
  ConfigurationChange,
  EditOptions,
  Inventory,
  OwnConfiguration,
  Place,
  PluginForUse,
  RevisionEntry,
  SnapshotEntry,
  Snapshots,
  Undone,
  UndoOptions,
} from './inventory.ts'
export type { Environment, SecretVault } from './secrets.ts'
export { inventorySchema } from './store.ts'
export type { MaintenanceEntry } from './windows.ts'
export type { ConnectorEntry, GroupEntry, SystemEntry, TaskChanges, TaskEntry } from './tasks.ts'
