import { accessOperations } from './access.ts'
import { administrationOperations } from './administration.ts'
import { alarmOperations } from './alarms.ts'
import { certificateOperations } from './certificates.ts'
import { instanceOperations } from './instance.ts'
import { monitoringOperations } from './monitoring.ts'

/** Every operation of the API by name. */
export const operations = {
  ...accessOperations,
  ...instanceOperations,
  ...certificateOperations,
  ...monitoringOperations,
  ...alarmOperations,
  ...administrationOperations,
}
export type Operations = typeof operations
export type OperationName = keyof Operations

export type { Grant, User } from './access.ts'
export type { Difference, PluginStatus } from './administration.ts'
export type { AlarmAnswer } from './alarms.ts'
export type {
  AssociationDocument,
  ConfigurationDocument,
  ConnectorDocument,
  CredentialDocument,
  GroupDocument,
  MonitorDocument,
  PluginDocument,
  ProfileDocument,
  SecretDocument,
  SystemDocument,
} from './configuration.ts'
export { LiveEvent } from './events.ts'
export type { Instance, Status } from './instance.ts'
export type { GroupSummary, Result, Series, SystemSummary, Task } from './monitoring.ts'
export type { AnswerOf, BodyOf, Operation, ParamsOf, QueryOf, Role } from './operation.ts'
export { ErrorAnswer } from './schemas.ts'
