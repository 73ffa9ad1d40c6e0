import { defineMonitor } from '../sdk/index.ts'

const address = { kind: 'text', pattern: '[A-Za-z0-9._+=\\-]+@[A-Za-z0-9.\\-]+', maxLength: 254 } as const

export default defineMonitor({
  id: 'mail.roundtrip',
  title: 'Mail round trip',
  summary: 'Sends a mail, waits until it is in a mailbox, takes it out again, and measures how long each takes.',
  connector: 'imap',
  settings: {
    from: { ...address, label: 'From', help: 'One that the user may send as.', example: 'farwatch@example.com' },
    to: {
      ...address,
      label: 'To',
      help: 'One whose mail arrives in the mailbox: of the same user, or of somebody elsewhere who sends it back.',
      example: 'farwatch@example.com',
    },
    mailbox: { kind: 'text', label: 'Mailbox', maxLength: 200, default: 'INBOX' },
    smtpHost: {
      kind: 'text',
      label: 'Server that takes the mail',
      help: 'Signed in to with the connector’s credential. The connector’s own host unless named.',
      maxLength: 253,
      optional: true,
      example: 'smtp.example.com',
    },
    smtpPort: { kind: 'number', label: 'Its port', min: 1, max: 65_535, integer: true, default: 587 },
    smtpTls: { kind: 'choice', label: 'Its TLS', of: ['starttls', 'tls', 'off'], default: 'starttls' },
  },
  metrics: {
    duration: { title: 'From handing the mail in to finding it', unit: 'ms' },
    submission: { title: 'Until the server had taken the mail, its sign-in included', unit: 'ms' },
    delivery: { title: 'From then until it was in the mailbox, to half a second', unit: 'ms' },
    sign_in: { title: 'Until the mailbox’s server had let the user in', unit: 'ms' },
  },
  period: '5m',
  timeout: '1m',
  optIn: 'It sends mail, and takes it out of a mailbox.',
  tested: 'real server',
  rules: [
    { name: 'no round trip', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 5s' }, of: '2 of 3' },
  ],
  thresholdsFrom:
    'The catalogue: a failure is critical, 5 s are a warning; twice of three times, as mail may wait its turn.',
  needs:
    'A user of the mail server, better of its own, who may send as the one and read the mailbox of the other. What arrives after the run has ended is taken out a day later.',
  tryIt:
    '`farwatch check mail.roundtrip --set host=mail1 --set from=farwatch@example.com --set to=farwatch@example.com --set username=farwatch --set secret=…`. An address that nobody has fails with the code of the server that took it; one whose mail arrives elsewhere with `timed out`.',
  async collect({ from, to, mailbox, smtpHost, smtpPort, smtpTls }, { client, signal }) {
    const submission = { host: smtpHost, port: smtpPort, tls: smtpTls }
    const seen = await client.mailTrip({ from, to, mailbox, submission }, signal)
    const duration = seen.submission + seen.delivery
    const left = seen.left === true ? '; the server only marks it as deleted, it stays in the mailbox' : ''
    return {
      metrics: { duration, submission: seen.submission, delivery: seen.delivery, sign_in: seen.signIn },
      message: `there after ${Math.round(duration)} ms${left}`,
    }
  },
})
