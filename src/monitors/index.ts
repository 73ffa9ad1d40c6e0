// Written by `npm run generate`; do not edit.
import type { AnyMonitor } from '../sdk/index.ts'
import dnsLookup from './dns.lookup.ts'
import grpcHealth from './grpc.health.ts'
import hostLocal from './host.local.ts'
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
import mqttBroker from './mqtt.broker.ts'
import mqttRoundtrip from './mqtt.roundtrip.ts'
import mqttValue from './mqtt.value.ts'
import nagiosPlugin from './nagios.plugin.ts'
import ping from './ping.ts'
import postgresql from './postgresql.ts'
import prometheusScrape from './prometheus.scrape.ts'
import rabbitmqNode from './rabbitmq.node.ts'
import rabbitmqQueues from './rabbitmq.queues.ts'
import redis from './redis.ts'
import smtpSession from './smtp.session.ts'
import tcpPort from './tcp.port.ts'
import tlsCertificate from './tls.certificate.ts'

export const monitors: readonly AnyMonitor[] = [
  dnsLookup,
  grpcHealth,
  hostLocal,
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
  mqttBroker,
  mqttRoundtrip,
  mqttValue,
  nagiosPlugin,
  ping,
  postgresql,
  prometheusScrape,
  rabbitmqNode,
  rabbitmqQueues,
  redis,
  smtpSession,
  tcpPort,
  tlsCertificate,
]
