import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'

let last: { readonly key: string; readonly context: SecureContext } | undefined

/**
 * A TLS context that trusts Node's authorities, the machine's, where companies put theirs, and the given PEM certificates. Reading
 * some 150 authorities takes milliseconds, so the context is kept until another set is asked for.
 */
export function trusting(certificates: readonly string[]): SecureContext {
  const key = certificates.join('\n')
  if (last?.key !== key) {
    const ca = [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...certificates])]
    last = { key, context: createSecureContext({ ca }) }
  }
  return last.context
}
