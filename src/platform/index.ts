export { forkProcess, parentProcess, watchParent } from './child-process.ts'
export type { ChildProcess, ParentProcess, ProcessEnd } from './child-process.ts'
export { holderOf, diskSpace, openDataDirectory, prepareDataDirectory } from './data-directory.ts'
export type { DataDirectory, LockedDataDirectory } from './data-directory.ts'
export { openDatabase, openMemoryDatabase } from './database/database.ts'
export type { Database, ReplicatedChanges, ReplicatedDatabase, Row } from './database/database.ts'
export { ChangeLine, Differs, NotUnderstood, changeTables, writeState } from './database/change-line.ts'
export type {
  Change,
  ChangeFacts,
  ChangeFeed,
  ChangeMode,
  ChangePoint,
  ChangesApplied,
  ChangesRead,
} from './database/change-line.ts'
export { BundleTable, type DayBody } from './database/bundle-table.ts'
export { readRows, writeRows } from './database/row-chunk.ts'
export { standbyError } from './database/change-log.ts'
export { StatementCache, inTransaction, openSqlite, replaceDatabase, storageError } from './database/sqlite.ts'
export { schemaVersion, type SchemaPart, type SqlValue, type Statement } from './database/statement.ts'
export { systemDisk } from './disk.ts'
export type { Disk, DiskFile, RecordFile } from './disk.ts'
export { makePrivateDirectory, writeFileAtomically } from './files.ts'
export { fingerprintOf, openIdentity, openSealingKey, verifySignature } from './identity.ts'
export { openKeyring } from './keyring.ts'
export type { InstanceKeys, Keyring } from './keyring.ts'
export type { Identity, SealingKey } from './identity.ts'
export { certificateInfo, certificatesFromPem, sameFingerprint } from './keystore/certificate.ts'
export type { CertificateInfo } from './keystore/certificate.ts'
export { openKeystore, selfSignedCertificate } from './keystore/keystore.ts'
export type { GivenCertificate, Keystore, TlsMaterial } from './keystore/keystore.ts'
export { fetchServerCertificate, serverAddress } from './keystore/server-certificate.ts'
export { tryLock, waitForLock } from './lock.ts'
export type { HeldLock } from './lock.ts'
export type { LogBounds } from './logs/log-files.ts'
export { logLevels, silentLog } from './logs/log.ts'
export type { Log, LogFields, LogLevel } from './logs/log.ts'
export { openLogs } from './logs/logs.ts'
export type { LogLine, Logs } from './logs/logs.ts'
export { MemoryDisk } from './memory-disk.ts'
export type { Around, MemoryDiskOptions } from './memory-disk.ts'
export { localNames, machineFacts, residentBytes } from './machine.ts'
export { LoadMeter } from './load-meter.ts'
export type { MachineLoad } from './load-meter.ts'
export type { LocalNames, MachineFacts } from './machine.ts'
export { findAddresses, lookup, parseHosts, parseSearch } from './names.ts'
export type { FoundAddress } from './names.ts'
export { breathing, inOnePiece, inPieces } from './pace.ts'
export type { Breathe, Pieces } from './pace.ts'
export { hashPassword, hashToken, newToken, verifyPassword } from './passwords.ts'
export { declarationOf, isSettingName, settingDeclarations, settingNames } from './settings/declarations.ts'
export type {
  ResultRetention,
  SecretSettingName,
  SettingDeclaration,
  SettingName,
  Settings,
} from './settings/declarations.ts'
export { failoverDeclarations, failoverGiven, failoverNames } from './settings/failover-start.ts'
export type { FailoverGiven } from './settings/failover-start.ts'
export { openSettings } from './settings/live-settings.ts'
export type { LiveSettings, ShownSetting } from './settings/live-settings.ts'
export { resolveSettings, settingSources, takeSecrets } from './settings/resolve.ts'
export type { GivenSettings, ResolvedSettings, SettingSource } from './settings/resolve.ts'
export { allowedValues, readSetting, shownProxy, writeSetting } from './settings/value.ts'
export type { SettingValue } from './settings/value.ts'
export { siblingModule } from './sibling-module.ts'
export { listenWithDoors, type Doors } from './doors.ts'
export { sleptMs, systemClock } from './system-clock.ts'
export { openVault, vaultWith } from './vault.ts'
export type { InstanceVault, Vault } from './vault.ts'
export { Moved, WorkerClient, serveWorker } from './worker.ts'
export type { Methods } from './worker.ts'
