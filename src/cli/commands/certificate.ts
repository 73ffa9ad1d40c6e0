import type { Client } from '../client.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'

/** The instance's own certificate and those it trusts. */
export async function certificate(terminal: Terminal, client: Client, options: { json?: boolean }): Promise<void> {
  const certificates = await client.call('listCertificates')
  if (options.json === true) return line(terminal.stdout, JSON.stringify(certificates))
  const rows = certificates.map((one) => [
    one.use,
    printable(one.subject),
    printable(one.names.join(' ')),
    one.validTo.slice(0, 10),
    one.fingerprint,
  ])
  line(terminal.stdout, table([['USE', 'SUBJECT', 'NAMES', 'VALID TO', 'SHA-256'], ...rows]))
}
