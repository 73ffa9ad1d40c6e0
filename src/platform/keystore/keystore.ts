import { X509Certificate, createPrivateKey, randomBytes } from 'node:crypto'
import { readFile, unwatchFile, watchFile } from 'node:fs'
import { promisify } from 'node:util'
import { FarwatchError, messageOf, systemCodeOf } from '../../base/index.ts'
import type { DataDirectory } from '../data-directory.ts'
import { writeFileAtomically } from '../files.ts'
import { waitForLock } from '../lock.ts'
import { certificateInfo, certificatesFromPem, sameFingerprint, type CertificateInfo } from './certificate.ts'
import type { Pkcs12Content } from './pkcs12.ts'

/** What a TLS server or client is given: PEM, decrypted once and kept, so that no handshake derives a key. */
export interface TlsMaterial {
  readonly key: string
  /** Its own certificate first, its issuers after it. */
  readonly cert: string
  readonly fingerprint: string
}

/**
 * `certificates/.keystore`: the instance's TLS key and certificate, and the certificates it trusts besides the system's authorities.
 *
 * It is a PKCS#12 file of which the password is in `keys/keystore.password`, so other tools open it:
 *   openssl pkcs12 -in certificates/.keystore -passin file:keys/keystore.password -info
 *   keytool -list -keystore certificates/.keystore -storepass:file keys/keystore.password
 * A change made by another program, or by `farwatch trust` beside a running instance, is seen within two seconds.
 */
export interface Keystore {
  tlsMaterial(): TlsMaterial
  /** The instance's own certificate. */
  own(): CertificateInfo
  trusted(): readonly (CertificateInfo & { readonly name: string })[]
  /** The trusted ones as PEM, to be given as `ca` beside `tls.rootCertificates`. */
  authorities(): readonly string[]
  /** Whether exactly this certificate is trusted, whatever names it bears. @param fingerprint SHA-256, colons or not */
  trusts(fingerprint: string): boolean
  /** Replaces the instance's key and certificate by new ones for these names and addresses. */
  generate(hosts: readonly string[]): Promise<CertificateInfo>
  /** Replaces them by given ones. @throws FarwatchError `invalid-value` where key and certificate do not belong together */
  import(given: GivenCertificate): Promise<CertificateInfo>
  /** Trusts the first certificate of a PEM text; trusting it again changes nothing. @param name what the list calls it */
  trust(pem: string, name: string): Promise<CertificateInfo>
  /** @throws FarwatchError `not-found` */
  distrust(fingerprint: string): Promise<void>
  /** Called after every change, whoever made it: time for `server.setSecureContext(keystore.tlsMaterial())`. @returns ends it */
  onChange(listener: () => void): () => void
  /** Ends the watching of the file. */
  close(): void
}

export type GivenCertificate =
  | { readonly kind: 'pem'; readonly certificate: string; readonly key: string; readonly passphrase?: string }
  | { readonly kind: 'pkcs12'; readonly bytes: Uint8Array; readonly password: string }

const ownName = 'farwatch'
const localHosts = ['localhost', '127.0.0.1', '::1']
const watchIntervalMs = 1_000

// Loaded with the first use: the ASN.1 libraries took 90 ms of 220, and every process and thread of Farwatch imports this folder's door.
const pkcs12 = () => import('./pkcs12.ts')
const selfSigned = () => import('./self-signed.ts')

/** A key and a certificate that vouches for itself, for `hosts`, as DER; valid from a day before `now`, epoch milliseconds. */
export async function selfSignedCertificate(
  hosts: readonly string[],
  now: number,
): Promise<{ readonly key: Uint8Array; readonly certificate: Uint8Array }> {
  return (await selfSigned()).makeSelfSigned(hosts, now)
}

interface State {
  readonly content: Pkcs12Content
  readonly tls: TlsMaterial
  readonly own: CertificateInfo
  readonly trusted: readonly (CertificateInfo & { readonly name: string })[]
}

/**
 * Opens the keystore of a data directory, or makes one with a certificate for the local machine only.
 * @param options.onProblem told when a change from outside cannot be read; the former content stays in use
 * @throws FarwatchError `storage-corrupt`, `storage-unwritable`
 */
export async function openKeystore(
  directory: DataDirectory,
  options: { now: () => number; onProblem: (thrown: unknown) => void },
): Promise<Keystore> {
  const file = directory.file('certificates', '.keystore')
  const lockFile = directory.file('certificates', '.lock.db')
  const password = await readOrMakePassword(directory)
  const listeners = new Set<() => void>()

  async function load(): Promise<State | undefined> {
    const bytes = await readIfThere(file)
    if (bytes === undefined) return undefined
    try {
      return stateOf(await (await pkcs12()).readPkcs12(bytes, password, file))
    } catch (thrown) {
      throw new FarwatchError('storage-corrupt', messageOf(thrown), {
        hint: 'Restore certificates/.keystore and keys/keystore.password from a copy, or remove both: a new certificate is made, and trust must be given again.',
        cause: thrown,
      })
    }
  }

  /** Reads what is there, changes it and writes it, with every other process kept out meanwhile. */
  async function update(change: (present: Pkcs12Content | undefined) => Promise<Pkcs12Content>): Promise<State> {
    const lock = await waitForLock(lockFile, 5_000)
    if (lock === undefined)
      throw new FarwatchError('conflict', `${file} is being changed by another process`, { hint: 'Try again.' })
    try {
      const present = await load()
      const content = await change(present?.content)
      if (present !== undefined && content === present.content) return present
      await writeFileAtomically(file, await (await pkcs12()).writePkcs12(content, password))
      return stateOf(content)
    } finally {
      lock.release()
    }
  }

  let state =
    (await load()) ??
    (await update(async (present) => {
      if (present !== undefined) return present
      const made = await (await selfSigned()).makeSelfSigned(localHosts, options.now())
      return { own: { name: ownName, key: made.key, chain: [made.certificate] }, trusted: [] }
    }))

  function settle(next: State): void {
    const isSame = sameContent(state, next)
    state = next
    if (!isSame) for (const listener of listeners) listener()
  }

  // One change after another within this process; the lock on the file keeps other processes out.
  let queue: Promise<unknown> = Promise.resolve()
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = queue.then(act)
    queue = done.catch(() => undefined)
    return done
  }
  const changed = (change: (present: Pkcs12Content) => Promise<Pkcs12Content>): Promise<State> =>
    inTurn(async () => {
      settle(await update((present) => change(present ?? state.content)))
      return state
    })

  // Polled rather than notified: a stat a second costs nothing, and works on every file system and through a rename.
  const onTouched = (): void => {
    inTurn(async () => {
      const next = await load()
      if (next !== undefined) settle(next)
    }).catch(options.onProblem)
  }
  watchFile(file, { interval: watchIntervalMs, persistent: false }, onTouched)

  return {
    tlsMaterial: () => state.tls,
    own: () => state.own,
    trusted: () => state.trusted,
    authorities: () => state.trusted.map(({ pem }) => pem),
    trusts: (fingerprint) => state.trusted.some((one) => sameFingerprint(one.fingerprint, fingerprint)),
    async generate(hosts) {
      const made = await (await selfSigned()).makeSelfSigned(hosts, options.now())
      const next = await changed(async (present) => ({
        ...present,
        own: { name: ownName, key: made.key, chain: [made.certificate] },
      }))
      return next.own
    },
    async import(given) {
      const own = await ownOf(given)
      return (await changed(async (present) => ({ ...present, own }))).own
    },
    async trust(pem, name) {
      const certificate = certificatesFromPem(pem)[0]!
      await changed(async (present) => {
        if (
          present.trusted.some(
            (one) => new X509Certificate(one.certificate).fingerprint256 === certificate.fingerprint256,
          )
        )
          return present
        const taken = new Set([ownName, ...present.trusted.map((one) => one.name)])
        return {
          ...present,
          trusted: [...present.trusted, { name: freeName(name, taken), certificate: certificate.raw }],
        }
      })
      return certificateInfo(certificate)
    },
    async distrust(fingerprint) {
      await changed(async (present) => {
        const trusted = present.trusted.filter(
          (one) => !sameFingerprint(new X509Certificate(one.certificate).fingerprint256, fingerprint),
        )
        if (trusted.length === present.trusted.length)
          throw new FarwatchError(
            'not-found',
            `no trusted certificate has the fingerprint ${fingerprint.slice(0, 100)}`,
          )
        return { ...present, trusted }
      })
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => unwatchFile(file, onTouched),
  }
}

function stateOf(content: Pkcs12Content): State {
  if (content.own === undefined) throw new FarwatchError('storage-corrupt', 'the keystore holds no private key')
  const chain = content.own.chain.map((der) => new X509Certificate(der))
  const key = createPrivateKey({ key: Buffer.from(content.own.key), format: 'der', type: 'pkcs8' })
  return {
    content,
    own: certificateInfo(chain[0]!),
    tls: {
      key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
      cert: chain.map(String).join(''),
      fingerprint: chain[0]!.fingerprint256,
    },
    trusted: content.trusted.map(({ name, certificate }) => ({
      name,
      ...certificateInfo(new X509Certificate(certificate)),
    })),
  }
}

function sameContent(a: State, b: State): boolean {
  const key = ({ tls, trusted }: State): string =>
    JSON.stringify([tls.key, tls.cert, trusted.map(({ name, fingerprint }) => [name, fingerprint])])
  return key(a) === key(b)
}

async function ownOf(given: GivenCertificate): Promise<NonNullable<Pkcs12Content['own']>> {
  if (given.kind === 'pkcs12') {
    const { own } = await (await pkcs12()).readPkcs12(given.bytes, given.password, 'the given PKCS#12 file')
    if (own === undefined) throw new FarwatchError('invalid-value', 'the given PKCS#12 file holds no private key')
    return { ...own, name: ownName }
  }
  const chain = certificatesFromPem(given.certificate)
  let key
  try {
    key = createPrivateKey({
      key: given.key,
      ...(given.passphrase === undefined ? {} : { passphrase: given.passphrase }),
    })
  } catch {
    // What OpenSSL says about a key it could not read helps nobody and may hold part of it.
    throw new FarwatchError('invalid-value', 'the private key cannot be read', {
      hint: 'Give it as PEM; where it is encrypted, give its passphrase too.',
    })
  }
  if (!chain[0]!.checkPrivateKey(key)) {
    throw new FarwatchError('invalid-value', 'the private key does not belong to the first certificate', {
      hint: 'Put the certificate of this key first, and its issuers after it.',
    })
  }
  return { name: ownName, key: key.export({ format: 'der', type: 'pkcs8' }), chain: chain.map(({ raw }) => raw) }
}

/** Aliases are told apart without regard to case by Java. */
function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const base =
    wanted
      .toLowerCase()
      .replace(/[^a-z0-9.:_-]+/g, '-')
      .slice(0, 60) || 'trusted'
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}-${number}`
    if (!taken.has(name)) return name
  }
}

async function readOrMakePassword(directory: DataDirectory): Promise<string> {
  const file = directory.file('keys', 'keystore.password')
  const lock = await waitForLock(directory.file('certificates', '.lock.db'), 5_000)
  try {
    const present = await readIfThere(file)
    if (present !== undefined) return new TextDecoder().decode(present).trim()
    const made = randomBytes(24).toString('hex')
    await writeFileAtomically(file, `${made}\n`)
    return made
  } finally {
    lock?.release()
  }
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await promisify(readFile)(file)
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw new FarwatchError('data-directory-unusable', `${file} cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    })
  }
}
