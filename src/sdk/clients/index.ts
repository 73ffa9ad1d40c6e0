import type { DnsClient } from './dns.ts'
import type { ExecClient } from './exec.ts'
import type { GrpcClient } from './grpc.ts'
import type { HttpClient } from './http.ts'
import type { IcmpClient } from './icmp.ts'
import type { ImapClient } from './imap.ts'
import type { JolokiaClient } from './jolokia.ts'
import type { KafkaClient } from './kafka.ts'
import type { KubernetesClient } from './kubernetes.ts'
import type { LdapClient } from './ldap.ts'
import type { LocalClient } from './local.ts'
import type { MqttClient } from './mqtt.ts'
import type { RedisClient } from './redis.ts'
import type { RabbitmqClient } from './rabbitmq.ts'
import type { SmtpClient } from './smtp.ts'
import type { SqlClient } from './sql.ts'
import type { TcpClient } from './tcp.ts'

/** What each connector type hands to its monitors. To add one: its interface in a file here, and a line below. */
export interface ConnectorClients {
  dns: DnsClient
  exec: ExecClient
  grpc: GrpcClient
  http: HttpClient
  icmp: IcmpClient
  imap: ImapClient
  jolokia: JolokiaClient
  kafka: KafkaClient
  kubernetes: KubernetesClient
  ldap: LdapClient
  local: LocalClient
  mqtt: MqttClient
  postgresql: SqlClient
  redis: RedisClient
  rabbitmq: RabbitmqClient
  smtp: SmtpClient
  tcp: TcpClient
}

export type ConnectorType = keyof ConnectorClients
export { dnsRecordTypes } from './dns.ts'
export type * from './dns.ts'
export type * from './exec.ts'
export { grpcStates } from './grpc.ts'
export type * from './grpc.ts'
export type * from './http.ts'
export type * from './icmp.ts'
export type * from './imap.ts'
export type * from './jolokia.ts'
export type * from './kafka.ts'
export type * from './kubernetes.ts'
export type * from './ldap.ts'
export type * from './local.ts'
export type * from './mqtt.ts'
export type * from './redis.ts'
export type * from './rabbitmq.ts'
export type * from './smtp.ts'
export { sqlDialects } from './sql.ts'
export type * from './sql.ts'
export type * from './tcp.ts'
