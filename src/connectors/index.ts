// Written by `npm run generate`; do not edit.
import type { AnyConnector } from '../sdk/index.ts'
import dns from './dns.ts'
import exec from './exec.ts'
import grpc from './grpc.ts'
import hana from './hana.ts'
import http from './http.ts'
import icmp from './icmp.ts'
import imap from './imap.ts'
import jolokia from './jolokia.ts'
import kafka from './kafka.ts'
import kubernetes from './kubernetes.ts'
import ldap from './ldap.ts'
import local from './local.ts'
import mongodb from './mongodb.ts'
import mqtt from './mqtt.ts'
import mssql from './mssql.ts'
import mysql from './mysql.ts'
import ntp from './ntp.ts'
import oracle from './oracle.ts'
import postgresql from './postgresql.ts'
import rabbitmq from './rabbitmq.ts'
import radius from './radius.ts'
import redis from './redis.ts'
import sapHttp from './sap-http.ts'
import sapcontrol from './sapcontrol.ts'
import smtp from './smtp.ts'
import snmp from './snmp.ts'
import ssh from './ssh.ts'
import tcp from './tcp.ts'
import winrm from './winrm.ts'

export const connectors: readonly AnyConnector[] = [
  dns,
  exec,
  grpc,
  hana,
  http,
  icmp,
  imap,
  jolokia,
  kafka,
  kubernetes,
  ldap,
  local,
  mongodb,
  mqtt,
  mssql,
  mysql,
  ntp,
  oracle,
  postgresql,
  rabbitmq,
  radius,
  redis,
  sapHttp,
  sapcontrol,
  smtp,
  snmp,
  ssh,
  tcp,
  winrm,
]
