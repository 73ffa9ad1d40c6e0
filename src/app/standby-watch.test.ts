import { expect, test } from 'vitest'
import type { PartLag } from '../replication/index.ts'
import { watchStandby, type StandbySeen } from './standby-watch.ts'

// minute : what each of the two parts does → what is told; `f` follows, `w` waits, `c` is copied, `?` nothing is known
const parts: Readonly<Record<string, PartLag>> = {
  f: { is: 'following', changes: 0, seconds: 0 },
  w: { is: 'following', changes: 3, seconds: 60, waits: 'change 812 is of a newer version' },
  c: { is: 'copying', why: 'a gap' },
  '?': { is: 'unknown' },
}

const stories: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'all that follows is nothing to be told': ['0:ff 5:ff', []],
  'of a server that has not asked yet nothing is known': ['0:?? 5:?? 20:??', []],
  'a first copy begins, and is complete': [
    '0:?? 1:cc 2:cf 3:ff',
    [
      '1 copy begun, history: a gap',
      '1 copy begun, database: a gap',
      '2 copy complete, database',
      '3 copy complete, history',
    ],
  ],
  'a copy that takes long is a problem until it is over': [
    '0:ff 1:cf 11:cf 12:cf 20:cf 21:ff',
    [
      '1 copy begun, history: a gap',
      '12 + failover: copy takes long',
      '21 copy complete, history',
      '21 - failover: copy takes long',
    ],
  ],
  'a server that is gone amid a copy is no news of the copy': ['0:cf 5:?f 6:cf', ['0 copy begun, history: a gap']],
  'a part that waits for an upgrade is a problem at once': [
    '0:ff 1:fw 2:fw 3:ff',
    [
      '1 standby waits, database: change 812 is of a newer version',
      '1 + failover: standby waits',
      '3 standby goes on, database',
      '3 - failover: standby waits',
    ],
  ],
  'what was missed for too long is copied': [
    '0:fw 1:fc 2:ff',
    [
      '0 standby waits, database: change 812 is of a newer version',
      '0 + failover: standby waits',
      '1 copy begun, database: a gap',
      '1 - failover: standby waits',
      '2 copy complete, database',
    ],
  ],
}

test.each(Object.entries(stories))('%s', (_, [story, told]) => {
  const lines: string[] = []
  let seen: StandbySeen = new Map()
  let standing: readonly string[] = []
  for (const moment of story.split(' ')) {
    const [minute = '', [history, database] = ''] = moment.split(':')
    const news = watchStandby(
      seen,
      { history: parts[history!]!, database: parts[database!]! },
      'SECONDARY',
      Number(minute) * 60_000,
    )
    const keys = news.problems.map(({ key }) => key)
    lines.push(
      ...news.events.map(({ action, what }) => `${minute} ${action}, ${what}`),
      ...keys.filter((key) => !standing.includes(key)).map((key) => `${minute} + ${key}`),
      ...standing.filter((key) => !keys.includes(key)).map((key) => `${minute} - ${key}`),
    )
    seen = news.seen
    standing = keys
  }
  expect(lines).toEqual(told)
})

test('the words say what to do, and are the same from look to look', () => {
  const look = (seen: StandbySeen, at: number) =>
    watchStandby(seen, { history: parts['c']!, database: parts['w']! }, 'PRIMARY', at)
  const first = look(new Map(), 0)
  const later = look(first.seen, 700_000)
  const last = look(later.seen, 900_000)
  expect([later.problems, last.problems]).toEqual(
    Array(2).fill([
      {
        key: 'failover: standby waits',
        severity: 'WARNING',
        message:
          'The PRIMARY is an older version of Farwatch and does not take what this one writes (database: change 812 is of a newer version). Upgrade it: were this server lost before, the PRIMARY would take over without that',
      },
      {
        key: 'failover: copy takes long',
        severity: 'WARNING',
        message:
          'The copy to the PRIMARY has taken longer than 10m (history). Look how it goes with `farwatch failover status`, and whether the line between the two is slow',
      },
    ]),
  )
})
