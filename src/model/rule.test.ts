import { expect, test } from 'vitest'
import { checkRules, conditionsOf, ownRows, type RuleSubject } from './rule.ts'

const about: RuleSubject = {
  metrics: {
    duration: { unit: 'ms' },
    used: { unit: '%', items: ['mount'] },
    bytes: { unit: 'B', kind: 'counter' },
  },
  open: false,
  path: 'rules',
}

function wrong(given: unknown, over: RuleSubject = about): readonly string[] {
  const checked = checkRules(given, over)
  return checked.ok
    ? []
    : checked.problems.map(({ path, message, hint }) => `${path} ${message}${hint === undefined ? '' : ` — ${hint}`}`)
}

test('a row gets its defaults, and its name from its metric and place', () => {
  const checked = checkRules(
    [
      { metric: 'duration', thresholds: { CRITICAL: '> 5s', WARNING: '> 2s' }, for: '1m' },
      { metric: 'duration', thresholds: { INFO: '> 1s' } },
    ],
    about,
  )
  expect(checked.ok && checked.value.map(({ name }) => name)).toEqual(['duration', 'duration (2)'])
  expect(checked.ok && checked.value[0]).toEqual({
    name: 'duration',
    metric: { any: [{ is: 'exact', text: 'duration' }], none: [] },
    items: {},
    thresholds: [
      { severity: 'WARNING', text: '> 2s' },
      { severity: 'CRITICAL', text: '> 5s' },
    ],
    hold: { is: 'for', ms: 60_000 },
    clearAfter: 1,
    exclusive: false,
    alarm: true,
    metricOutput: true,
    report: true,
  })
})

test('a row in the words of Pro.Monitor means the same as one in ours', () => {
  const known = [
    {
      metric: 'used',
      items: { mount: '/data*' },
      threshold: 80,
      severity: 'MAJOR',
      duration: 5,
      alarmTag: 'DISK',
      autoClear: true,
    },
    { metric: 'used', threshold: 'G2W:80 W2M:90', alarmTag: 'my_prefix %MSG% my_suffix' },
    { metric: 'used', threshold: '20%..90%', severity: 'INFO', duration: '90s', active: true },
    { metric: 'used', threshold: 0, severity: 'MAJOR', metricOutput: true },
    { metric: 'used', threshold: 70, severity: 'INFO', active: false },
  ] as const
  const own = [
    { metric: 'used', items: { mount: '/data*' }, thresholds: { MAJOR: '> 80' }, for: '5m', message: 'DISK %MSG%' },
    { metric: 'used', thresholds: 'G2W:80 W2M:90', message: 'my_prefix %MSG% my_suffix' },
    { metric: 'used', thresholds: { INFO: '> 20%..90%' }, for: '90s' },
    { metric: 'used', metricOutput: true, alarm: false },
  ]
  const good = [...known.slice(0, 2), ...known.slice(3)]
  // The rows are written as a user would, in words that the type of our own rows does not have.
  const kept = ownRows(known as unknown as Parameters<typeof ownRows>[0])
  expect([checkRules(good, about), kept]).toEqual([checkRules([...own.slice(0, 2), ...own.slice(3)], about), own])
})

test('what the words of Pro.Monitor say and we cannot do is said by the word that was written', () => {
  expect(
    wrong([
      { metric: 'duration', threshold: 80 },
      { metric: 'duration', severity: 'MAJOR' },
      { metric: 'duration', threshold: 80, severity: 'LOUD' },
      { metric: 'duration', threshold: 'G2W:80', severity: 'MAJOR' },
      { metric: 'duration', threshold: 80, severity: 'MAJOR', autoClear: false },
      { metric: 'duration', threshold: 80, severity: 'MAJOR', thresholds: { INFO: '> 1s' } },
      { metric: 'duration', threshold: 80, severity: 'MAJOR', alarmTag: '%MESSAGE%' },
      { metric: 'duration', threshold: 80, severity: 'MAJOR', duration: true },
    ]).map((one) => one.replace(/ — .*/, '')),
  ).toEqual([
    'rules[0].threshold has no severity beside it',
    'rules[1].severity has no threshold beside it',
    'rules[2].thresholds.LOUD is not a severity',
    'rules[3].severity has no place here: the steps of the threshold say the severities themselves',
    'rules[4].autoClear cannot be off: an alarm ends when its problem is over',
    'rules[5].threshold says the same as "thresholds", which is there as well; one of them is enough',
    'rules[5].severity says the same as "thresholds", which is there as well; one of them is enough',
    'rules[6].message %MESSAGE% stands for nothing',
    'rules[7].duration must be minutes, not true',
  ])
})

test('hysteresis is a share of the threshold, an amount, or points of a share', () => {
  const back = (metric: string, text: string, hysteresis: string, unit: 'ms' | '%' | 'B/s') => {
    const checked = checkRules([{ metric, thresholds: { WARNING: text }, clear: { hysteresis } }], about)
    return checked.ok ? conditionsOf(checked.value[0]!, unit)!.map((condition) => condition.back) : checked.problems
  }
  expect([
    back('duration', '> 2s', '5%', 'ms'),
    back('duration', '> 2s', '200ms', 'ms'),
    back('used', '> 80', '5%', '%'),
    back('bytes', '> 1MB/s', '10kB/s', 'B/s'),
    back('used', 'outside 20..60', '5', '%'),
  ]).toEqual([[100], [200], [5], [10_000], [5]])
})

// What is given, and the words we answer with
test.each<[string, unknown, readonly string[]]>([
  ['no list', {}, ['rules must be a list of rules, not an object']],
  ['no rule', [7], ['rules[0] must be a rule, not 7']],
  ['no metric', [{ thresholds: {} }], ['rules[0].metric is missing — Known: duration, used, bytes, failed.']],
  [
    'a misspelt metric',
    [{ metric: 'duratoin', thresholds: { WARNING: '> 1s' } }],
    ['rules[0].metric "duratoin" is not a metric of this monitor — Did you mean "duration"?'],
  ],
  [
    'a misspelt severity',
    [{ metric: 'duration', thresholds: { WARNIG: '> 2s' }, noData: { after: '1m', severity: 'INFO' } }],
    ['rules[0].thresholds.WARNIG is not a severity — Did you mean "WARNING"?'],
  ],
  [
    'a number for a threshold',
    [{ metric: 'used', thresholds: { WARNING: 80 }, noData: { after: '1m', severity: 'INFO' } }],
    ['rules[0].thresholds.WARNING must be a threshold in quotes, not 80 — Such as "> 80".'],
  ],
  [
    'a label the metric does not have',
    [{ metric: 'used', items: { mout: '/' }, thresholds: { WARNING: '> 80' } }],
    ['rules[0].items.mout is not a label of the metrics that this row takes — Did you mean "mount"?'],
  ],
  [
    'a placeholder that stands for nothing',
    [{ metric: 'used', message: '%VALU%', thresholds: { WARNING: '> 80' } }],
    ['rules[0].message %VALU% stands for nothing — Did you mean "%VALUE%"?'],
  ],
  [
    'two ways to hold',
    [{ metric: 'used', for: '1m', of: '1 of 2', thresholds: { WARNING: '> 80' } }],
    ['rules[0] has both "for" and "of"; one of them says how a breach must hold'],
  ],
  [
    'two rows of one name',
    [
      { name: 'a', metric: 'used', thresholds: { WARNING: '> 80' } },
      { name: 'a', metric: 'used', thresholds: { WARNING: '> 80' } },
    ],
    [
      'rules[1].name "a" names an earlier row already — The name is part of an alarm\'s identity; give each row its own.',
    ],
  ],
  [
    'a row that can do nothing',
    [{ metric: 'used' }],
    [
      'rules[0] neither has thresholds nor noData, so it can never raise an alarm — Add thresholds such as { WARNING: "> 80" }, or say ' +
        '"alarm: false" for a row that only takes items away or shapes outputs.',
    ],
  ],
  [
    'an unknown key',
    [{ metric: 'used', treshold: 1, alarm: false }],
    ['rules[0].treshold is not known here — Did you mean "thresholds"?'],
  ],
  [
    'a prototype key',
    JSON.parse('[{"metric":"used","__proto__":{},"alarm":false}]'),
    ['rules[0].__proto__ is not known here'],
  ],
])('%s', (_, given, words) => {
  const answers = wrong(given)
  expect(answers.map((answer, i) => answer.slice(0, words[i]?.length))).toEqual(words)
})

test('a unit of another quantity is refused where the unit is known, and taken where it is open', () => {
  const rows = [{ metric: 'hits', thresholds: { WARNING: '> 2GiB' } }]
  expect(wrong([{ metric: 'duration', thresholds: { WARNING: '> 2GiB' } }])[0]).toContain(
    '"2GiB", which is not an amount',
  )
  expect(wrong(rows, { ...about, open: true })).toEqual([])
  expect(wrong([{ metric: 'hits', thresholds: { WARNING: 'much' } }], { ...about, open: true })[0]).toContain(
    'is not a threshold',
  )
})

test.each([
  ['G2W', 'is not a step'],
  ['G2W:1 G2W:2', 'says twice where WARNING begins'],
  ['W2G:1', 'has no step upwards'],
  ['G2W:10 W2M:30 M2C:20', 'neither rises nor falls'],
  ['G2W:80 W2M:90 W2G:85', 'ends WARNING on its bad side'],
  ['G2X:80', 'is not a step'],
])('the steps "%s" are refused', (thresholds, words) => {
  expect(wrong([{ metric: 'used', thresholds, noData: { after: '1m', severity: 'INFO' } }]).join()).toContain(words)
})
