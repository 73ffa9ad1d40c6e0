import { expect, test } from 'vitest'
import type { TcpClient, TlsSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import tlsCertificate from './tls.certificate.ts'

const dayMs = 86_400_000

function showing(about: Partial<TlsSeen>, days = 90): TcpClient {
  const never = () => Promise.reject(new Error('only TLS is spoken here'))
  return {
    target: 'shop.example:443',
    connect: never,
    talk: never,
    tls: async () => ({
      address: '10.0.0.5',
      connect: 1,
      tls: 5,
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      certificate: {
        subject: 'CN=shop.example',
        issuer: 'CN=authority',
        validFrom: 0,
        validTo: days * dayMs,
        names: ['shop.example'],
        fingerprint: '00',
      },
      chain: [
        { subject: 'CN=shop.example', validTo: days * dayMs },
        { subject: 'CN=authority', validTo: 400 * dayMs },
      ],
      ...about,
    }),
  }
}

test('reports days, trust, name and protocol', async () => {
  const seen = await collectOnce(tlsCertificate, {}, { client: showing({}) })
  expectSound(tlsCertificate, seen)
  expect([seen.metrics, seen.message]).toEqual([
    { days_left: 90, issuer_days_left: 400, trusted: 1, name_matches: 1, protocol: 1.3, connect: 1, handshake: 5 },
    'ends in 90 days',
  ])
})

// what is wrong → what the default rules say
const verdicts: [string, TcpClient, Record<string, string>][] = [
  ['nothing', showing({}), {}],
  ['20 days left', showing({}, 20), { 'certificate ends': 'WARNING' }],
  ['ended', showing({}, -1), { 'certificate ends': 'CRITICAL' }],
  [
    'an issuer that ends before',
    showing({
      chain: [
        { subject: 'CN=authority', validTo: 400 * dayMs },
        { subject: 'CN=authority', validTo: 6 * dayMs },
      ],
    }),
    { 'issuer ends': 'CRITICAL' },
  ],
  ['unknown issuer', showing({ chainProblem: 'its issuer is not known' }), { 'not trusted': 'MAJOR' }],
  ['another name', showing({ nameProblem: 'it is not for shop.example' }), { 'wrong name': 'MAJOR' }],
  ['TLS 1.0', showing({ protocol: 'TLSv1' }), { 'old protocol': 'WARNING' }],
]
test.each(verdicts)('%s', async (_, client, verdict) => {
  expect(judgedBy(tlsCertificate, await collectOnce(tlsCertificate, {}, { client }))).toEqual(verdict)
})
