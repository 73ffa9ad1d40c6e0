export { startAgent } from './agent.ts'
export type { Agent, AgentOptions, AgentSettings, AgentStatus, CheckOrder } from './agent.ts'
export type { AgentEvent, AgentListener, ProcessEndReason } from './events.ts'
export { serveMonitoringProcess } from './monitoring-process.ts'
