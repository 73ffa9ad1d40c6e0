import { accessOperations } from './access.ts'
import { administrationOperations } from './administration.ts'
import { agentOperations } from './agents.ts'
import { alarmOperations } from './alarms.ts'
import { certificateOperations } from './certificates.ts'
import { checkOperations } from './checks.ts'
import { connectionOperations } from './connection.ts'
import { editOperations } from './edits.ts'
import { dashboardOperations } from './dashboards.ts'
import { discoveryOperations } from './discovery.ts'
import { failoverOperations } from './failover.ts'
import { instanceOperations } from './instance.ts'
import { maintenanceOperations } from './maintenance.ts'
import { monitoringOperations } from './monitoring.ts'
import { placementOperations } from './placement.ts'

/** Every operation of the API by name. */
export const operations = {
  ...accessOperations,
  ...instanceOperations,
  ...failoverOperations,
  ...connectionOperations,
  ...agentOperations,
  ...placementOperations,
  ...certificateOperations,
  ...monitoringOperations,
  ...alarmOperations,
  ...administrationOperations,
  ...maintenanceOperations,
  ...editOperations,
  ...checkOperations,
  ...discoveryOperations,
  ...dashboardOperations,
}
export type Operations = typeof operations
export type OperationName = keyof Operations

export type { Grant, User } from './access.ts'
export type { Difference, PluginStatus } from './administration.ts'
export type { Agent, EnrolmentToken } from './agents.ts'
export type { AlarmAnswer } from './alarms.ts'
export type {
  AssociationDocument,
  ConfigurationDocument,
  ConnectorDocument,
  CredentialDocument,
  DashboardDocument,
  DashboardVariable,
  GroupDocument,
  MaintenanceDocument,
  MonitorDocument,
  PanelAggregation,
  PanelDocument,
  PanelKind,
  PluginDocument,
  ProfileDocument,
  RepetitionDocument,
  SecretDocument,
  SystemDocument,
} from './configuration.ts'
export type { DiscoveryAnswer, Proposal } from './discovery.ts'
export type { DashboardAnswer } from './dashboards.ts'
export { dashboardVariables, panelAggregations, panelKinds } from './configuration.ts'
export type { Connection } from './connection.ts'
export type { CheckAnswer, JudgedSample } from './checks.ts'
export type { ConfigurationEdit, ObjectPlace } from './edits.ts'
export { LiveEvent } from './events.ts'
export type { Drill, Failover, ForcePrice } from './failover.ts'
export type { Maintenance } from './maintenance.ts'
export type { Instance, Setting, Status } from './instance.ts'
export type { GroupSummary, Result, Series, SystemBrief, SystemSummary, Task } from './monitoring.ts'
export type { AnswerOf, BodyOf, Operation, ParamsOf, QueryOf, Role } from './operation.ts'
export type { ConnectorPlace } from './placement.ts'
export { ErrorAnswer } from './schemas.ts'
