// Written by `npm run generate`; do not edit.
import type { AnyMonitor } from '../sdk/index.ts'
import clusterPacemaker from './cluster.pacemaker.ts'
import dnsLookup from './dns.lookup.ts'
import hostLinuxFilesystems from './host.linux.filesystems.ts'
import hostLinuxProcesses from './host.linux.processes.ts'
import hostLinux from './host.linux.ts'
import hostLinuxUnits from './host.linux.units.ts'
import hostLocal from './host.local.ts'
import hostWindows from './host.windows.ts'
import httpResponse from './http.response.ts'
import ldapBind from './ldap.bind.ts'
import ldapMonitor from './ldap.monitor.ts'
import ldapReplication from './ldap.replication.ts'
import nagiosPlugin from './nagios.plugin.ts'
import ntp from './ntp.ts'
import ping from './ping.ts'
import postgresql from './postgresql.ts'
import prometheusScrape from './prometheus.scrape.ts'
import rabbitmqNode from './rabbitmq.node.ts'
import rabbitmqQueues from './rabbitmq.queues.ts'
import redis from './redis.ts'
import snmpHost from './snmp.host.ts'
import snmpInterfaces from './snmp.interfaces.ts'
import snmpSystem from './snmp.system.ts'
import snmpValues from './snmp.values.ts'
import sshCommand from './ssh.command.ts'
import tcpPort from './tcp.port.ts'
import tlsCertificate from './tls.certificate.ts'

export const monitors: readonly AnyMonitor[] = [
  clusterPacemaker,
  dnsLookup,
  hostLinuxFilesystems,
  hostLinuxProcesses,
  hostLinux,
  hostLinuxUnits,
  hostLocal,
  hostWindows,
  httpResponse,
  ldapBind,
  ldapMonitor,
  ldapReplication,
  nagiosPlugin,
  ntp,
  ping,
  postgresql,
  prometheusScrape,
  rabbitmqNode,
  rabbitmqQueues,
  redis,
  snmpHost,
  snmpInterfaces,
  snmpSystem,
  snmpValues,
  sshCommand,
  tcpPort,
  tlsCertificate,
]
