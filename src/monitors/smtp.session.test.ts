import { expect, test } from 'vitest'
import type { MailSessionSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import smtpSession from './smtp.session.ts'

const day = 86_400_000
const certificate = {
  subject: 'CN=mail1',
  issuer: 'CN=mail1',
  validFrom: 0,
  validTo: 60 * day,
  names: ['mail1'],
  fingerprint: 'AA',
}
const quick: MailSessionSeen = {
  connect: 1,
  greeting: 2,
  tls: 3,
  certificate,
  signIn: 4,
  banner: 'mail1 ESMTP',
  abilities: ['STARTTLS', 'AUTH PLAIN'],
  duration: 12,
}

// session → what raises
const sessions: [string, MailSessionSeen, Record<string, string>][] = [
  ['quick', quick, {}],
  ['slow', { ...quick, duration: 6_000 }, { slow: 'WARNING' }],
  [
    'about to lose its certificate',
    { ...quick, certificate: { ...certificate, validTo: 3 * day } },
    { 'certificate ends': 'CRITICAL' },
  ],
]
test.each(sessions)('a server that is %s', async (_, seen, raised) => {
  const gathered = await collectOnce(smtpSession, {}, { client: { target: 'mail1:587', session: async () => seen } })
  expectSound(smtpSession, gathered)
  expect(judgedBy(smtpSession, gathered)).toEqual(raised)
})
