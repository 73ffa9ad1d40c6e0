// Written by `npm run generate`; do not edit.
import type { AnyMonitor } from '../sdk/index.ts'
import dnsLookup from './dns.lookup.ts'
import hanaAlerts from './hana.alerts.ts'
import hanaAvailability from './hana.availability.ts'
import hanaBackup from './hana.backup.ts'
import hanaColumnstore from './hana.columnstore.ts'
import hanaDisk from './hana.disk.ts'
import hanaHost from './hana.host.ts'
import hanaLicense from './hana.license.ts'
import hanaLog from './hana.log.ts'
import hanaMemory from './hana.memory.ts'
import hanaReplication from './hana.replication.ts'
import hanaSql from './hana.sql.ts'
import hanaTransactions from './hana.transactions.ts'
import hostLinuxFilesystems from './host.linux.filesystems.ts'
import hostLinuxProcesses from './host.linux.processes.ts'
import hostLinux from './host.linux.ts'
import hostLinuxUnits from './host.linux.units.ts'
import hostLocal from './host.local.ts'
import httpResponse from './http.response.ts'
import imapSession from './imap.session.ts'
import ldapBind from './ldap.bind.ts'
import ldapMonitor from './ldap.monitor.ts'
import ldapReplication from './ldap.replication.ts'
import mqttBroker from './mqtt.broker.ts'
import mqttRoundtrip from './mqtt.roundtrip.ts'
import mqttValue from './mqtt.value.ts'
import nagiosPlugin from './nagios.plugin.ts'
import ntp from './ntp.ts'
import ping from './ping.ts'
import postgresql from './postgresql.ts'
import prometheusScrape from './prometheus.scrape.ts'
import rabbitmqNode from './rabbitmq.node.ts'
import rabbitmqQueues from './rabbitmq.queues.ts'
import redis from './redis.ts'
import sqlQuery from './sql.query.ts'
import smtpSession from './smtp.session.ts'
import snmpHost from './snmp.host.ts'
import snmpInterfaces from './snmp.interfaces.ts'
import snmpSystem from './snmp.system.ts'
import snmpValues from './snmp.values.ts'
import tcpPort from './tcp.port.ts'
import tlsCertificate from './tls.certificate.ts'

export const monitors: readonly AnyMonitor[] = [
  dnsLookup,
  hanaAlerts,
  hanaAvailability,
  hanaBackup,
  hanaColumnstore,
  hanaDisk,
  hanaHost,
  hanaLicense,
  hanaLog,
  hanaMemory,
  hanaReplication,
  hanaSql,
  hanaTransactions,
  hostLinuxFilesystems,
  hostLinuxProcesses,
  hostLinux,
  hostLinuxUnits,
  hostLocal,
  httpResponse,
  imapSession,
  ldapBind,
  ldapMonitor,
  ldapReplication,
  mqttBroker,
  mqttRoundtrip,
  mqttValue,
  nagiosPlugin,
  ntp,
  ping,
  postgresql,
  prometheusScrape,
  rabbitmqNode,
  rabbitmqQueues,
  redis,
  sqlQuery,
  smtpSession,
  snmpHost,
  snmpInterfaces,
  snmpSystem,
  snmpValues,
  tcpPort,
  tlsCertificate,
]
