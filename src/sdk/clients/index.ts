import type { DnsClient } from './dns.ts'
import type { ExecClient } from './exec.ts'
import type { GrpcClient } from './grpc.ts'
import type { HanaClient } from './hana.ts'
import type { HttpClient } from './http.ts'
import type { IcmpClient } from './icmp.ts'
import type { ImapClient } from './imap.ts'
import type { JolokiaClient } from './jolokia.ts'
import type { KafkaClient } from './kafka.ts'
import type { KubernetesClient } from './kubernetes.ts'
import type { LdapClient } from './ldap.ts'
import type { LocalClient } from './local.ts'
import type { MqttClient } from './mqtt.ts'
import type { NtpClient } from './ntp.ts'
import type { SnmpClient } from './snmp.ts'
import type { SshClient } from './ssh.ts'
import type { SapHttpClient } from './sap-http.ts'
import type { SapControlClient } from './sapcontrol.ts'
import type { RedisClient } from './redis.ts'
import type { MongodbClient } from './mongodb.ts'
import type { RabbitmqClient } from './rabbitmq.ts'
import type { RadiusClient } from './radius.ts'
import type { SmtpClient } from './smtp.ts'
import type { SqlClient } from './sql.ts'
import type { TcpClient } from './tcp.ts'
import type { WinrmClient } from './winrm.ts'

/** What each connector type hands to its monitors. To add one: its interface in a file here, and a line below. */
export interface ConnectorClients {
  dns: DnsClient
  exec: ExecClient
  grpc: GrpcClient
  hana: HanaClient
  http: HttpClient
  icmp: IcmpClient
  imap: ImapClient
  jolokia: JolokiaClient
  kafka: KafkaClient
  kubernetes: KubernetesClient
  ldap: LdapClient
  local: LocalClient
  mongodb: MongodbClient
  mssql: SqlClient
  mysql: SqlClient
  oracle: SqlClient
  mqtt: MqttClient
  ntp: NtpClient
  snmp: SnmpClient
  ssh: SshClient
  'sap-http': SapHttpClient
  sapcontrol: SapControlClient
  postgresql: SqlClient
  redis: RedisClient
  rabbitmq: RabbitmqClient
  radius: RadiusClient
  smtp: SmtpClient
  tcp: TcpClient
  winrm: WinrmClient
}

export type ConnectorType = keyof ConnectorClients

/** The types whose client is a `SqlClient`: what a monitor names that runs on any database. */
export const sqlConnectors = [
  'hana',
  'mssql',
  'mysql',
  'oracle',
  'postgresql',
] as const satisfies readonly ConnectorType[]

export { dnsRecordTypes } from './dns.ts'
export { sapFunctions, sapPages } from './sap-http.ts'
export { sapControlReads } from './sapcontrol.ts'
export type * from './dns.ts'
export type * from './exec.ts'
export { grpcStates } from './grpc.ts'
export type * from './grpc.ts'
export type * from './hana.ts'
export type * from './http.ts'
export type * from './icmp.ts'
export type * from './imap.ts'
export type * from './jolokia.ts'
export type * from './kafka.ts'
export type * from './kubernetes.ts'
export type * from './ldap.ts'
export type * from './local.ts'
export { mongodbReadings } from './mongodb.ts'
export type * from './mongodb.ts'
export type * from './mqtt.ts'
export type * from './ntp.ts'
export type * from './snmp.ts'
export type * from './ssh.ts'
export type * from './sap-http.ts'
export type * from './sapcontrol.ts'
export type * from './redis.ts'
export type * from './rabbitmq.ts'
export type * from './radius.ts'
export type * from './smtp.ts'
export { sqlDialects } from './sql.ts'
export type * from './sql.ts'
export type * from './tcp.ts'
export type * from './winrm.ts'
