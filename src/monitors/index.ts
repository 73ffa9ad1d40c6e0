// Written by `npm run generate`; do not edit.
import type { AnyMonitor } from '../sdk/index.ts'
import dnsLookup from './dns.lookup.ts'
import hostLocal from './host.local.ts'
import httpResponse from './http.response.ts'
import ldapBind from './ldap.bind.ts'
import ldapMonitor from './ldap.monitor.ts'
import ldapReplication from './ldap.replication.ts'
import mongodb from './mongodb.ts'
import mssql from './mssql.ts'
import mysql from './mysql.ts'
import nagiosPlugin from './nagios.plugin.ts'
import oracle from './oracle.ts'
import ping from './ping.ts'
import postgresql from './postgresql.ts'
import prometheusScrape from './prometheus.scrape.ts'
import rabbitmqNode from './rabbitmq.node.ts'
import rabbitmqQueues from './rabbitmq.queues.ts'
import redis from './redis.ts'
import tcpPort from './tcp.port.ts'
import tlsCertificate from './tls.certificate.ts'

export const monitors: readonly AnyMonitor[] = [
  dnsLookup,
  hostLocal,
  httpResponse,
  ldapBind,
  ldapMonitor,
  ldapReplication,
  mongodb,
  mssql,
  mysql,
  nagiosPlugin,
  oracle,
  ping,
  postgresql,
  prometheusScrape,
  rabbitmqNode,
  rabbitmqQueues,
  redis,
  tcpPort,
  tlsCertificate,
]
