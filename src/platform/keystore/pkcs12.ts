import { X509Certificate, createPrivateKey, webcrypto } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { FarwatchError } from '../../base/index.ts'

/** What a PKCS#12 file holds, as DER. */
export interface Pkcs12Content {
  /** The private key (PKCS#8) with its certificates, its own first. Undefined in a file of trusted certificates only. */
  readonly own: { readonly name: string; readonly key: Uint8Array; readonly chain: readonly Uint8Array[] } | undefined
  readonly trusted: readonly { readonly name: string; readonly certificate: Uint8Array }[]
}

const bag = {
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  key: '1.2.840.113549.1.12.10.1.1',
  certificate: '1.2.840.113549.1.12.10.1.3',
}
const attribute = {
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  // Java shows a certificate as trusted only where it bears this, naming the usages (any).
  javaTrust: '2.16.840.1.113894.746875.1.1',
}
const anyExtendedKeyUsage = '2.5.29.37.0'
const x509CertificateBag = '1.2.840.113549.1.9.22.1'

// The password is a file of random bits, so rounds slow nobody down who guesses; these are keytool's and OpenSSL's own defaults.
// The MAC's rounds are run one by one in JavaScript (PKCS#12's own derivation), which is why they are not more.
const keyRounds = 10_000
const macRounds = 2_048

/** Runs on WebCrypto, whose work is done by the thread pool: the event loop goes on meanwhile. */
const engine = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto })

/** Writes PBES2 with AES-256 and a SHA-256 MAC, which OpenSSL 3, Java 11 and later, and Node read. */
export async function writePkcs12(content: Pkcs12Content, password: string): Promise<Uint8Array> {
  const secret = encoded(password)
  const encryption = {
    password: secret,
    contentEncryptionAlgorithm: { name: 'AES-CBC', length: 256 },
    hmacHashAlgorithm: 'SHA-256',
    iterationCount: keyRounds,
  }
  const keyBags: pkijs.SafeBag[] = []
  const certificateBags: pkijs.SafeBag[] = []
  if (content.own !== undefined) {
    const { name, key, chain } = content.own
    const keyId = await webcrypto.subtle.digest('SHA-1', chain[0]! as Uint8Array<ArrayBuffer>)
    const shrouded = new pkijs.PKCS8ShroudedKeyBag({ parsedValue: pkijs.PrivateKeyInfo.fromBER(copyOf(key)) })
    await shrouded.makeInternalValues(encryption, engine)
    const own = [friendlyName(name), localKeyId(keyId)]
    keyBags.push(new pkijs.SafeBag({ bagId: bag.shroudedKey, bagValue: shrouded, bagAttributes: own }))
    for (const [index, certificate] of chain.entries()) {
      // OpenSSL and Java find the key's certificate by the id on both; the rest of the chain they find by issuer.
      certificateBags.push(certificateBag(certificate, index === 0 ? own : [friendlyName(`${name}-issuer-${index}`)]))
    }
  }
  for (const { name, certificate } of content.trusted)
    certificateBags.push(certificateBag(certificate, [friendlyName(name), javaTrust()]))

  const safe = new pkijs.AuthenticatedSafe({
    parsedValue: {
      safeContents: [
        { privacyMode: 0, value: new pkijs.SafeContents({ safeBags: keyBags }) },
        { privacyMode: 1, value: new pkijs.SafeContents({ safeBags: certificateBags }) },
      ],
    },
  })
  await safe.makeInternalValues({ safeContents: [{}, encryption] }, engine)
  const pfx = new pkijs.PFX({ parsedValue: { integrityMode: 0, authenticatedSafe: safe } })
  await pfx.makeInternalValues(
    { password: secret, iterations: macRounds, pbkdf2HashAlgorithm: 'SHA-256', hmacHashAlgorithm: 'SHA-256' },
    engine,
  )
  return new Uint8Array(pfx.toSchema().toBER(false))
}

/**
 * Reads a PKCS#12 file, written by whoever.
 * @param name what to call it in messages
 * @throws FarwatchError `invalid-value` where the password is wrong or the file is not one this program reads
 */
export async function readPkcs12(bytes: Uint8Array, password: string, name: string): Promise<Pkcs12Content> {
  const bags = await bagsOf(bytes, password, name)
  const certificates: { name: string; der: Uint8Array; keyId: string; isTrusted: boolean }[] = []
  let key: { name: string; der: Uint8Array; keyId: string } | undefined
  for (const { bagId, bagValue, bagAttributes } of bags) {
    const about = { name: textAttribute(bagAttributes), keyId: octetAttribute(bagAttributes) }
    if (bagId === bag.shroudedKey || bagId === bag.key) {
      const info = bagId === bag.key ? bagValue : (bagValue as pkijs.PKCS8ShroudedKeyBag).parsedValue
      if (key !== undefined) throw unreadable(name, 'it holds more than one private key')
      key = { ...about, der: new Uint8Array((info as pkijs.PrivateKeyInfo).toSchema().toBER(false)) }
    } else if (bagId === bag.certificate) {
      const { certValue } = bagValue as pkijs.CertBag
      certificates.push({
        ...about,
        der: new Uint8Array((certValue as asn1js.OctetString).getValue()),
        isTrusted: bagAttributes?.some(({ type }) => type === attribute.javaTrust) ?? false,
      })
    }
  }
  const others = certificates.filter(({ isTrusted }) => !isTrusted)
  const chain = key === undefined ? [] : chainOf(key, others)
  if (key !== undefined && chain.length === 0) throw unreadable(name, 'it holds a private key without its certificate')
  return {
    own: key === undefined ? undefined : { name: key.name, key: key.der, chain },
    // What is neither marked as trusted nor part of the chain was put there by hand, to be trusted.
    trusted: certificates
      .filter(({ isTrusted, der }) => isTrusted || !chain.includes(der))
      .map(({ name, der }) => ({ name, certificate: der })),
  }
}

async function bagsOf(bytes: Uint8Array, password: string, name: string): Promise<pkijs.SafeBag[]> {
  const secret = encoded(password)
  let pfx: pkijs.PFX
  try {
    pfx = pkijs.PFX.fromBER(copyOf(bytes))
  } catch {
    throw unreadable(name, 'it is not a PKCS#12 file')
  }
  try {
    await pfx.parseInternalValues({ password: secret, checkIntegrity: true }, engine)
    const safe = pfx.parsedValue!.authenticatedSafe!
    await safe.parseInternalValues({ safeContents: safe.safeContents.map(() => ({ password: secret })) }, engine)
    // The library types what it parsed as `any`; this is the shape it documents.
    const parts = safe.parsedValue.safeContents as { value: pkijs.SafeContents }[]
    const bags = parts.flatMap(({ value }) => value.safeBags)
    for (const { bagId, bagValue } of bags) {
      if (bagId !== bag.shroudedKey) continue
      const shrouded = bagValue as unknown as {
        parseInternalValues(options: { password: ArrayBuffer }, crypto: pkijs.ICryptoEngine): Promise<void>
      }
      await shrouded.parseInternalValues({ password: secret }, engine)
    }
    return bags
  } catch (thrown) {
    const broken = thrown instanceof Error && thrown.message.startsWith('Integrity')
    throw unreadable(
      name,
      broken ? 'the password is wrong, or the file is damaged' : 'it is encrypted in a way this program does not read',
    )
  }
}

function chainOf(
  key: { der: Uint8Array; keyId: string },
  certificates: readonly { der: Uint8Array; keyId: string }[],
): Uint8Array[] {
  const privateKey = createPrivateKey({ key: Buffer.from(key.der), format: 'der', type: 'pkcs8' })
  const all = certificates.map(({ der }) => ({ der, parsed: new X509Certificate(der) }))
  let next = all.find(({ parsed }) => parsed.checkPrivateKey(privateKey))
  const chain: typeof all = []
  while (next !== undefined && !chain.includes(next)) {
    chain.push(next)
    const { parsed } = next
    next = all.find((other) => !chain.includes(other) && parsed.checkIssued(other.parsed))
  }
  return chain.map(({ der }) => der)
}

function certificateBag(der: Uint8Array, bagAttributes: pkijs.Attribute[]): pkijs.SafeBag {
  // Given as bytes rather than parsed: a certificate that is taken apart and put together again may lose its signature.
  const bagValue = new pkijs.CertBag({
    certId: x509CertificateBag,
    certValue: new asn1js.OctetString({ valueHex: copyOf(der) }),
  })
  return new pkijs.SafeBag({ bagId: bag.certificate, bagValue, bagAttributes })
}

function friendlyName(name: string): pkijs.Attribute {
  return new pkijs.Attribute({ type: attribute.friendlyName, values: [new asn1js.BmpString({ value: name })] })
}

function localKeyId(id: ArrayBuffer): pkijs.Attribute {
  return new pkijs.Attribute({ type: attribute.localKeyId, values: [new asn1js.OctetString({ valueHex: id })] })
}

function javaTrust(): pkijs.Attribute {
  return new pkijs.Attribute({
    type: attribute.javaTrust,
    values: [new asn1js.ObjectIdentifier({ value: anyExtendedKeyUsage })],
  })
}

function textAttribute(attributes: readonly pkijs.Attribute[] | undefined): string {
  const value: unknown = attributes?.find(({ type }) => type === attribute.friendlyName)?.values[0]
  return value instanceof asn1js.BmpString ? value.valueBlock.value : ''
}

function octetAttribute(attributes: readonly pkijs.Attribute[] | undefined): string {
  const value: unknown = attributes?.find(({ type }) => type === attribute.localKeyId)?.values[0]
  return value instanceof asn1js.OctetString ? Buffer.from(value.getValue()).toString('hex') : ''
}

function encoded(password: string): ArrayBuffer {
  return copyOf(new TextEncoder().encode(password))
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

function unreadable(name: string, why: string): FarwatchError {
  return new FarwatchError('invalid-value', `${name} cannot be read: ${why}`, {
    hint: 'A file in an older form is rewritten with: openssl pkcs12 -legacy -in old.p12 -nodes | openssl pkcs12 -export -out new.p12',
  })
}
