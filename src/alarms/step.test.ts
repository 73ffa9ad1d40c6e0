import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conditionsOf, type RuleDocument } from '../model/index.ts'
import { calm, step, type Effect, type ItemRule, type ItemState, type Observation } from './step.ts'
import { rulesOf } from './testing.ts'

function itemRule(document: Omit<RuleDocument, 'metric'>, periodMs = 10_000): ItemRule {
  const [rule] = rulesOf({ metric: 'used', ...document })
  const { hold, clearAfter, noData } = rule!
  return { conditions: conditionsOf(rule!, '%')!, hold, clearAfter, noData, periodMs }
}

const observations: Readonly<Record<string, Observation>> = {
  absent: { is: 'absent' },
  silence: { is: 'silence', since: 0 },
  gone: { is: 'gone' },
  hand: { is: 'cleared by hand' },
}

function words(effect: Effect): string {
  switch (effect.is) {
    case 'raise':
      return `raise ${effect.severity}${effect.flapping ? ' flapping' : ''}${effect.cause === 'no data' ? ' no-data' : ''}`
    case 'change':
      return `to ${effect.severity}${effect.cause === 'no data' ? ' no-data' : ''}`
    case 'clear':
      return effect.why === 'good' ? 'clear' : effect.why
    case 'repeat':
      return ''
  }
}

/** Plays a story `second:value→effect, …` and tells it again as it went; a repeat is not told. */
function tell(rule: ItemRule, story: string): string {
  let state: ItemState = calm
  return story
    .split(', ')
    .map((moment) => {
      const [before] = moment.split('→')
      const [seconds, what] = before!.split(':')
      const seen = observations[what!] ?? { is: 'value', value: Number(what) }
      const next = step(rule, state, seen, Number(seconds) * 1_000)
      state = next.state
      const told = next.effect === undefined ? '' : words(next.effect)
      return told === '' ? before! : `${before}→${told}`
    })
    .join(', ')
}

const warn = { thresholds: { WARNING: '> 90%' } }
const two = { thresholds: { WARNING: '> 80', CRITICAL: '> 95' } }

// second : value → what the alarm does
const stories: Readonly<Record<string, readonly [Omit<RuleDocument, 'metric'>, string]>> = {
  'one breach raises at once, and one good run clears': [warn, '0:95→raise WARNING, 10:96, 20:10→clear, 30:10'],
  'a short spike stays silent': [{ ...warn, for: '1m' }, '0:95, 30:95, 50:10, 60:10'],
  'a held breach raises once': [{ ...warn, for: '1m' }, '0:95, 30:95, 60:95→raise WARNING, 90:95'],
  'a fresh breach starts counting again': [{ ...warn, for: '1m' }, '0:95, 50:10, 60:95, 110:95, 120:95→raise WARNING'],
  'the severity follows the worst threshold that is met': [
    two,
    '0:85→raise WARNING, 10:99→to CRITICAL, 20:96, 30:85→to WARNING, 40:10→clear',
  ],
  'three of five runs raise, wherever they stand': [
    { ...warn, of: '3 of 5' },
    '0:95, 10:1, 20:95, 30:1, 40:95→raise WARNING',
  ],
  'breaches that fall out of the last runs do not count': [
    { ...warn, of: '3 of 5' },
    '0:95, 10:95, 20:1, 30:1, 40:1, 50:95, 60:95, 70:95→raise WARNING',
  ],
  'several good runs in a row are needed where the row says so': [
    { ...warn, clear: { after: 3 } },
    '0:95→raise WARNING, 10:1, 20:1, 30:95, 40:1, 50:1, 60:1→clear',
  ],
  'hysteresis keeps an alarm until the value has come back far enough': [
    { ...warn, clear: { hysteresis: '5%' } },
    '0:91→raise WARNING, 10:89, 20:86, 30:85→clear, 40:89',
  ],
  'a step downwards says where a state ends': [
    { thresholds: 'G2W:80 W2M:90 W2G:70' },
    '0:80→raise WARNING, 10:90→to MAJOR, 20:89→to WARNING, 30:71, 40:70→clear, 50:79',
  ],
  'falling numbers turn the comparison round': [
    { thresholds: 'G2W:20 W2C:10' },
    '0:21, 10:20→raise WARNING, 20:5→to CRITICAL, 30:50→clear',
  ],
  'the fourth raise within an hour is held open until it was calm for a quarter of one': [
    warn,
    '0:95→raise WARNING, 10:1→clear, 20:95→raise WARNING, 30:1→clear, 40:95→raise WARNING, 50:1→clear, ' +
      '60:95→raise WARNING flapping, 70:1, 80:95, 90:1, 980:1, 990:1→clear, 1000:95→raise WARNING',
  ],
  'raises of more than an hour ago are forgotten': [
    warn,
    '0:95→raise WARNING, 10:1→clear, 20:95→raise WARNING, 30:1→clear, 40:95→raise WARNING, 50:1→clear, 4000:95→raise WARNING, 4010:1→clear',
  ],
  'an item that vanished ends its alarm after three runs without it': [
    warn,
    '0:95→raise WARNING, 10:absent, 20:absent, 30:absent→vanished',
  ],
  'an item that comes back in between is not gone': [
    warn,
    '0:95→raise WARNING, 10:absent, 20:absent, 30:95, 40:absent',
  ],
  'a breach that waits for its time is forgotten with its item': [{ ...warn, for: '1m' }, '0:95, 30:absent, 60:95'],
  'no data raises where a row asks for it, and values end it': [
    { ...warn, noData: { after: '1m', severity: 'MAJOR' } },
    '0:10, 60:silence→raise MAJOR no-data, 120:silence, 130:10→clear',
  ],
  'silence takes over an alarm that stands, and a breach takes it back': [
    { ...warn, noData: { after: '1m', severity: 'MAJOR' } },
    '0:95→raise WARNING, 60:silence→to MAJOR no-data, 70:95→to WARNING, 80:1→clear',
  ],
  'an item that is silent for a day is let go': [
    { ...warn, noData: { after: '1m', severity: 'MAJOR' } },
    '60:silence→raise MAJOR no-data, 90000:gone→gone',
  ],
  'cleared by hand it stays away until it was good once': [
    warn,
    '0:95→raise WARNING, 5:hand, 10:95, 20:99, 30:1, 40:95→raise WARNING',
  ],
}

test.each(Object.entries(stories))('%s', (_, [document, story]) => {
  expect(tell(itemRule(document), story)).toBe(story)
})

const seen = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 100 }).map((value): Observation => ({ is: 'value', value })) },
  { weight: 1, arbitrary: fc.constantFrom<Observation>({ is: 'absent' }, { is: 'silence', since: 0 }, { is: 'gone' }) },
)
const documents = fc.record({
  thresholds: fc.constantFrom({ WARNING: '> 50' } as const, two.thresholds),
  clear: fc.record({ after: fc.integer({ min: 1, max: 4 }) }),
  hold: fc.constantFrom({}, { for: '30s' }, { of: '2 of 4' }),
})

test('raises and clears alternate whatever happens, and what is raised is cleared once it stays good', () => {
  fc.assert(
    fc.property(documents, fc.array(seen, { maxLength: 60 }), ({ hold, ...document }, happened) => {
      const rule = itemRule({ ...document, ...hold })
      let state: ItemState = calm
      let open = false
      let at = 0
      const observe = (one: Observation) => {
        const next = step(rule, state, one, (at += 10_000))
        if (next.effect?.is === 'raise') expect(open).toBe(false)
        else if (next.effect !== undefined) expect(open).toBe(true)
        if (next.effect?.is === 'raise') open = true
        if (next.effect?.is === 'clear') open = false
        state = next.state
        expect(state.is === 'raised').toBe(open)
      }
      happened.forEach(observe)
      for (let i = 0; i < 100; i++) observe({ is: 'value', value: 0 })
      expect(open).toBe(false)
    }),
  )
})
