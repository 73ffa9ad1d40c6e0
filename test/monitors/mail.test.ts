import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { certificateFor } from '../servers/certificate.ts'
import { startDovecot, type Dovecot } from '../servers/dovecot.ts'
import { startMailServer, type MailServer } from '../servers/mail-server.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const password = 'geheim "x"'
const as = (username: string, secret = password): { credential: OpenCredential } => ({
  credential: { type: 'basic', fields: { username, secret } },
})
const anna = as('anna')

let mailboxes: Dovecot
let sender: MailServer
let plainSender: MailServer
let authority: { key: string; cert: string }

beforeAll(async () => {
  mailboxes = await startDovecot()
  authority = await certificateFor('localhost')
  const onAuth: NonNullable<Parameters<typeof startMailServer>[0]>['onAuth'] = (auth, _, done) =>
    auth.username === 'anna' && auth.password === password
      ? done(null, { user: 'anna' })
      : done(new Error('no'), undefined)
  sender = await startMailServer({ ...authority, onAuth })
  plainSender = await startMailServer({
    disabledCommands: ['STARTTLS'],
    authMethods: ['LOGIN'],
    allowInsecureAuth: true,
    onAuth,
  })
})
afterAll(async () => {
  await mailboxes?.stop()
  await sender?.stop()
  await plainSender?.stop()
})

const smtp = () => ({ host: 'localhost', port: sender.port, trustedCertificates: authority.cert })
const plainSmtp = () => ({ host: 'localhost', port: plainSender.port, tls: 'off' })
const imap = () => ({ host: 'localhost', port: mailboxes.tlsPort, trustedCertificates: mailboxes.certificate })
const imapStarttls = () => ({ ...imap(), port: mailboxes.port, tls: 'starttls' })

test('a mail server is greeted, secured and signed in to, by PLAIN and by LOGIN, and no mail is sent', async () => {
  const monitor = theOne(monitors, 'smtp.session')
  const seen = [
    await measured('smtp.session', smtp(), {}, anna),
    await measured('smtp.session', plainSmtp(), {}, anna),
    await measured('smtp.session', smtp()),
  ]
  for (const one of seen) expectSound(monitor, one, [password])
  expect([seen.map((one) => Object.keys(one.metrics)), judgedBy(monitor, seen[0]!), sender.mails]).toEqual([
    [
      ['duration', 'connect', 'greeting', 'tls', 'sign_in', 'certificate_days'],
      ['duration', 'connect', 'greeting', 'sign_in'],
      ['duration', 'connect', 'greeting', 'tls', 'certificate_days'],
    ],
    {},
    [],
  ])
})

test('mailboxes are counted and stay as they are, by TLS and by STARTTLS', async () => {
  const monitor = theOne(monitors, 'imap.session')
  const seen = [
    await measured('imap.session', imap(), {}, anna),
    await measured('imap.session', imapStarttls(), {}, anna),
  ]
  for (const one of seen) expectSound(monitor, one, [password])
  const inbox = { labels: { mailbox: 'INBOX' } }
  expect(
    seen.map((one) => [
      Object.keys(monitor.metrics).filter((name) => one.metrics[name] === undefined),
      one.metrics['messages'],
      one.metrics['unseen'],
      judgedBy(monitor, one),
    ]),
  ).toEqual(Array.from({ length: 2 }, () => [[], [{ ...inbox, value: 2 }], [{ ...inbox, value: 1 }], {}]))
})

/** A server that takes mail of whoever signs in as anna; `pass` gets each as it is on its way to a mailbox, and `onClose` tells of the sender's leave. */
async function sendingTo(
  pass: (message: string) => Promise<void>,
  onClose: () => void = () => undefined,
): Promise<MailServer> {
  return startMailServer({
    ...authority,
    authOptional: false,
    onClose,
    onAuth: ({ username, password: secret }, _, done) =>
      username === 'anna' && secret === password ? done(null, { user: username }) : done(new Error('no'), undefined),
    onRcptTo: ({ address }, _, done) =>
      done(address === 'anna@example' ? null : Object.assign(new Error('no such user'), { responseCode: 550 })),
    onData(stream, _, done) {
      text(stream)
        .then(pass)
        .then(() => done(), done)
    },
  })
}

test('a mail goes round and is gone afterwards, and nothing else is', async () => {
  const monitor = theOne(monitors, 'mail.roundtrip')
  const others = await mailboxes.messages()
  const sent: string[] = []
  const out = await sendingTo(async (message) => {
    sent.push(message)
    await mailboxes.deliver(message)
  })
  const both = { ...imap(), verifyCertificate: false }
  const settings = { from: 'anna@example', to: 'anna@example', smtpPort: out.port }
  try {
    const seen = await measured('mail.roundtrip', both, settings, anna)
    const said = await byHand('mail.roundtrip', both, { ...anna, settings })
    expectSound(monitor, seen, [password])
    const to = (more: object, who = anna) => runMonitor('mail.roundtrip', both, { ...settings, ...more }, who)
    const failures = [
      await to({ to: 'bert@example' }),
      await to({ mailbox: 'Nowhere' }),
      await to({ smtpPort: 1 }),
      await to({ smtpPort: plainSender.port }),
      await to({}, as('anna', 'falsch')),
    ].map(({ failed }) => failed?.replace(/localhost:(?!1$)\d+/, 'localhost:PORT'))
    expect([
      Object.keys(seen.metrics).sort(),
      sent.map((message) => message.includes('Auto-Submitted: auto-generated')),
      (await mailboxes.messages()).toSorted(),
      failures,
      said,
    ]).toEqual([
      Object.keys(monitor.metrics).sort(),
      [true, true],
      others.toSorted(),
      [
        'configuration: localhost:PORT takes no mail for bert@example (550)',
        'configuration: localhost:PORT does not open Nowhere for writing',
        'refused: connection refused by localhost:1',
        'tls: localhost:PORT offers no STARTTLS',
        'credentials: localhost:PORT refused the sign-in',
      ],
      '0 mail.roundtrip ran',
    ])
  } finally {
    await out.stop()
  }
})

test('a mail that nobody delivers is waited for until the time is over', async () => {
  // The sender has left, and the mailbox is looked into from now on.
  const isSent = new AbortController()
  const out = await sendingTo(
    async () => undefined,
    () => isSent.abort(),
  )
  const both = { ...imap(), verifyCertificate: false }
  const settings = { from: 'anna@example', to: 'anna@example', smtpPort: out.port }
  try {
    const seen = await runMonitor('mail.roundtrip', both, settings, { ...anna, signal: isSent.signal })
    expect(seen.failed?.replaceAll(/localhost:\d+/g, 'HOST')).toBe(
      'timed out: HOST did not get the mail that HOST took into INBOX in time',
    )
  } finally {
    await out.stop()
  }
})

test('a mailbox that does not exist is named', async () => {
  const seen = await measured('imap.session', imap(), { mailboxes: ['INBOX', 'No "such"'] }, anna)
  expect([
    seen.failure?.reason,
    seen.failure?.message.replace(/^localhost:\d+/, 'HOST'),
    seen.metrics['messages'],
  ]).toEqual([
    'assertion',
    expect.stringMatching(/^HOST does not open No "such": .*exist/),
    [{ labels: { mailbox: 'INBOX' }, value: 2 }],
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, string, () => Record<string, unknown>, { credential?: OpenCredential }, string][] = [
  ['the password', 'smtp.session', smtp, as('anna', 'falsch'), 'credentials: localhost:PORT refused the sign-in (535)'],
  ['the password', 'imap.session', imap, as('anna', 'falsch'), 'credentials: localhost:PORT refused the sign-in'],
  [
    'the demand for TLS',
    'smtp.session',
    () => ({ ...plainSmtp(), tls: 'starttls' }),
    anna,
    'tls: localhost:PORT offers no STARTTLS',
  ],
  [
    'the authority',
    'imap.session',
    () => ({ ...imap(), trustedCertificates: undefined }),
    anna,
    'tls: the certificate of localhost:PORT is not trusted: it is self-signed',
  ],
  [
    'the protocol',
    'imap.session',
    () => ({ ...plainSmtp(), port: sender.port }),
    anna,
    'protocol: localhost:PORT does not speak IMAP as it should',
  ],
  ['the port', 'smtp.session', () => ({ ...smtp(), port: 1 }), anna, 'refused: connection refused by localhost:1'],
]
test.each(wrong)('%s is wrong (%s)', async (_, monitor, place, who, words) => {
  const seen = await runMonitor(monitor, place(), {}, who)
  expect(seen.failed?.replace(/localhost:(?!1$)\d+/, 'localhost:PORT')).toBe(words)
})

test('checked by hand they say the same', async () => {
  expect([await byHand('smtp.session', smtp(), anna), await byHand('imap.session', imap(), anna)]).toEqual([
    '0 smtp.session ran',
    '0 imap.session ran',
  ])
})
