import { expect, test } from 'vitest'
import type { Maintenance } from '../../../src/contract/index.ts'
import { documentOf, emptyForm, formOf, previewOf } from './maintenance-form.ts'

const window: Maintenance = {
  name: 'patches',
  reason: 'Monthly patches',
  by: 'erin',
  group: 'acme',
  system: 'shop',
  tags: { env: 'prod', legacy: '' },
  begins: '2026-12-01T22:00',
  lasts: '2h',
  zone: 'Europe/Berlin',
  repeats: { every: 'month', interval: 2, on: ['2nd tue', 'last fri'], until: '2027-06-30' },
  checks: 'run',
  endedAt: '2026-12-08T22:10:00.000Z',
  state: 'coming',
  next: null,
  occurrences: [],
  systems: 1,
  connectors: 1,
}

test('a window comes back from its form as it was', () => {
  const { state: _, next: __, occurrences: ___, systems: ____, connectors: _____, ...written } = window
  expect(documentOf(formOf(window))).toEqual(written)
})

test('what is left empty is not sent', () => {
  expect(documentOf({ ...emptyForm('2026-12-01T22:00', 'UTC'), name: ' patches ' })).toEqual({
    name: 'patches',
    begins: '2026-12-01T22:00',
    lasts: '2h',
    zone: 'UTC',
  })
})

test('the next times are shown while one types, and none of what is not whole', () => {
  const form = { ...emptyForm('2026-12-01T22:00', 'Europe/Berlin'), every: 'week' as const }
  const now = Date.parse('2026-12-02T12:00Z')
  expect([
    previewOf(form, now, 2).map(({ from }) => new Date(from).toISOString()),
    previewOf({ ...form, lasts: '2' }, now, 2),
    previewOf({ ...form, every: '' }, now, 2),
  ]).toEqual([['2026-12-08T21:00:00.000Z', '2026-12-15T21:00:00.000Z'], [], []])
})
