import { expect, test } from 'vitest'
import type { SapRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapLocks from './sap.locks.ts'

type Lock = Partial<SapRow<'EnqGetLockTable'>>

// 14:00 in Berlin, in winter.
const noon = Date.UTC(2026, 0, 15, 13, 0, 0)
const lock = (user: string, began: string, about: Lock = {}): Lock => ({
  'lock-name': 'MARA',
  'lock-arg': '001MAT1',
  'lock-mode': 'E',
  owner: `${began}000000000000sapapp1`,
  client: '001',
  user,
  transaction: 'MM02',
  object: 'EMMARAE',
  ...about,
})

async function run(rows: readonly Lock[], about: { settings?: object; at?: number; previous?: unknown } = {}) {
  let kept: unknown
  const seen = await collectOnce(sapLocks, (about.settings ?? {}) as Record<string, unknown>, {
    client: sapSaying({ EnqGetLockTable: rows }),
    now: () => about.at ?? noon,
    previous: about.previous,
    remember: (value) => (kept = value),
  })
  expectSound(sapLocks, seen)
  return { seen, kept }
}

test('locks are counted by user and object, and the oldest is named', async () => {
  const rows = [lock('ANNA', '20260115135900'), lock('ANNA', '20260115135959'), lock('BERND', '20260115090000')]
  const { seen } = await run(rows, { settings: { timeZone: 'Europe/Berlin' } })
  expect([seen.metrics, seen.message]).toEqual([
    {
      locks: 3,
      owners: 2,
      locks_by_user: [
        { labels: { user: 'ANNA' }, value: 2 },
        { labels: { user: 'BERND' }, value: 1 },
      ],
      locks_by_object: [{ labels: { object: 'EMMARAE' }, value: 3 }],
      oldest: 5 * 3_600,
    },
    'the oldest: EMMARAE (MARA) by BERND in client 001, MM02',
  ])
})

test('without a time zone a lock is as old as it is known', async () => {
  const first = await run([lock('ANNA', '20260115090000')])
  const rows = [lock('ANNA', '20260115090000'), lock('BERND', '20260115130000')]
  const later = await run(rows, { at: noon + 4_000_000, previous: first.kept })
  expect([first.seen.metrics['oldest'], later.seen.metrics['oldest'], judgedBy(sapLocks, later.seen)]).toEqual([
    0,
    4_000,
    { 'old lock': 'WARNING' },
  ])
})

// when it began, by the clock of Berlin → what the default rules say at 14:00
const verdicts: [string, Record<string, string>][] = [
  ['20260115130001', {}],
  ['20260115125900', { 'old lock': 'WARNING' }],
  ['20260115095900', { 'old lock': 'MAJOR' }],
  ['20260115150000', {}],
  ['99999999999999', {}],
  ['', {}],
]
test.each(verdicts)('a lock of %s', async (began, verdict) => {
  const { seen } = await run([lock('ANNA', began)], { settings: { timeZone: 'Europe/Berlin' } })
  expect(judgedBy(sapLocks, seen)).toEqual(verdict)
})

test('many locks raise, and many users do not become many series', async () => {
  const rows = Array.from({ length: 1_001 }, (_, i) => lock(`USER${i}`, '20260115135900', { 'lock-arg': String(i) }))
  const { seen, kept } = await run(rows)
  expect([
    judgedBy(sapLocks, seen),
    (seen.metrics['locks_by_user'] as unknown[]).length,
    JSON.stringify(kept).length < 64 * 1024,
  ]).toEqual([{ 'many locks': 'WARNING' }, 20, true])
})

test('a zone that is none is refused', async () => {
  await expect(run([], { settings: { timeZone: 'Berlin' } })).rejects.toThrow('settings.timeZone is not a time zone')
})
