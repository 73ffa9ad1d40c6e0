import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../base/index.ts'
import { isRun, outcomes, type Outcome } from '../model/index.ts'
import { clip, countOutcomes, silentlyLost } from './coverage.ts'
import { DayLedger, slotsOf, type Stretch } from './ledger.ts'

const letters: Record<string, Outcome> = {
  r: 'ran',
  f: 'failed',
  l: 'late',
  s: 'skipped',
  x: 'lost',
  m: 'maintenance',
  u: 'uncovered',
}
const letterOf = Object.fromEntries(Object.entries(letters).map(([letter, outcome]) => [outcome, letter]))

/** Reports such as `r3` (slot 3 ran) and `x2-5` (slots 2 to 5 lost), in a series of slots every 10. */
function told(ledger: DayLedger, reports: string): string {
  return reports
    .split(' ')
    .map((report) => {
      const [, letter, first, last] = /^(\w)(\d+)(?:-(\d+))?$/.exec(report)!
      const outcome = letters[letter!]!
      const from = Number(first) * 10
      if (isRun(outcome)) return ledger.run(from, 10, outcome, 'a') ? '+' : '-'
      const gap = { from, to: Number(last ?? first) * 10, periodMs: 10, outcome, reason: outcome, agent: 'a' }
      return String(ledger.gap(gap))
    })
    .join(' ')
}

/** One letter for each slot from 0; `.` where nothing is known. */
function drawn(ledger: DayLedger): string {
  const slots: string[] = []
  for (const stretch of ledger.stretches())
    for (let slot = stretch.from; slot <= stretch.to; slot += stretch.periodMs)
      slots[slot / 10] = letterOf[stretch.outcome]!
  return Array.from(slots, (letter) => letter ?? '.').join('')
}

// reports → what each changed → how the slots ended, and in how many stretches
const stories: Record<string, readonly [reports: string, changed: string, drawn: string, stretches: number]> = {
  'runs in order are one stretch': ['r0 r1 r2', '+ + +', 'rrr', 1],
  'runs in any order are one stretch': ['r2 r0 r1', '+ + +', 'rrr', 1],
  'a second run of a slot changes nothing': ['r0 f0', '+ -', 'r', 1],
  'a gap fills what is empty': ['r1 x0-3', '+ 3', 'xrxx', 3],
  'a gap after a gap fills what is left': ['x1-2 s0-4', '2 3', 'sxxss', 3],
  'a late run takes a slot from a gap': ['x0-4 f2', '5 +', 'xxfxx', 3],
  'runs take the ends of a gap': ['x0-3 r0 r3', '4 + +', 'rxxr', 3],
  'a gap record after the run of its only slot changes nothing': ['r0 x0', '+ 0', 'r', 1],
  'runs that fill a gap whole leave nothing of it': ['x0-1 r1 r0', '2 + +', 'rr', 1],
}

describe('the ledger of a day', () => {
  test.each(Object.entries(stories))('%s', (_, [reports, changed, picture, stretches]) => {
    const ledger = new DayLedger()
    expect([told(ledger, reports), drawn(ledger), ledger.stretches().length]).toEqual([changed, picture, stretches])
  })

  test('knows of slots of another period, and counts none of them twice', () => {
    const ledger = new DayLedger()
    ledger.run(20, 20, 'ran', 'a')
    expect(ledger.run(20, 10, 'failed', 'a')).toBe(false)
    expect(ledger.gap({ from: 0, to: 40, periodMs: 10, outcome: 'lost', reason: '', agent: '' })).toBe(4)
    expect(ledger.run(40, 20, 'failed', 'a')).toBe(true)
    expect(countOutcomes('t', ledger.stretches()).counts).toMatchObject({ ran: 1, lost: 3, failed: 1 })
  })

  test('says beforehand how many slots a gap would fill, and is the same after it was written', () => {
    const slot = fc.integer({ min: 0, max: 50 })
    const report = fc.oneof(
      fc.tuple(fc.constantFrom('r', 'f', 'l'), slot).map(([letter, n]) => `${letter}${n}`),
      fc
        .tuple(fc.constantFrom('s', 'x', 'u'), slot, fc.nat(20))
        .map(([letter, n, more]) => `${letter}${n}-${n + more}`),
    )
    fc.assert(
      fc.property(fc.array(report, { maxLength: 30 }), slot, fc.nat(20), (reports, from, more) => {
        const ledger = new DayLedger()
        for (const each of reports) told(ledger, each)
        const out = new ByteWriter()
        ledger.encode(out, 0)
        const read = DayLedger.decode(new ByteReader(out.done()), 0, { hasAgents: true })
        expect(read.stretches()).toEqual(ledger.stretches())
        const gap = {
          from: from * 10,
          to: (from + more) * 10,
          periodMs: 10,
          outcome: 'lost' as const,
          reason: '',
          agent: '',
        }
        const expected = ledger.emptyIn(gap)
        expect(read.gap(gap)).toBe(expected)
        // No slot twice, whatever was told.
        const all = read
          .stretches()
          .flatMap((each) => Array.from({ length: slotsOf(each) }, (_, i) => each.from + i * each.periodMs))
        expect(new Set(all).size).toBe(all.length)
      }),
    )
  })
})

describe('coverage', () => {
  test('is counted in exactly the range that was asked for', () => {
    const ledger = new DayLedger()
    told(ledger, 'r0 r1 r2 r3 x4-6 f7')
    const { counts, slots, share } = countOutcomes('t', clip(ledger.stretches(), 15, 60))
    expect([counts.ran, counts.lost, counts.failed, slots, share]).toEqual([2, 2, 0, 4, 0.5])
    expect(countOutcomes('t', [])).toEqual({
      task: 't',
      counts: Object.fromEntries(outcomes.map((outcome) => [outcome, 0])),
      slots: 0,
      share: undefined,
    })
  })

  test('finds the slots of which nothing was heard, within the time in which the task was there', () => {
    const minute = 60_000
    // The task's slots lie where its id puts them.
    const [first] = silentlyLost('t', [{ from: 0, until: null, periodMs: minute }], [], 0, 4 * minute, Infinity)
    const known = [
      {
        from: first!.from + minute,
        to: first!.from + 2 * minute,
        periodMs: minute,
        outcome: 'ran' as const,
        reason: '',
        agent: 'a',
      },
    ]
    const lost = (until: number | null, heardBy: number, heard: readonly Stretch[] = known) =>
      silentlyLost('t', [{ from: 0, until, periodMs: minute }], heard, 0, 60 * minute, heardBy).map(({ from, to }) =>
        [from, to].map((slot) => (slot - first!.from) / minute),
      )
    // Results that came before the configuration said what series of slots they lie on.
    const alone = known.flatMap((each) =>
      [each.from, each.to].map((slot) => ({ ...each, from: slot, to: slot, periodMs: 0 })),
    )
    expect({
      inTime: lost(null, 7 * minute),
      gone: lost(6 * minute, Infinity),
      tooEarly: lost(null, 3 * minute),
      alone: lost(null, 7 * minute, alone),
    }).toEqual({
      inTime: [
        [0, 0],
        [3, 4],
      ],
      gone: [[0, 0]],
      tooEarly: [[0, 0]],
      alone: [
        [0, 0],
        [3, 4],
      ],
    })
  })
})
