import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf, suggest } from '../../base/index.ts'
import type { AnswerOf, Operations } from '../../contract/index.ts'
import type { Client } from '../client.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'

const actions = ['show', 'generate', 'import', 'trust'] as const
type Certificate = AnswerOf<Operations['generateCertificate']>

export interface CertificateOptions {
  readonly certificate?: string
  readonly key?: string
  readonly pkcs12?: string
  readonly passwordFile?: string
  readonly json?: boolean
}

/** The instance's own certificate and those it trusts: shows, makes, imports and trusts them. */
export async function certificate(
  terminal: Terminal,
  client: Client,
  action: string,
  words: readonly string[],
  options: CertificateOptions,
): Promise<void> {
  const print = (answer: unknown, text: () => string) =>
    line(terminal.stdout, options.json === true ? JSON.stringify(answer) : text())
  switch (action as (typeof actions)[number]) {
    case 'show': {
      const all = await client.call('listCertificates')
      return print(all, () => listed(all))
    }
    case 'generate': {
      const body = words.length === 0 ? {} : { names: [...words] }
      const made = await client.call('generateCertificate', { body })
      return print(made, () => `${listed([made])}\nNew connections get it at once.`)
    }
    case 'import': {
      const imported = await client.call('importCertificate', { body: await given(options) })
      return print(imported, () => `${listed([imported])}\nNew connections get it at once.`)
    }
    case 'trust': {
      if (words.length !== 1)
        throw new FarwatchError('wrong-use', 'certificate trust needs the file of one certificate (PEM)', {
          hint: "A server's certificate is fetched and trusted by `farwatch trust URL`.",
        })
      const trusted = await client.call('trustCertificate', { body: { certificate: await fileText(words[0]!) } })
      return print(trusted, () => `${listed([trusted.certificate])}\nTrusted.`)
    }
  }
  throw new FarwatchError('wrong-use', `certificate ${action}: there is no such action`, {
    hint: suggest(action, actions),
  })
}

async function given({ certificate: file, key, pkcs12, passwordFile }: CertificateOptions) {
  // By file and not by flag: everybody on the machine sees the words of a command line.
  const password = passwordFile === undefined ? undefined : (await fileText(passwordFile)).split(/\r?\n/)[0]!
  if (pkcs12 !== undefined && file === undefined && key === undefined)
    return {
      pkcs12: (await fileBytes(pkcs12)).toString('base64'),
      ...(password === undefined ? {} : { password }),
    }
  if (file !== undefined && key !== undefined && pkcs12 === undefined)
    return {
      certificate: await fileText(file),
      key: await fileText(key),
      ...(password === undefined ? {} : { passphrase: password }),
    }
  throw new FarwatchError('wrong-use', 'certificate import needs --certificate and --key, or --pkcs12', {
    hint: 'Where the key is encrypted, give --password-file too.',
  })
}

async function fileBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (thrown) {
    throw new FarwatchError('wrong-use', `${file} cannot be read: ${messageOf(thrown)}`)
  }
}

async function fileText(file: string): Promise<string> {
  return (await fileBytes(file)).toString('utf8')
}

function listed(certificates: readonly Certificate[]): string {
  const rows = certificates.map((one) => [
    one.use,
    printable(one.subject),
    printable(one.names.join(' ')),
    one.validTo.slice(0, 10),
    one.fingerprint,
  ])
  return table([['USE', 'SUBJECT', 'NAMES', 'VALID TO', 'SHA-256'], ...rows])
}
