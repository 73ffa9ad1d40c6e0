import type { HanaClient, Proposal, SqlRow } from '../../sdk/index.ts'

/** Where the asked database is, as far as it counts for its neighbours. */
export interface AskedPlace {
  readonly host: string
  readonly instance: number
  readonly port: number | undefined
  readonly tenant: string | undefined
  readonly tls: 'verify' | 'require' | 'off'
  readonly trustedCertificates: string | undefined
}

/**
 * The union view of all databases, which the SYSTEMDB alone has. A tenant that is spread over hosts has an indexserver on each, and clients begin
 * with that of the master; a SYSTEMDB's services say by which name it knows its own host.
 */
const tenantsSql = `
  SELECT DATABASE_NAME AS NAME, HOST, SQL_PORT AS PORT, SERVICE_NAME AS SERVICE
    FROM SYS_DATABASES.M_SERVICES
   WHERE COORDINATOR_TYPE = 'MASTER' AND SERVICE_NAME IN ('indexserver', 'nameserver')
   ORDER BY DATABASE_NAME, HOST, SQL_PORT`

const mostServices = 1_000

/** A connector for each tenant that runs, by its own port: so it works where the SYSTEMDB is down or cannot be reached. */
export async function tenantsOf(
  place: AskedPlace,
  client: HanaClient,
  signal: AbortSignal,
): Promise<readonly Proposal[]> {
  if (!isSystem(place)) return []
  return client.session(signal, async (session) => tenantsIn(await session.query(tenantsSql, mostServices), place))
}

function isSystem({ port, tenant }: AskedPlace): boolean {
  const isItsPort = port === undefined || port % 100 === 13
  return isItsPort && (tenant === undefined || tenant === 'SYSTEMDB')
}

function tenantsIn(rows: readonly SqlRow[], place: AskedPlace): readonly Proposal[] {
  const { host, tls, trustedCertificates } = place
  const ownName = rows.find(({ service }) => service === 'nameserver')?.['host']
  const instance = String(
    place.port === undefined ? place.instance : Math.floor((place.port - 30_000) / 100) % 100,
  ).padStart(2, '0')
  const met = new Set<string>()
  return rows.flatMap((row): Proposal[] => {
    const name = String(row['name'] ?? '')
    const port = Number(row['port'] ?? 0)
    // A service that does not run has no port.
    if (row['service'] !== 'indexserver' || !/^[A-Za-z0-9_.-]{1,253}$/.test(name) || met.has(name)) return []
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return []
    met.add(name)
    const named = String(row['host'] ?? '')
    const there = named === ownName || !/^[A-Za-z0-9][A-Za-z0-9.-]{0,200}$/.test(named) ? host : named
    return [
      {
        name: `hana-${instance}-${name}`.slice(0, 100),
        title: `SAP HANA ${instance}, tenant ${name}${there === host ? '' : ` on ${there}`}, port ${port}`,
        settings: {
          host: there,
          port,
          ...(tls === 'verify' ? {} : { tls }),
          ...(trustedCertificates === undefined ? {} : { trustedCertificates }),
        },
        seen: `named by the SYSTEMDB of instance ${instance}`,
        certainty: 'identified',
        credential: 'basic',
      },
    ]
  })
}
