import type { OpenCredential } from '../../sdk/index.ts'

/** The headers by which a credential shows itself over HTTP; a certificate shows itself in the TLS handshake. */
export function credentialHeaders(credential: OpenCredential | undefined): Record<string, string> {
  switch (credential?.type) {
    case 'basic': {
      const { username, secret } = credential.fields
      return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` }
    }
    case 'token':
      return { authorization: `Bearer ${credential.fields.secret}` }
    case 'header':
      return { [credential.fields.header.toLowerCase()]: credential.fields.secret }
    case 'certificate':
    case undefined:
      return {}
  }
}
