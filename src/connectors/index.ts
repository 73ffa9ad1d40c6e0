// Written by `npm run generate`; do not edit.
import type { AnyConnector } from '../sdk/index.ts'
import dns from './dns.ts'
import exec from './exec.ts'
import http from './http.ts'
import icmp from './icmp.ts'
import ldap from './ldap.ts'
import local from './local.ts'
import mongodb from './mongodb.ts'
import mssql from './mssql.ts'
import mysql from './mysql.ts'
import oracle from './oracle.ts'
import postgresql from './postgresql.ts'
import rabbitmq from './rabbitmq.ts'
import redis from './redis.ts'
import tcp from './tcp.ts'

export const connectors: readonly AnyConnector[] = [
  dns,
  exec,
  http,
  icmp,
  ldap,
  local,
  mongodb,
  mssql,
  mysql,
  oracle,
  postgresql,
  rabbitmq,
  redis,
  tcp,
]
