import type { Command } from 'commander'
import { FarwatchError } from '../../base/index.ts'
import {
  fetchServerCertificate,
  openKeystore,
  prepareDataDirectory,
  sameFingerprint,
  serverAddress,
  systemClock,
  type CertificateInfo,
} from '../../platform/index.ts'
import { saysYes } from '../ask.ts'
import { line, printable, type Terminal } from '../terminal.ts'

const fetchMs = 10_000

interface TrustOptions {
  readonly data?: string
  readonly fingerprint?: string
  readonly yes?: boolean
}

/**
 * `farwatch trust URL`: fetches the certificate a server shows, shows it, and puts it into the keystore of a data directory. It works
 * before the first start of that directory; an instance that runs on it sees the change within two seconds.
 */
export function trust(program: Command, terminal: Terminal): void {
  program
    .command('trust')
    .description("Fetches a server's certificate, shows it, and trusts it.")
    .argument('<url>', 'the server, such as https://farwatch.example:8443')
    .option('--fingerprint <sha256>', 'trust it where it has this fingerprint, and refuse any other')
    .option('--yes', 'trust whatever is shown')
    .option('--data <directory>', 'the data directory of the instance that shall trust it (FARWATCH_DATA)')
    .action(async (url: string, options: TrustOptions) => {
      const { host, port } = serverAddress(url)
      const shown = await fetchServerCertificate(host, port, AbortSignal.timeout(fetchMs))
      line(terminal.stdout, described(shown))
      await demandConsent(terminal, `${host}:${port}`, shown, options)
      const path = options.data ?? (terminal.env['FARWATCH_DATA'] || './data')
      const directory = await prepareDataDirectory(path, systemClock.now())
      const keystore = await openKeystore(directory, {
        now: () => systemClock.now(),
        onProblem: () => undefined,
      })
      try {
        await keystore.trust(shown.pem, host)
      } finally {
        keystore.close()
      }
      line(terminal.stdout, 'Trusted.')
    })
}

async function demandConsent(
  terminal: Terminal,
  server: string,
  { fingerprint }: CertificateInfo,
  options: TrustOptions,
): Promise<void> {
  if (options.fingerprint !== undefined) {
    if (sameFingerprint(options.fingerprint, fingerprint)) return
    throw new FarwatchError(
      'untrusted-certificate',
      `${server} shows another fingerprint than ${options.fingerprint.slice(0, 120)}; nothing was trusted`,
      { hint: 'Somebody else may be answering there. Compare it with the one that its own portal shows.' },
    )
  }
  if (options.yes === true) return
  if (!terminal.isInteractive)
    throw new FarwatchError(
      'wrong-use',
      'nobody can be asked whether this is the right certificate; nothing was trusted',
      {
        hint: 'Compare the fingerprint with the one that the portal of that server shows, and give it as --fingerprint.',
      },
    )
  if (!(await saysYes(terminal, 'Does the portal of that server show this fingerprint?')))
    throw new FarwatchError('untrusted-certificate', 'nothing was trusted')
}

function described({ subject, names, validTo, fingerprint }: CertificateInfo): string {
  return [
    `Subject      ${printable(subject)}`,
    `Names        ${printable(names.join(' '))}`,
    `Valid to     ${new Date(validTo).toISOString().slice(0, 10)}`,
    `SHA-256      ${fingerprint}`,
  ].join('\n')
}
