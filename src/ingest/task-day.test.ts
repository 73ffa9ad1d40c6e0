import { expect, test } from 'vitest'
import { TaskDay } from './task-day.ts'

const start = Date.UTC(2026, 0, 1)
const minute = 60_000

// Written by the first version that there was: ten runs a minute apart of which the eighth failed after half a second, ten slots skipped,
// and of another period one run that was late and two slots lost.
const formerDay =
  'AQMACG92ZXJsb2FkCnNwb29sIGZ1bGwC4NQDBAAHAADg1AMBAQDg1AMCAADg1AMKAwHgpxICgJ9JAQIA4KcSAgQCCmoBAQEBAQEBAQEBAQEBAQIBASUBQIRAAAAAAABAf0AAAAAAAAJcCm4BQOOLwAAAAABA44gAAAAAAA=='

function told(day: TaskDay) {
  return {
    slots: day.ledger
      .stretches()
      .map(({ from, to, outcome, reason, agent }) =>
        [(from - start) / minute, (to - start) / minute, outcome, reason, agent].join(' '),
      ),
    times: [...day.times].map(([agent, { durations, delays, timeouts }]) =>
      [agent, durations.count, durations.mean()?.toFixed(1), durations.max, delays.max, timeouts].join(' '),
    ),
  }
}

test('a day that a version before agents were told apart has stored is read, and goes on', () => {
  const day = TaskDay.decode(start, Buffer.from(formerDay, 'base64'))
  const run = { periodMs: minute, outcome: 'failed', agent: 'a', durationMs: 8_000, isTimeout: true } as const
  const changes = [11, 3].map((n) => {
    const slot = start + n * minute
    return day.ran({ ...run, slot, startedAt: slot + 7 })
  })
  const again = TaskDay.decode(start, day.encode(start))
  expect([changes, told(again)]).toEqual([
    [true, false],
    {
      slots: [
        '0 6 ran  ',
        '7 7 failed  ',
        '8 9 ran  ',
        '10 10 skipped overload ',
        '11 11 failed  a',
        '12 19 skipped overload ',
        '20 20 late  ',
        '25 30 lost spool full ',
      ],
      times: [' 11 58.9 500 40000 0', 'a 1 8000.0 8000 7 1'],
    },
  ])
})

test('a day of a format to come is refused', () => {
  expect(() => TaskDay.decode(start, Uint8Array.of(3))).toThrow('a day of a task of format 3 cannot be read')
})
