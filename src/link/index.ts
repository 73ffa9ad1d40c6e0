export { LinkClient } from './client.ts'
export type { LinkClientOptions, LinkKeys, LinkState, ServerSeen, TermMemory, ToldServers } from './client.ts'
export { ServerClock } from './clock-offset.ts'
export type { Trust } from '../platform/wire/index.ts'
export { linkPath, messageKinds } from './protocol.ts'
export type { Command, CommandOrder, Hello, ProtocolRange, ReportedStatus } from './protocol.ts'
export { openRegistry } from './registry.ts'
export type { Registry, RegistryChange, RegistryOptions, Standing } from './registry.ts'
export { openCredential, sealCredential } from './sealing.ts'
export { linkSchema } from './registry-store.ts'
export type { AgentEntry, EnrolmentToken } from './registry-store.ts'
export { makeLinkServer, packedLimit } from './server.ts'
export type {
  ConnectedAgent,
  LinkRequest,
  LinkResponse,
  LinkServer,
  LinkServerOptions,
  PollSaid,
  WitnessSaid,
} from './server.ts'
