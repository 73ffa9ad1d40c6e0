import { makeSelfSigned } from '../../src/platform/keystore/self-signed.ts'

/** A fresh self-signed certificate for one name or address, as PEM. */
export async function certificateFor(host: string): Promise<{ readonly key: string; readonly cert: string }> {
  const { key, certificate } = await makeSelfSigned([host], Date.now())
  return { key: pem('PRIVATE KEY', key), cert: pem('CERTIFICATE', certificate) }
}

function pem(what: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n')
  return `-----BEGIN ${what}-----\n${lines}\n-----END ${what}-----\n`
}
