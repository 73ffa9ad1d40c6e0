import { FarwatchError, iso } from '../../base/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import {
  certificateInfo,
  certificatesFromPem,
  fetchServerCertificate,
  localNames,
  sameFingerprint,
  serverAddress,
  type CertificateInfo,
  type GivenCertificate,
  type Keystore,
} from '../../platform/index.ts'
import { demand, type Caller, type Handlers } from '../route.ts'

type Names =
  | 'listCertificates'
  | 'generateCertificate'
  | 'importCertificate'
  | 'trustCertificate'
  | 'distrustCertificate'

const fetchMs = 10_000

/** The instance's own certificate and those it trusts. */
export function certificateHandlers(parts: {
  readonly keystore: Keystore
  readonly inventory: Pick<Inventory, 'record'>
}): Handlers<Names> {
  const { keystore, inventory } = parts

  async function replaced(caller: Caller, action: string, replace: () => Promise<CertificateInfo>) {
    const before = keystore.own()
    const after = await replace()
    await inventory.record({
      who: caller.username,
      action,
      what: 'own certificate',
      before: audited(before),
      after: audited(after),
    })
    return shown('tls', after)
  }

  return {
    listCertificates: () => [
      shown('tls', keystore.own()),
      ...keystore.trusted().map((certificate) => shown('trusted', certificate)),
    ],
    generateCertificate: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      const names = body.names ?? (await detected())
      return replaced(caller, 'certificate generated', () => keystore.generate(names))
    },
    importCertificate: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      const given: GivenCertificate =
        'pkcs12' in body
          ? { kind: 'pkcs12', bytes: Buffer.from(body.pkcs12, 'base64'), password: body.password ?? '' }
          : { kind: 'pem', ...body }
      return replaced(caller, 'certificate imported', () => keystore.import(given))
    },
    trustCertificate: async ({ caller, body, signal }) => {
      demand(caller, 'admin', null)
      const found = 'url' in body ? await shownBy(body.url, signal) : firstOf(body.certificate)
      if ('url' in body && body.fingerprint === undefined)
        return { trusted: false, certificate: shown('trusted', found.certificate) }
      if (
        'url' in body &&
        body.fingerprint !== undefined &&
        !sameFingerprint(found.certificate.fingerprint, body.fingerprint)
      )
        throw new FarwatchError(
          'untrusted-certificate',
          `${found.name} shows a certificate with the fingerprint ${found.certificate.fingerprint}, not the given one`,
          { hint: 'Somebody else may be answering there. Compare it with the one that its own portal shows.' },
        )
      const certificate = await keystore.trust(found.certificate.pem, found.name)
      await inventory.record({
        who: caller.username,
        action: 'certificate trusted',
        what: found.name,
        before: null,
        after: audited(certificate),
      })
      return { trusted: true, certificate: shown('trusted', certificate) }
    },
    distrustCertificate: async ({ caller, params }) => {
      demand(caller, 'admin', null)
      const before = keystore.trusted().find((one) => sameFingerprint(one.fingerprint, params.fingerprint))
      await keystore.distrust(params.fingerprint)
      await inventory.record({
        who: caller.username,
        action: 'certificate distrusted',
        what: before?.name ?? params.fingerprint,
        before: before === undefined ? null : audited(before),
        after: null,
      })
      return { done: true }
    },
  }
}

/** All names of this machine; what is no name of a certificate, such as one with a blank, is left out. */
async function detected(): Promise<readonly string[]> {
  const { names, addresses } = await localNames(AbortSignal.timeout(fetchMs))
  return [...names, ...addresses].slice(0, 100)
}

async function shownBy(url: string, signal: AbortSignal) {
  const { host, port } = serverAddress(url)
  const certificate = await fetchServerCertificate(host, port, AbortSignal.any([signal, AbortSignal.timeout(fetchMs)]))
  return { name: host, certificate }
}

function firstOf(pem: string) {
  const certificate = certificateInfo(certificatesFromPem(pem)[0]!)
  return { name: certificate.names[0] ?? certificate.subject, certificate }
}

function audited({ subject, names, validTo, fingerprint }: CertificateInfo) {
  return { subject, names: [...names], validTo: iso(validTo), fingerprint }
}

function shown(use: 'tls' | 'trusted', one: CertificateInfo) {
  return {
    use,
    subject: one.subject,
    issuer: one.issuer,
    names: [...one.names],
    validFrom: iso(one.validFrom),
    validTo: iso(one.validTo),
    fingerprint: one.fingerprint,
  }
}
