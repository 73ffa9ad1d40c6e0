import { defineMonitor } from '../sdk/index.ts'

const metrics = {
  duration: { title: 'From the question to the answer', unit: 'ms' },
  packets: { title: 'Packets that had to be sent', unit: '' },
  accepted: { title: 'The user was let in (1) or asked for more (0)', unit: '' },
  signed: { title: 'The answer cannot be forged (1) or can (0)', unit: '' },
} as const

export default defineMonitor({
  id: 'radius.auth',
  title: 'RADIUS sign-in',
  summary: 'Signs a user in by RADIUS, or asks the server for its state, and measures how long the answer takes.',
  connector: 'radius',
  settings: {
    ask: {
      kind: 'choice',
      label: 'What is asked',
      help: 'sign-in: Access-Request for the credential’s user. state: Status-Server (RFC 5997), which needs no user and no directory behind the server.',
      of: ['sign-in', 'state'],
      default: 'sign-in',
    },
  },
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no sign-in', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 5s' } },
    { name: 'packets lost', metric: 'packets', thresholds: { WARNING: '> 1' }, for: '5m' },
    { name: 'answers can be forged', metric: 'signed', thresholds: { INFO: '< 1' } },
  ],
  thresholdsFrom:
    'The catalogue: a failure is critical, 5 s are a warning. Answers without a Message-Authenticator are what CVE-2024-3596 (Blast-RADIUS) uses.',
  needs: 'The agent’s machine as a client of the server with a shared secret, and a user of its own for sign-ins.',
  grant: 'client farwatch {\n  ipaddr = 10.0.0.9\n  secret = SECRET\n  require_message_authenticator = yes\n}',
  tryIt:
    '`farwatch check radius.auth --set host=radius1 --set secret=SHARED --set username=farwatch --set password=…`. A wrong password fails with `credentials`, a wrong shared secret with `timed out`.',
  async collect({ ask }, { client, signal }) {
    const seen = await client.ask(ask, signal)
    return {
      metrics: {
        duration: seen.duration,
        packets: seen.sent,
        signed: Number(seen.signed),
        ...(seen.answer === 'state' ? {} : { accepted: Number(seen.answer === 'accept') }),
      },
      message: {
        accept: 'the user was let in',
        challenge: 'the user was asked for more',
        state: 'the server is there',
      }[seen.answer],
    }
  },
})
