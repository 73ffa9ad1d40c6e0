import { defineMonitor } from '../sdk/index.ts'
import { mailSession, mailSessionMetrics, mailSessionRules } from './formats/mail-session.ts'

export default defineMonitor({
  id: 'smtp.session',
  title: 'Mail server (SMTP)',
  summary:
    'Greets a mail server, secures the connection, signs in where there is a credential, and measures each step.',
  connector: 'smtp',
  settings: {},
  metrics: mailSessionMetrics,
  period: '5m',
  timeout: '15s',
  tested: 'real server',
  rules: mailSessionRules,
  thresholdsFrom: 'The catalogue: a failure is critical, 5 s are a warning; 30 and 7 days for a certificate.',
  needs: 'Nothing, or a user that may send; no mail is begun.',
  tryIt:
    '`farwatch check smtp.session --set host=mail1`; with `--set username=… --set secret=…` it signs in. A wrong password fails with `credentials`.',
  async collect(_, { client, signal, now }) {
    return mailSession(await client.session(signal), now())
  },
})
