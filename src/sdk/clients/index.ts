import type { DnsClient } from './dns.ts'
import type { ExecClient } from './exec.ts'
import type { HttpClient } from './http.ts'
import type { IcmpClient } from './icmp.ts'
import type { LdapClient } from './ldap.ts'
import type { LocalClient } from './local.ts'
import type { RedisClient } from './redis.ts'
import type { MongodbClient } from './mongodb.ts'
import type { RabbitmqClient } from './rabbitmq.ts'
import type { SqlClient } from './sql.ts'
import type { TcpClient } from './tcp.ts'

/** What each connector type hands to its monitors. To add one: its interface in a file here, and a line below. */
export interface ConnectorClients {
  dns: DnsClient
  exec: ExecClient
  http: HttpClient
  icmp: IcmpClient
  ldap: LdapClient
  local: LocalClient
  mongodb: MongodbClient
  mssql: SqlClient
  mysql: SqlClient
  oracle: SqlClient
  postgresql: SqlClient
  redis: RedisClient
  rabbitmq: RabbitmqClient
  tcp: TcpClient
}

export type ConnectorType = keyof ConnectorClients
export { dnsRecordTypes } from './dns.ts'
export type * from './dns.ts'
export type * from './exec.ts'
export type * from './http.ts'
export type * from './icmp.ts'
export type * from './ldap.ts'
export type * from './local.ts'
export { mongodbReadings } from './mongodb.ts'
export type * from './mongodb.ts'
export type * from './redis.ts'
export type * from './rabbitmq.ts'
export { sqlDialects } from './sql.ts'
export type * from './sql.ts'
export type * from './tcp.ts'
