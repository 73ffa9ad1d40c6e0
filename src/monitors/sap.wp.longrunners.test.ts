import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapWpLongrunners from './sap.wp.longrunners.ts'

function running(Typ: string, Time: string, Program = 'ZREPORT', Status = 'Run') {
  return { No: '3', Typ, Time, Program, Status, User: 'MUSTER', Action: 'Sequential Read' }
}

async function run(rows: readonly object[], settings = {}) {
  const seen = await collectOnce(sapWpLongrunners, settings, { client: sapSaying({ ABAPGetWPTable: rows }) })
  expectSound(sapWpLongrunners, seen)
  return seen
}

test('the longest of each type counts, and it is said who does what', async () => {
  const seen = await run([
    running('DIA', '12'),
    running('DIA', '700'),
    running('BTC', '9000'),
    running('SPO', '', '', 'Wait'),
  ])
  expect([seen.metrics, seen.facts, seen.message]).toEqual([
    {
      longest: [
        { labels: { type: 'BTC' }, value: 9000 },
        { labels: { type: 'DIA' }, value: 700 },
        { labels: { type: 'SPO' }, value: 0 },
      ],
      over_ten_minutes: [
        { labels: { type: 'BTC' }, value: 1 },
        { labels: { type: 'DIA' }, value: 1 },
        { labels: { type: 'SPO' }, value: 0 },
      ],
    },
    {
      'longest DIA': 'DIA 3 for 700 s: ZREPORT by MUSTER (Sequential Read)',
      'longest BTC': 'BTC 3 for 9000 s: ZREPORT by MUSTER (Sequential Read)',
    },
    'BTC 3 for 9000 s: ZREPORT by MUSTER (Sequential Read)',
  ])
})

// type and time → what the default rules say
const verdicts: [string, string, Record<string, string>][] = [
  ['DIA', '599', {}],
  ['DIA', '0:10:01', { 'long dialog step': 'WARNING' }],
  ['DIA', '1801', { 'long dialog step': 'CRITICAL' }],
  ['UPD', '299', {}],
  ['UPD', '301', { 'long update': 'WARNING' }],
  ['UP2', '901', { 'long update': 'CRITICAL' }],
  ['BTC', '86400', {}],
  ['DIA', 'nonsense', {}],
]
test.each(verdicts)('%s at one thing for %s', async (type, time, verdict) => {
  expect(judgedBy(sapWpLongrunners, await run([running(type, time)]))).toEqual(verdict)
})

test('programs that may run for ever are left aside', async () => {
  const seen = await run([running('DIA', '9000', 'SAPMSSY8')], { ignoredPrograms: ['SAPM*'] })
  expect([seen.metrics['longest'], seen.message]).toEqual([
    [{ labels: { type: 'DIA' }, value: 0 }],
    'nothing runs for long',
  ])
})

test('a pattern that cannot be read is refused', async () => {
  await expect(run([], { ignoredPrograms: ['/(/'] })).rejects.toThrow('settings.ignoredPrograms')
})
