import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { scratch } from './processes.ts'

const execute = promisify(execFile)

export interface MadeCertificate {
  readonly certificate: string
  readonly key: string
}

export interface Authority {
  /** PEM, to be trusted. */
  readonly certificate: string
  /** A server's certificate for names such as `DNS:localhost` and `IP:127.0.0.1`. Negative days have ended already. */
  issue(names: readonly string[], days: number): Promise<MadeCertificate>
  remove(): Promise<void>
}

/** An authority of the test's own, made with openssl. */
export async function makeAuthority(): Promise<Authority> {
  const directory = await scratch('authority')
  const file = (name: string) => join(directory.path, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await execute('openssl', [
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '400',
    '-subj',
    '/CN=Farwatch test authority',
  ])
  let made = 0
  return {
    certificate: await readFile(file('ca.pem'), 'utf8'),
    async issue(names, days) {
      const name = `leaf${made++}`
      const request = ['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', '/CN=leaf']
      await execute('openssl', ['req', ...key, ...request])
      await writeFile(file(`${name}.ext`), `subjectAltName=${names.join(',')}\n`)
      const sign = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-extfile', file(`${name}.ext`)]
      const out = ['-in', file(`${name}.csr`), '-out', file(`${name}.pem`)]
      await execute(
        'openssl',
        days > 0 ? ['x509', '-req', ...out, ...sign, '-CAcreateserial', '-days', String(days)] : await caArguments(),
      )
      return {
        certificate: await readFile(file(`${name}.pem`), 'utf8'),
        key: await readFile(file(`${name}.key`), 'utf8'),
      }

      // Only `openssl ca` of the older versions sets a past end.
      async function caArguments(): Promise<string[]> {
        const database = file(`${name}.index`)
        await writeFile(database, '')
        await writeFile(
          file(`${name}.cnf`),
          `[ca]\ndefault_ca=a\n[a]\ndatabase=${database}\nnew_certs_dir=${directory.path}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n`,
        )
        return [
          'ca',
          '-batch',
          '-notext',
          '-config',
          file(`${name}.cnf`),
          '-cert',
          file('ca.pem'),
          '-keyfile',
          file('ca.key'),
          '-startdate',
          '20200101000000Z',
          '-enddate',
          '20200201000000Z',
          '-extfile',
          file(`${name}.ext`),
          ...out,
        ]
      }
    },
    remove: directory.remove,
  }
}
