import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { SMTPServerOptions } from 'smtp-server'
import { realContext } from '../../src/delivery/testing.ts'
import email from '../../src/plugins/email.ts'
import { checkPluginSettings, type AlarmEvent, type DeliveryOutcome } from '../../src/sdk/index.ts'
import { alarmStep } from '../../src/sdk/testing.ts'
import { startMailServer, type MailServer } from '../servers/mail-server.ts'
import { certificateFor } from '../servers/certificate.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(options?: SMTPServerOptions): Promise<MailServer> {
  const server = await startMailServer(options)
  closers.push(() => server.stop())
  return server
}

function send(
  port: number,
  given: Record<string, unknown>,
  event: AlarmEvent = alarmStep('disk', 'raised'),
  about: Parameters<typeof realContext>[0] = {},
): Promise<DeliveryOutcome> {
  const checked = checkPluginSettings(
    email,
    {
      host: '127.0.0.1',
      port,
      security: 'none',
      from: 'Farwatch <farwatch@example.com>',
      to: ['ada@example.com'],
      ...given,
    },
    '',
  )
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  return email.alarm!(event, checked.value, realContext(about))
}

test('a mail says first what a person woken at night has to know', async () => {
  const server = await start()
  const outcome = await send(server.port, { to: ['ada@example.com', 'bob@example.com'] })
  const [mail] = server.mails
  expect({
    delivered: outcome.delivered,
    from: mail?.from?.text,
    to: mail?.to,
    subject: mail?.subject,
    text: mail?.text,
    headers: ['auto-submitted', 'x-farwatch-severity', 'idempotency-key'].map((name) => mail?.headers.get(name)),
  }).toEqual({
    delivered: true,
    from: '"Farwatch" <farwatch@example.com>',
    to: expect.objectContaining({ text: 'ada@example.com, bob@example.com' }),
    subject: '[CRITICAL] shop: shop answers in 5.25 s, more than 5 s',
    text: [
      'CRITICAL: shop answers in 5.25 s, more than 5 s',
      '',
      'System:   shop / front',
      'Value:    duration = 5.25',
      'Since:    2026-01-01 00:00:00 UTC',
      'Group:    acme',
      'Monitor:  http.response, rule duration',
      '',
      'https://farwatch.example:8443',
      '',
    ].join('\n'),
    headers: ['auto-generated', 'CRITICAL', 'key-1'],
  })
  expect(mail?.html).toContain('shop answers in 5.25 s, more than 5 s')
})

test('the mails of one alarm are one thread, and a repeat bears the same id', async () => {
  const server = await start()
  await send(server.port, {}, alarmStep('disk', 'raised'), { idempotencyKey: 'k1' })
  for (let i = 0; i < 2; i++)
    await send(server.port, {}, alarmStep('disk', 'cleared', Date.UTC(2026, 0, 1, 0, 12)), { idempotencyKey: 'k2' })
  expect(
    server.mails.map(({ subject, messageId, inReplyTo, references }) => [subject, messageId, inReplyTo, references]),
  ).toEqual([
    ['[CRITICAL] shop: shop answers in 5.25 s, more than 5 s', '<alarm-disk@example.com>', undefined, undefined],
    ...[1, 2].map(() => [
      '[CLEARED] shop: shop answers in 5.25 s, more than 5 s',
      '<k2@example.com>',
      '<alarm-disk@example.com>',
      '<alarm-disk@example.com>',
    ]),
  ])
  expect(server.mails[1]?.text).toContain('Cleared:  2026-01-01 00:12:00 UTC, after 12m')
})

test('a test says that it is one', async () => {
  const server = await start()
  await send(server.port, {}, undefined, { test: true })
  expect([server.mails[0]?.subject?.startsWith('[TEST] '), server.mails[0]?.text?.split('\n')[0]]).toEqual([
    true,
    'This is a test that somebody sent from Farwatch. Nothing is wrong.',
  ])
})

test('words of a target can add neither headers nor markup', async () => {
  const server = await start()
  const step = alarmStep('disk', 'raised')
  const message = 'x\r\nBcc: eve@example.com\r\n\r\n<script>alert(1)</script> & "so"'
  await send(server.port, {}, { ...step, alarm: { ...step.alarm, message } })
  const [mail] = server.mails
  expect({ bcc: mail?.bcc, subject: mail?.subject }).toEqual({
    bcc: undefined,
    subject: '[CRITICAL] shop: x Bcc: eve@example.com <script>alert(1)</script> & "so"',
  })
  expect(mail?.html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;so&quot;')
})

test.each([
  [421, true],
  [451, true],
  [452, true],
  [550, false],
  [554, false],
])('an answer of %i is tried again: %s', async (code, retry) => {
  const server = await start()
  server.refuseWith({ code, message: 'the server says so' })
  const outcome = await send(server.port, {})
  expect(outcome).toEqual({ delivered: false, retry, message: expect.stringContaining('the server says so') })
})

test('wrong credentials are not tried again, and a server that is not there is', async () => {
  const server = await start({
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    onAuth: (_, __, callback) => callback(Object.assign(new Error('Authentication failed'), { responseCode: 535 })),
  })
  const wrong = await send(server.port, { username: 'ada', password: 'open sesame' })
  await closers.pop()!()
  const gone = await send(server.port, {})
  expect([wrong, gone]).toEqual([
    { delivered: false, retry: false, message: expect.stringContaining('535') },
    { delivered: false, retry: true, message: `127.0.0.1:${server.port}: the connection was refused (ECONNREFUSED)` },
  ])
})

test('starttls insists on encryption, and the certificate has to be trusted', async () => {
  const certificate = await certificateFor('127.0.0.1')
  const plain = await start({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] })
  const encrypted = await start({ key: certificate.key, cert: certificate.cert })
  const implicit = await start({ secure: true, key: certificate.key, cert: certificate.cert })
  const outcomes = {
    unencrypted: await send(plain.port, { security: 'starttls' }),
    untrusted: await send(encrypted.port, { security: 'starttls' }),
    trusted: await send(encrypted.port, { security: 'starttls' }, undefined, { trusted: [certificate.cert] }),
    unverified: await send(encrypted.port, { security: 'starttls', verifyCertificate: false }),
    tls: await send(implicit.port, { security: 'tls' }, undefined, { trusted: [certificate.cert] }),
    untrustedTls: await send(implicit.port, { security: 'tls' }),
  }
  expect(Object.fromEntries(Object.entries(outcomes).map(([name, one]) => [name, one.delivered]))).toEqual({
    unencrypted: false,
    untrusted: false,
    trusted: true,
    unverified: true,
    tls: true,
    untrustedTls: false,
  })
  expect([plain, encrypted, implicit].map((server) => server.mails.length)).toEqual([0, 2, 1])
})

test('a server that accepts and says nothing ends at the timeout', async () => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => silent.close(resolve))
  })
  const { port } = silent.address() as AddressInfo
  expect(await send(port, { timeout: '200ms' })).toEqual({
    delivered: false,
    retry: true,
    message: `127.0.0.1:${port}: no answer within 200ms`,
  })
})
