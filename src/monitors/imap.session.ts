import { defineMonitor } from '../sdk/index.ts'
import { mailSession, mailSessionMetrics, mailSessionRules } from './formats/mail-session.ts'
import { itemsOf } from './formats/measured.ts'

const item = ['mailbox'] as const
const metrics = {
  ...mailSessionMetrics,
  select: { title: 'Opening a mailbox', unit: 'ms', items: item },
  messages: { title: 'Messages', unit: '', items: item },
  unseen: { title: 'Messages nobody has read', unit: '', items: item },
} as const

export default defineMonitor({
  id: 'imap.session',
  title: 'Mailboxes (IMAP)',
  summary: 'Signs in to a server of mailboxes, opens some read-only, and counts their messages.',
  connector: 'imap',
  settings: {
    mailboxes: {
      kind: 'list',
      label: 'Mailboxes',
      help: 'Opened and counted where there is a credential. Nothing is marked as read.',
      of: { kind: 'text', label: 'Mailbox', maxLength: 200 },
      maxItems: 50,
      default: ['INBOX'],
    },
  },
  metrics,
  period: '5m',
  timeout: '15s',
  tested: 'real server',
  rules: mailSessionRules,
  thresholdsFrom:
    'The catalogue: a failure is critical, 5 s are a warning; 30 and 7 days for a certificate. How many messages are too many only the user knows.',
  needs: 'A user of the mail server; without one the greeting and the certificate are measured.',
  tryIt:
    '`farwatch check imap.session --set host=mail1 --set username=farwatch --set secret=…`. A mailbox that does not exist fails with its name.',
  async collect({ mailboxes }, { client, signal, now }) {
    const seen = await client.session([...new Set(mailboxes)], signal)
    const labels = ({ mailbox }: { mailbox: string }) => ({ mailbox })
    const session = mailSession(seen, now())
    const refused = seen.refused.map(({ mailbox, message }) => `${mailbox}: ${message}`)
    return {
      ...session,
      metrics: {
        ...session.metrics,
        ...(seen.signIn === undefined
          ? {}
          : {
              select: itemsOf(seen.mailboxes, labels, (one) => one.select),
              messages: itemsOf(seen.mailboxes, labels, (one) => one.messages),
              unseen: itemsOf(seen.mailboxes, labels, (one) => one.unseen),
            }),
      },
      ...(refused.length === 0
        ? {}
        : {
            failure: { reason: 'assertion' as const, message: `${client.target} does not open ${refused.join('; ')}` },
          }),
    }
  },
})
