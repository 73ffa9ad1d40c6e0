import type { OperationName, Operations } from '../../../src/contract/index.ts'

type Route<N extends OperationName> = `${Operations[N]['method']} ${Operations[N]['path']}`

/**
 * Method and path of each operation the portal calls. The contract itself stays out of the bundle (it would bring its schema
 * library along); the compiler holds every line here to it instead.
 */
export const routes = {
  createSession: 'POST /sessions',
  endSession: 'DELETE /sessions/current',
  showSetup: 'GET /setup',
  setUp: 'POST /setup',
  showMe: 'GET /me',
  changePassword: 'PUT /me/password',
  showStatus: 'GET /status',
  showInstance: 'GET /instance',
  changeInstance: 'PUT /instance',
  showSettings: 'GET /settings',
  changeSettings: 'PUT /settings',
  listCertificates: 'GET /certificates',
  listAgents: 'GET /agents',
  agentStatistics: 'GET /statistics/agents',
  listLogs: 'GET /logs',
  listGroups: 'GET /groups',
  listSystems: 'GET /systems',
  showSystem: 'GET /systems/{id}',
  listTasks: 'GET /tasks',
  runTask: 'POST /tasks/{id}/run',
  listResults: 'GET /tasks/{id}/results',
  listSeries: 'GET /metrics/series',
  chartMetrics: 'GET /metrics/chart',
  listAlarms: 'GET /alarms',
  showAlarm: 'GET /alarms/{id}',
  acknowledgeAlarm: 'POST /alarms/{id}/acknowledge',
  assignAlarm: 'POST /alarms/{id}/assign',
  commentAlarm: 'POST /alarms/{id}/comment',
  clearAlarm: 'POST /alarms/{id}/clear',
  showConfiguration: 'GET /configuration',
  applyConfiguration: 'PUT /configuration',
  listRevisions: 'GET /configuration/revisions',
  listMonitors: 'GET /library/monitors',
  listPlugins: 'GET /plugins',
  testPlugin: 'POST /plugins/{name}/test',
  listDeliveries: 'GET /plugins/{name}/deliveries',
  retryDelivery: 'POST /deliveries/{id}/retry',
  discardDelivery: 'POST /deliveries/{id}/discard',
} as const satisfies { readonly [N in OperationName]?: Route<N> }

export type RouteName = keyof typeof routes
