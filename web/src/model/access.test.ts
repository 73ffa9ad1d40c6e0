import { expect, test } from 'vitest'
import { may, safeReturn } from './access.ts'

test('a role holds in its group, or in all of them', () => {
  const grants = [
    { group: 'acme', role: 'operator' },
    { group: '*', role: 'viewer' },
  ] as const
  expect([
    may([...grants], 'operator', 'acme'),
    may([...grants], 'operator', 'other'),
    may([...grants], 'viewer', 'other'),
    may([...grants], 'operator'),
    may([...grants], 'admin'),
    may([], 'viewer'),
  ]).toEqual([true, false, true, true, false, false])
})

test('after signing in one goes on where one wanted to, and never elsewhere', () => {
  expect(
    [
      '/alarms?state=open',
      '/systems/1#x',
      undefined,
      '//evil.example',
      '/\t/evil.example',
      '/\\evil.example',
      'https://evil.example',
      '/sign-in?x',
      '/setup',
      '/settings',
    ].map(safeReturn),
  ).toEqual(['/alarms?state=open', '/systems/1#x', '/', '/', '/', '/', '/', '/', '/', '/settings'])
})
