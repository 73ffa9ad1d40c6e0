import type { OpenCredential } from '../../sdk/index.ts'

/** One for all connectors without a credential. */
const noHeaders: Readonly<Record<string, string>> = {}

/** What a credential puts into the headers; a client certificate is shown in the handshake, and other types are not for HTTP. */
export function credentialHeaders(credential: OpenCredential | undefined): Readonly<Record<string, string>> {
  if (credential?.type === 'basic') {
    const { username, secret } = credential.fields
    return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` }
  }
  if (credential?.type === 'token') return { authorization: `Bearer ${credential.fields.secret}` }
  return credential?.type === 'header'
    ? { [credential.fields.header.toLowerCase()]: credential.fields.secret }
    : noHeaders
}
