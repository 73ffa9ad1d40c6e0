import { defineMonitor } from '../sdk/index.ts'

const dayMs = 86_400_000

/**
 * The certificate that a TLS server shows, whoever signed it.
 *
 * Default thresholds: 30 and 7 days as in the tools of certificate authorities; protocols below TLS 1.2 were withdrawn by RFC 8996.
 */
export default defineMonitor({
  id: 'tls.certificate',
  title: 'TLS certificate',
  summary: 'Looks at the certificate of a TLS server: days left, trust, name, and the protocol that is spoken.',
  connector: 'tcp',
  settings: {
    serverName: {
      kind: 'text',
      label: 'Server name',
      help: 'The name asked for (SNI) and looked for in the certificate. Empty: the connector’s host.',
      maxLength: 253,
      pattern: '[A-Za-z0-9_][A-Za-z0-9_.\\-]*',
      optional: true,
      example: 'shop.example',
    },
  },
  metrics: {
    days_left: { title: 'Days until the certificate ends', unit: 'd' },
    issuer_days_left: { title: 'Days until the first of the certificates above it ends', unit: 'd' },
    trusted: { title: 'The chain is trusted (1) or not (0)', unit: '' },
    name_matches: { title: 'The certificate is for this name (1) or not (0)', unit: '' },
    protocol: { title: 'TLS version, such as 1.3', unit: '' },
    connect: { title: 'TCP handshake', unit: 'ms' },
    handshake: { title: 'TLS handshake', unit: 'ms' },
  },
  period: '5m',
  timeout: '10s',
  optIn: 'It fails where the port does not speak TLS from the first byte on.',
  tested: 'real server',
  thresholdsFrom: '30 and 7 days, as authorities remind; TLS below 1.2 is deprecated by RFC 8996.',
  tryIt:
    '`farwatch check tls.certificate --set host=expired.badssl.com --set port=443` raises “certificate ends”; with `self-signed.badssl.com` “not trusted”.',
  rules: [
    { name: 'no handshake', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'certificate ends', metric: 'days_left', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
    { name: 'issuer ends', metric: 'issuer_days_left', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
    { name: 'not trusted', metric: 'trusted', thresholds: { MAJOR: '< 1' } },
    { name: 'wrong name', metric: 'name_matches', thresholds: { MAJOR: '< 1' } },
    { name: 'old protocol', metric: 'protocol', thresholds: { WARNING: '< 1.2' } },
  ],
  async collect({ serverName }, { client, signal, now }) {
    const seen = await client.tls(serverName === undefined ? {} : { serverName }, signal)
    const { certificate, chainProblem, nameProblem } = seen
    const days = (validTo: number) => (validTo - now()) / dayMs
    const issuers = seen.chain.slice(1).map((one) => days(one.validTo))
    const version = /^TLSv(\d(?:\.\d)?)$/.exec(seen.protocol)
    return {
      metrics: {
        days_left: days(certificate.validTo),
        ...(issuers.length === 0 ? {} : { issuer_days_left: Math.min(...issuers) }),
        trusted: chainProblem === undefined ? 1 : 0,
        name_matches: nameProblem === undefined ? 1 : 0,
        ...(version === null ? {} : { protocol: Number(version[1]) }),
        connect: seen.connect,
        handshake: seen.tls,
      },
      facts: {
        subject: certificate.subject,
        issuer: certificate.issuer,
        names: certificate.names.slice(0, 10).join(', '),
        fingerprint: certificate.fingerprint,
        protocol: seen.protocol,
        cipher: seen.cipher,
        ...(chainProblem === undefined ? {} : { chainProblem }),
        ...(nameProblem === undefined ? {} : { nameProblem }),
      },
      message:
        [chainProblem, nameProblem].filter((problem) => problem !== undefined).join('; ') ||
        `ends in ${Math.floor(days(certificate.validTo))} days`,
    }
  },
})
