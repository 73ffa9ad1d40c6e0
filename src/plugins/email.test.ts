import { expect, test } from 'vitest'
import { checkPluginSettings } from '../sdk/index.ts'
import email from './email.ts'

// That mails arrive, and what answers mean, is told with a real mail server in test/plugins/email.test.ts.

test('little has to be said, and the defaults are the safe ones', () => {
  const checked = checkPluginSettings(email, { host: 'mail', from: 'a@b.c', to: ['d@e.f'] }, '')
  expect(checked.ok ? checked.value : checked.problems).toEqual({
    host: 'mail',
    port: 587,
    security: 'starttls',
    verifyCertificate: true,
    username: undefined,
    password: undefined,
    from: 'a@b.c',
    to: ['d@e.f'],
    subject: '[{{status}}] {{alarm.system}}: {{alarm.message}}',
    timeout: 30_000,
  })
})

// settings that must be refused → in which words
test.each<[string, Record<string, unknown>, string]>([
  ['nobody to write to', { to: [] }, 'to needs at least one address'],
  ['an address with a line break', { to: ['a@b.c\r\nBcc: x@y.z'] }, 'to[0] contains control characters'],
  ['two addresses in one', { to: ['a@b.c,d@e.f'] }, 'to[0] "a@b.c,d@e.f" is not of the form'],
  ['a user without a password', { username: 'ada' }, 'username and password stand together or not at all'],
  ['an unknown field', { subject: '{{alarm.sytem}}' }, 'subject {{alarm.sytem}} is not a field'],
  ['a port of no use', { port: 0 }, 'port 0 is too small; at least 1'],
])('%s is refused', (_, given, words) => {
  const checked = checkPluginSettings(email, { host: 'mail', from: 'a@b.c', to: ['a@b.c'], ...given }, '')
  const said = checked.ok ? [] : checked.problems.map(({ path, message }) => `${path} ${message}`)
  expect(said).toEqual([expect.stringContaining(words)])
})
