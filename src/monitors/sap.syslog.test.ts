import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapSyslog from './sap.syslog.ts'

/** `12:00:01 RED`: an entry of that second. */
function log(...notation: string[]) {
  return notation.map((words) => {
    const [time, colour, MNo = 'R68'] = words.split(' ')
    return {
      Time: `2026 05 10 ${time}`,
      MNo,
      Text: 'Transaction was terminated',
      User: 'ANNA',
      Client: '001',
      Severity: `SAPControl-${colour}`,
    }
  })
}

async function run(rows: readonly object[], previous?: unknown, settings = {}) {
  let kept: unknown
  const client = sapSaying({ ABAPReadSyslog: rows })
  const seen = await collectOnce(sapSyslog, settings, { client, previous, remember: (value) => (kept = value) })
  expectSound(sapSyslog, seen)
  return { seen, kept }
}

test('what was there at first is not new; what comes later is, also within the same second', async () => {
  const first = await run(log('12:00:00 GREEN', '12:00:01 RED'))
  const second = await run(log('12:00:00 GREEN', '12:00:01 RED', '12:00:01 RED', '12:00:09 YELLOW'), first.kept)
  const third = await run(log('12:00:01 RED', '12:00:01 RED', '12:00:09 YELLOW'), second.kept)
  expect([first, second, third].map(({ seen }) => [seen.metrics, seen.message])).toEqual([
    [{ entries: 2 }, 'nothing new that is red or yellow'],
    [
      { new_red: 1, new_yellow: 1, entries: 4 },
      '2026 05 10 12:00:01 R68 Transaction was terminated (by ANNA in client 001)',
    ],
    [{ new_red: 0, new_yellow: 0, entries: 3 }, 'nothing new that is red or yellow'],
  ])
})

// new entries → what the default rules say
const verdicts: [string, string[], Record<string, string>][] = [
  ['none', [], {}],
  ['a red one', ['12:00:02 RED'], { 'red entries': 'WARNING' }],
  ['ten red ones', Array.from({ length: 10 }, () => '12:00:02 RED'), { 'red entries': 'CRITICAL' }],
  ['ten yellow ones', Array.from({ length: 10 }, () => '12:00:02 YELLOW'), { 'yellow entries': 'INFO' }],
  ['green ones', ['12:00:02 GREEN', '12:00:03 GREEN'], {}],
]
test.each(verdicts)('%s', async (_, entries, verdict) => {
  const first = await run(log('12:00:01 GREEN'))
  expect(judgedBy(sapSyslog, (await run(log('12:00:01 GREEN', ...entries), first.kept)).seen)).toEqual(verdict)
})

test('messages can be left aside, and entries without a time are only counted', async () => {
  const first = await run(log('12:00:01 GREEN'))
  const rows = [...log('12:00:02 RED Q0I', '12:00:03 RED R49'), { Severity: 'SAPControl-RED', Text: 'no time' }]
  const { seen } = await run(rows, first.kept, { ignored: ['Q0I'] })
  expect(seen.metrics).toEqual({ new_red: 1, new_yellow: 0, entries: 3 })
})

test('what is remembered outlives a run that spared the target', async () => {
  let kept: unknown
  const client = sapSaying({ ABAPReadSyslog: { is: 'not asked', why: 'paused', message: 'starting' } })
  await collectOnce(
    sapSyslog,
    {},
    { client, previous: { newest: 1, atNewest: 1 }, remember: (value) => (kept = value) },
  )
  expect(kept).toEqual({ newest: 1, atNewest: 1 })
})
