import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maskOf } from './secret-mask.ts'

const params = {
  url: { kind: 'url', label: 'URL', protocols: ['http'] },
  username: { kind: 'text', label: 'User name' },
  password: { kind: 'secret', label: 'Password' },
} as const

test('a secret is masked in every form it takes on its way, and so is the user part of any URL', () => {
  const mask = maskOf(params, { url: 'http://x', username: 'ada', password: 'p@ss "1"' })
  const said = [
    'wrong password p@ss "1"',
    'at http://host/?p=p%40ss%20%221%22',
    '{"p":"p@ss \\"1\\""}',
    `Basic ${Buffer.from('ada:p@ss "1"').toString('base64')}`,
    'see https://someone:else@proxy/',
  ]
  expect(said.map(mask)).toEqual([
    'wrong password ***',
    'at http://host/?p=***',
    '{"p":"***"}',
    'Basic ***',
    'see https://***@proxy/',
  ])
})

test('no text holds the secret after masking', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]{4,20}$/), fc.string(), fc.string(), (password, before, after) => {
      const mask = maskOf(params, { username: 'ada', password })
      return !mask(`${before}${password}${after}`).includes(password)
    }),
  )
})
