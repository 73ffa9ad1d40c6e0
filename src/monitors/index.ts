// Written by `npm run generate`; do not edit.
import type { AnyMonitor } from '../sdk/index.ts'
import clusterPacemaker from './cluster.pacemaker.ts'
import dnsLookup from './dns.lookup.ts'
import grpcHealth from './grpc.health.ts'
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
import hostWindows from './host.windows.ts'
import httpResponse from './http.response.ts'
import imapSession from './imap.session.ts'
import jmxValues from './jmx.values.ts'
import jvm from './jvm.ts'
import kafkaCluster from './kafka.cluster.ts'
import kafkaLag from './kafka.lag.ts'
import kubernetesNodes from './kubernetes.nodes.ts'
import kubernetesWorkloads from './kubernetes.workloads.ts'
import ldapBind from './ldap.bind.ts'
import ldapMonitor from './ldap.monitor.ts'
import ldapReplication from './ldap.replication.ts'
import mailRoundtrip from './mail.roundtrip.ts'
import mongodb from './mongodb.ts'
import mqttBroker from './mqtt.broker.ts'
import mqttRoundtrip from './mqtt.roundtrip.ts'
import mqttValue from './mqtt.value.ts'
import mssql from './mssql.ts'
import mysql from './mysql.ts'
import nagiosPlugin from './nagios.plugin.ts'
import ntp from './ntp.ts'
import oracle from './oracle.ts'
import ping from './ping.ts'
import postgresql from './postgresql.ts'
import prometheusScrape from './prometheus.scrape.ts'
import rabbitmqNode from './rabbitmq.node.ts'
import rabbitmqQueues from './rabbitmq.queues.ts'
import radiusAuth from './radius.auth.ts'
import redis from './redis.ts'
import sapCcms from './sap.ccms.ts'
import sapDumps from './sap.dumps.ts'
import sapEnqueue from './sap.enqueue.ts'
import sapHa from './sap.ha.ts'
import sapHttp from './sap.http.ts'
import sapIcm from './sap.icm.ts'
import sapInstances from './sap.instances.ts'
import sapInventory from './sap.inventory.ts'
import sapJavaMemory from './sap.java.memory.ts'
import sapJavaProcess from './sap.java.process.ts'
import sapJobs from './sap.jobs.ts'
import sapLocks from './sap.locks.ts'
import sapProcesses from './sap.processes.ts'
import sapQueues from './sap.queues.ts'
import sapResponse from './sap.response.ts'
import sapSpool from './sap.spool.ts'
import sapSqlDumps from './sap.sql.dumps.ts'
import sapSqlIdocs from './sap.sql.idocs.ts'
import sapSqlJobs from './sap.sql.jobs.ts'
import sapSqlQrfc from './sap.sql.qrfc.ts'
import sapSqlSpool from './sap.sql.spool.ts'
import sapSqlTable from './sap.sql.table.ts'
import sapSqlTrfc from './sap.sql.trfc.ts'
import sapSqlUpdates from './sap.sql.updates.ts'
import sapStartsrv from './sap.startsrv.ts'
import sapSyslog from './sap.syslog.ts'
import sapTable from './sap.table.ts'
import sapUpdates from './sap.updates.ts'
import sapWebdispatcher from './sap.webdispatcher.ts'
import sapWorkprocesses from './sap.workprocesses.ts'
import sapWpLongrunners from './sap.wp.longrunners.ts'
import smtpSession from './smtp.session.ts'
import snmpHost from './snmp.host.ts'
import snmpInterfaces from './snmp.interfaces.ts'
import snmpSystem from './snmp.system.ts'
import snmpValues from './snmp.values.ts'
import sqlQuery from './sql.query.ts'
import sshCommand from './ssh.command.ts'
import tcpPort from './tcp.port.ts'
import tlsCertificate from './tls.certificate.ts'

export const monitors: readonly AnyMonitor[] = [
  clusterPacemaker,
  dnsLookup,
  grpcHealth,
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
  hostWindows,
  httpResponse,
  imapSession,
  jmxValues,
  jvm,
  kafkaCluster,
  kafkaLag,
  kubernetesNodes,
  kubernetesWorkloads,
  ldapBind,
  ldapMonitor,
  ldapReplication,
  mailRoundtrip,
  mongodb,
  mqttBroker,
  mqttRoundtrip,
  mqttValue,
  mssql,
  mysql,
  nagiosPlugin,
  ntp,
  oracle,
  ping,
  postgresql,
  prometheusScrape,
  rabbitmqNode,
  rabbitmqQueues,
  radiusAuth,
  redis,
  sapCcms,
  sapDumps,
  sapEnqueue,
  sapHa,
  sapHttp,
  sapIcm,
  sapInstances,
  sapInventory,
  sapJavaMemory,
  sapJavaProcess,
  sapJobs,
  sapLocks,
  sapProcesses,
  sapQueues,
  sapResponse,
  sapSpool,
  sapSqlDumps,
  sapSqlIdocs,
  sapSqlJobs,
  sapSqlQrfc,
  sapSqlSpool,
  sapSqlTable,
  sapSqlTrfc,
  sapSqlUpdates,
  sapStartsrv,
  sapSyslog,
  sapTable,
  sapUpdates,
  sapWebdispatcher,
  sapWorkprocesses,
  sapWpLongrunners,
  smtpSession,
  snmpHost,
  snmpInterfaces,
  snmpSystem,
  snmpValues,
  sqlQuery,
  sshCommand,
  tcpPort,
  tlsCertificate,
]
