import { expect, test } from 'vitest'
import { checkDeclared, type ImapClient, type MailTrip, type MailTripSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import mailRoundtrip from './mail.roundtrip.ts'

const addresses = { from: 'farwatch@example.com', to: 'echo@example.com' }
const server = (seen: MailTripSeen, asked: MailTrip[] = []): ImapClient => ({
  target: 'mail1:993',
  session: () => Promise.reject(new Error('not here')),
  mailTrip: async (trip) => {
    asked.push(trip)
    return seen
  },
})

// milliseconds until it was taken, until it was there → what raises
const trips: [number, number, Record<string, string>][] = [
  [80, 500, {}],
  [80, 4_990, { slow: 'WARNING' }],
]
test.each(trips)('a mail that is taken after %i ms and there after %i more', async (submission, delivery, raised) => {
  const seen = await collectOnce(mailRoundtrip, addresses, { client: server({ signIn: 9, submission, delivery }) })
  expectSound(mailRoundtrip, seen)
  expect([seen.metrics, seen.message, judgedBy(mailRoundtrip, seen)]).toEqual([
    { duration: submission + delivery, submission, delivery, sign_in: 9 },
    `there after ${submission + delivery} ms`,
    raised,
  ])
})

test('it is handed in where the settings say, and what stays in the mailbox is told', async () => {
  const asked: MailTrip[] = []
  const settings = { ...addresses, mailbox: 'Probes', smtpHost: 'out.example.com', smtpPort: 465, smtpTls: 'tls' }
  const client = server({ signIn: 9, submission: 80, delivery: 20, left: true }, asked)
  const seen = await collectOnce(mailRoundtrip, settings, { client })
  expect([asked, seen.message]).toEqual([
    [{ ...addresses, mailbox: 'Probes', submission: { host: 'out.example.com', port: 465, tls: 'tls' } }],
    'there after 100 ms; the server only marks it as deleted, it stays in the mailbox',
  ])
})

test.each(['nobody', 'a b@example.com', 'a@example.com\r\nRCPT TO:<b@example.com>', '<a@example.com>'])(
  '%j is no address',
  (from) => {
    expect(checkDeclared(mailRoundtrip, { ...addresses, from }, 'settings').ok).toBe(false)
  },
)
