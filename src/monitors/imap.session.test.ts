import { expect, test } from 'vitest'
import type { ImapClient, ImapSeen } from '../sdk/index.ts'
import { certificateLasting, collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import imapSession from './imap.session.ts'

const seen: ImapSeen = {
  connect: 1,
  greeting: 2,
  signIn: 4,
  banner: 'ready',
  abilities: ['IMAP4REV1'],
  duration: 12,
  mailboxes: [{ mailbox: 'INBOX', messages: 7, unseen: 3, select: 2 }],
  refused: [],
}
const server = (session: ImapSeen): ImapClient => ({
  target: 'mail1:993',
  session: async () => session,
  mailTrip: () => Promise.reject(new Error('not here')),
})

test('mailboxes are items, and how many messages are too many is a row of one’s own', async () => {
  const gathered = await collectOnce(imapSession, {}, { client: server(seen) })
  expectSound(imapSession, gathered)
  expect([gathered.metrics['messages'], gathered.metrics['unseen'], judgedBy(imapSession, gathered)]).toEqual([
    [{ labels: { mailbox: 'INBOX' }, value: 7 }],
    [{ labels: { mailbox: 'INBOX' }, value: 3 }],
    {},
  ])
})

test('a slow server and a mailbox that is not opened raise', async () => {
  const ill = { ...seen, duration: 7_000, refused: [{ mailbox: 'Orders', message: 'no such mailbox' }] }
  const gathered = await collectOnce(imapSession, {}, { client: server(ill) })
  expect([gathered.failure?.message, judgedBy(imapSession, gathered)]).toEqual([
    'mail1:993 does not open Orders: no such mailbox',
    { 'no session': 'CRITICAL', slow: 'WARNING' },
  ])
})

test('a certificate that ends soon raises', async () => {
  const lasting = async (days: number) => {
    const client = server({ ...seen, certificate: certificateLasting(days) })
    return judgedBy(imapSession, await collectOnce(imapSession, {}, { client }))
  }
  expect([await lasting(6), await lasting(90)]).toEqual([{ 'certificate ends': 'CRITICAL' }, {}])
})
