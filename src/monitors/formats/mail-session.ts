import type { Facts, MailSessionSeen, RuleDocument } from '../../sdk/index.ts'
import { measured } from './measured.ts'

/** What monitors of mail servers have in common. */

export const mailSessionMetrics = {
  duration: { title: 'The whole session', unit: 'ms' },
  connect: { title: 'Time until the connection was open', unit: 'ms' },
  greeting: { title: 'Waiting for the greeting', unit: 'ms' },
  tls: { title: 'TLS handshake', unit: 'ms' },
  sign_in: { title: 'Sign-in', unit: 'ms' },
  certificate_days: { title: 'Days until the certificate ends', unit: 'd' },
} as const

export const mailSessionRules = [
  { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
  { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 5s' } },
  { name: 'certificate ends', metric: 'certificate_days', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
] as const satisfies readonly RuleDocument[]

const dayMs = 86_400_000

export function mailSession(seen: MailSessionSeen, now: number) {
  const { certificate } = seen
  const facts: Facts = {
    banner: seen.banner,
    abilities: seen.abilities.join(', ').slice(0, 500),
    ...(certificate === undefined ? {} : { certificate: certificate.subject, issuer: certificate.issuer }),
    ...(certificate?.untrusted === undefined ? {} : { untrusted: certificate.untrusted }),
  }
  return {
    metrics: measured({
      duration: seen.duration,
      connect: seen.connect,
      greeting: seen.greeting,
      tls: seen.tls,
      sign_in: seen.signIn,
      certificate_days: certificate === undefined ? undefined : (certificate.validTo - now) / dayMs,
    }),
    facts,
    message: `${seen.signIn === undefined ? 'greeted' : 'signed in'} in ${Math.round(seen.duration)} ms`,
  }
}
