export { at, formatDuration, formatSize, messageOf, parseDuration, parseSize, suggest } from '../base/index.ts'
export type { Checked, Problem } from '../base/index.ts'
export { matches, parseMatcher } from '../model/index.ts'
export type * from '../model/index.ts'
export * from './clients/index.ts'
export { credentialTypes, defineConnector } from './connector.ts'
export type { AnyConnector, Closable, ConnectorDeclaration, CredentialType, OpenCredential } from './connector.ts'
export { checkDeclared } from './declared.ts'
export type { Discovery, DiscoveryPlace, Proposal } from './discovery.ts'
export { StatementRefused, TargetError } from './failure.ts'
export { compileJsonPath } from './json-path.ts'
export type { JsonPath } from './json-path.ts'
export { makeLibrary } from './library.ts'
export type { Library } from './library.ts'
export { RunRecorder } from './recording.ts'
export type { RecordedRun, Recording, RecordingMask } from './recording.ts'
export { NotRecorded, readRecording, replay } from './replay.ts'
export { defineMonitor } from './monitor.ts'
export type { AnyMonitor, CollectContext, Gathered, Item, MetricDeclaration, MonitorDeclaration } from './monitor.ts'
export { checkSettings, isPlainObject, reservedKey, settingsSchema, shown, textProblem } from './params.ts'
export type { ChosenFromTarget, Param, Params, SettingsOf } from './params.ts'
export { authorizationOf, authorizationProblems, authorizationSettings } from './http-authorization.ts'
export { outcomeOfHttp, outcomeOfNetworkFailure } from './http-outcome.ts'
export { checkPluginSettings, definePlugin, feedsOf, pluginFeeds } from './plugin.ts'
export { compileRegex } from './regex.ts'
export type { Regex } from './regex.ts'
export type {
  AnyPlugin,
  DeliveryOutcome,
  HttpAnswer,
  HttpAuthorization,
  MetricPoint,
  PluginContext,
  PluginDeclaration,
  PluginFeed,
} from './plugin.ts'
export { snmpMaker } from './snmp-devices.ts'
export { compileTemplate, templateProblems } from './template.ts'
export type { Template, TemplateField, TemplateForm } from './template.ts'
export { isVersionAtLeast } from './version.ts'
