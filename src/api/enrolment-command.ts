import type { CertificateInfo } from '../platform/index.ts'

type Certificate = Pick<CertificateInfo, 'names' | 'subject' | 'issuer' | 'fingerprint'>

/**
 * What to run on the machine of a new agent, ready to be pasted into its shell.
 * @param given.host how the caller reached this server: most probably agents reach it so, too, unless that name means this machine only
 */
export function enrolmentCommand(given: {
  readonly host: string
  readonly certificate: Certificate
  readonly token: string
  readonly hostname: string
}): string {
  const { host, certificate, token, hostname } = given
  const [, called = '', port = ''] = /^([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.exec(host) ?? []
  const isReached = called !== '' && !isLocal(called)
  const name = isReached ? called : bracketed(certificate.names.find((one) => !isLocal(one)) ?? hostname)
  const url = `https://${name}${port}`
  const start = `FARWATCH_ENROLMENT_TOKEN=${token} farwatch start --role agent --server ${url}`
  // A certificate that an authority issued is trusted by that. Reached under a name that is not in it, another one is shown in front.
  const isShown = !isReached || certificate.names.includes(called.replace(/^\[|\]$/g, ''))
  return certificate.subject === certificate.issuer && isShown
    ? `farwatch trust ${url} --fingerprint ${certificate.fingerprint} && ${start}`
    : start
}

/** @returns why agents elsewhere cannot connect to a server that shows this certificate; undefined where they can */
export function enrolmentWarning({ names }: Certificate): string | undefined {
  return names.some((name) => !isLocal(name))
    ? undefined
    : "This server shows the certificate that is for this machine only, which agents elsewhere refuse. Make one for the server's name first: `farwatch certificate generate`, or in the portal."
}

function isLocal(name: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?|\[?(0*:)+0*1\]?)$/i.test(name)
}

function bracketed(name: string): string {
  return name.includes(':') ? `[${name}]` : name
}
