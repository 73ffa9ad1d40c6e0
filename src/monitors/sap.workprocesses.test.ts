import { expect, test } from 'vitest'
import type { SapRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapWorkprocesses from './sap.workprocesses.ts'

type Process = Partial<SapRow<'ABAPGetWPTable'>>

/** `DIA Wait x3, BTC Run PRIV` as rows. */
function table(notation: string): Process[] {
  return notation.split(', ').flatMap((words) => {
    const [Typ = '', Status = '', ...rest] = words.split(' ')
    const times = Number(rest.find((word) => /^x\d+$/.test(word))?.slice(1) ?? 1)
    const Err = rest.find((word) => word.startsWith('err'))?.slice(3) ?? ''
    return Array.from({ length: times }, () => ({ Typ, Status, Reason: rest.includes('PRIV') ? 'PRIV' : '', Err }))
  })
}

async function run(notation: string) {
  const seen = await collectOnce(sapWorkprocesses, {}, { client: sapSaying({ ABAPGetWPTable: table(notation) }) })
  expectSound(sapWorkprocesses, seen)
  return seen
}

test('work processes are counted by type and status; an ended one is neither busy nor free', async () => {
  const seen = await run('DIA Wait x3, DIA Run, DIA Ended err2, BTC Run')
  expect([seen.metrics, seen.message]).toEqual([
    {
      processes: [
        { labels: { type: 'DIA', status: 'Wait' }, value: 3 },
        { labels: { type: 'DIA', status: 'Run' }, value: 1 },
        { labels: { type: 'DIA', status: 'Ended' }, value: 1 },
        { labels: { type: 'BTC', status: 'Run' }, value: 1 },
      ],
      busy: [
        { labels: { type: 'DIA' }, value: 25 },
        { labels: { type: 'BTC' }, value: 100 },
      ],
      free: [
        { labels: { type: 'DIA' }, value: 3 },
        { labels: { type: 'BTC' }, value: 0 },
      ],
      ended: 1,
      private: 0,
      errors: 2,
    },
    'DIA 25 % busy, BTC 100 % busy',
  ])
})

// the table → what the default rules say, holding times aside
const verdicts: [string, Record<string, string>][] = [
  ['DIA Wait x10, BTC Wait', {}],
  ['DIA Run x9, DIA Wait', { 'dialog busy': 'WARNING' }],
  ['DIA Run x10', { 'dialog busy': 'CRITICAL' }],
  ['DIA Wait, BTC Run', { 'batch busy': 'WARNING' }],
  ['DIA Wait, UP2 Wait', {}],
  ['DIA Wait, UP2 Run', { 'update busy': 'WARNING' }],
  ['DIA Wait, DIA Ended', { 'process ended': 'CRITICAL' }],
  ['DIA Wait x9, DIA Run PRIV', { 'private mode': 'WARNING' }],
]
test.each(verdicts)('%s', async (notation, verdict) => {
  expect(judgedBy(sapWorkprocesses, await run(notation))).toEqual(verdict)
})

test('rows of which nothing is known count as such', async () => {
  const seen = await collectOnce(sapWorkprocesses, {}, { client: sapSaying({ ABAPGetWPTable: [{}] }) })
  expect(seen.metrics['processes']).toEqual([{ labels: { type: 'unknown', status: 'unknown' }, value: 1 }])
})
