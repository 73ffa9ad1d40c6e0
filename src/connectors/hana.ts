import { defineConnector } from '../sdk/index.ts'
import { openHana } from './hana/connection.ts'
import { HanaDatabase } from './hana/database.ts'
import { hanaDiscovery } from './hana/discovery.ts'
import { tenantsOf } from './hana/tenants.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, statementTimeoutSetting, trustedSetting } from './network/settings.ts'
import { hostPort } from './network/target.ts'
import { trustedProblems } from './network/trust.ts'

/** SAP HANA: a tenant, the SYSTEMDB, or HANA Cloud. */
export default defineConnector({
  id: 'hana',
  title: 'SAP HANA',
  summary: 'A tenant database of a SAP HANA system, or its SYSTEMDB.',
  settings: {
    host: { ...hostSetting, example: 'hana1.example' },
    instance: {
      kind: 'number',
      label: 'Instance number',
      help: 'NN: the SYSTEMDB listens at 3NN13 and leads to the tenant. Without meaning where a port is given.',
      min: 0,
      max: 99,
      integer: true,
      default: 0,
    },
    port: {
      kind: 'number',
      label: 'Port',
      help: 'The SQL port of the tenant itself, such as 30015 or 30041; 443 for HANA Cloud. Better than an instance number where the SYSTEMDB’s port cannot be reached.',
      min: 1,
      max: 65535,
      integer: true,
      optional: true,
    },
    tenant: {
      kind: 'text',
      label: 'Tenant',
      help: 'The database’s name. Without one it is the SYSTEMDB, or whatever listens at the port.',
      maxLength: 253,
      pattern: '[A-Za-z0-9_.\\-]+',
      optional: true,
      example: 'HDB',
    },
    tls: {
      kind: 'choice',
      label: 'TLS',
      help: 'verify: always, with a trusted certificate for this name. require: always, whatever the certificate. off: never.',
      of: ['verify', 'require', 'off'],
      default: 'verify',
    },
    trustedCertificates: trustedSetting,
    // The server counts in whole seconds.
    statementTimeout: { ...statementTimeoutSetting, default: '10s', min: '1s' },
  },
  credentials: ['basic'],
  credentialRequired: true,
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: (settings) => hostPort(settings.host, portOf(settings)),
  reach: (settings, signal) => reachPort({ host: settings.host, port: portOf(settings) }, signal),
  discovery: hanaDiscovery,
  neighbours: tenantsOf,
  open: (settings, credential) => {
    const basic = credential?.type === 'basic' ? credential.fields : undefined
    const { host, tenant, tls, trustedCertificates, statementTimeout } = settings
    return new HanaDatabase(
      {
        host,
        port: portOf(settings),
        tenant,
        tls,
        trustedCertificates,
        statementTimeout,
        username: basic?.username ?? '',
        password: basic?.secret ?? '',
      },
      openHana,
    )
  },
})

/** The SYSTEMDB's SQL port where none is given. */
function portOf({ port, instance }: { readonly port: number | undefined; readonly instance: number }): number {
  return port ?? 30_013 + 100 * instance
}
