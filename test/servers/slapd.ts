import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { certificateFor } from './certificate.ts'
import { freePort, run, scratch, serving } from './processes.ts'

const execute = promisify(execFile)

export interface Slapd {
  readonly port: number
  readonly tlsPort: number
  /** What it shows to those who speak TLS, for `localhost`; PEM, to be trusted. */
  readonly certificate: string
  stop(): Promise<void>
}

export const directoryPassword = 'geheim-slapd'

/**
 * A real OpenLDAP for `dc=example` with its administrator `cn=admin,dc=example`, two people, and figures that only the administrator
 * may read. With `provider` it is a consumer that replicates from there instead of having entries of its own.
 */
export async function startSlapd({ provider }: { provider?: number } = {}): Promise<Slapd> {
  const directory = await scratch('slapd')
  const at = (name: string) => join(directory.path, name)
  const [port, tlsPort] = [await freePort(), await freePort()]
  try {
    const { key, cert } = await certificateFor('localhost')
    await Promise.all([
      mkdir(at('data')),
      writeFile(at('key.pem'), key, { mode: 0o600 }),
      writeFile(at('cert.pem'), cert),
      writeFile(at('entries.ldif'), entries),
      writeFile(
        at('slapd.conf'),
        `
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload back_monitor
moduleload syncprov
TLSCertificateFile ${at('cert.pem')}
TLSCertificateKeyFile ${at('key.pem')}
database mdb
suffix "dc=example"
rootdn "cn=admin,dc=example"
rootpw ${directoryPassword}
directory ${at('data')}
maxsize 4194304
access to dn.base="dc=example" attrs=contextCSN by dn.exact="cn=anna,dc=example" read by * none
access to attrs=userPassword by anonymous auth by * none
access to * by * read
${
  provider === undefined
    ? 'overlay syncprov'
    : `syncrepl rid=001 provider=ldap://127.0.0.1:${provider} type=refreshAndPersist searchbase="dc=example" bindmethod=simple
  binddn="cn=admin,dc=example" credentials=${directoryPassword} retry="1 +"`
}
database monitor
access to * by dn.exact="cn=admin,dc=example" read by * none
`,
      ),
    ])
    if (provider === undefined)
      await execute('/usr/sbin/slapadd', ['-w', '-q', '-f', at('slapd.conf'), '-l', at('entries.ldif')])
    const urls = `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${tlsPort}`
    const server = run('/usr/sbin/slapd', ['-d', '0', '-f', at('slapd.conf'), '-h', urls])
    return { port, tlsPort, certificate: cert, stop: await serving(server, tlsPort, directory) }
  } catch (error) {
    await directory.remove()
    throw error
  }
}

const entries = `dn: dc=example
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: cn=anna,dc=example
objectClass: person
cn: anna
sn: Anna
userPassword: geheim-anna

dn: cn=bert,dc=example
objectClass: person
cn: bert
sn: Bert
`
