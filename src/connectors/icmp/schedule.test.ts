import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Schedule, type Packet } from './schedule.ts'

const grid = 10

/** Turns at these moments; `answer` says for each packet when its answer comes, or why it is not sent. Tells when what was sent and how it ended. */
function played(
  plans: readonly { count: number; intervalMs: number; timeoutMs: number; at?: number }[],
  answer: (ping: number, index: number, at: number) => number | string | undefined,
  most = 50,
): { sent: string[]; ended: string[] } {
  const schedule = new Schedule(grid, most, 0xffffffff)
  const toAdd = plans.map((plan, i) => ({ at: plan.at ?? 0, plan: { ...plan, id: i + 1 } }))
  const arriving: { at: number; packet: Packet; trip: number }[] = []
  const seen = { sent: [] as string[], ended: [] as string[] }
  for (let at: number | undefined = 0; at !== undefined;) {
    for (const { plan } of toAdd.filter((one) => one.at === at)) schedule.add(plan, at)
    for (const { packet, trip } of arriving.filter((one) => one.at <= at!)) schedule.answered(packet, trip)
    schedule.expire(at)
    for (const packet of schedule.take(at)) {
      const { plan, index } = packet
      const said = answer(plan.id, index, at)
      if (typeof said === 'string') {
        if (said.startsWith('later')) schedule.postponed(packet, at, said)
        else schedule.refused(packet, said)
        continue
      }
      schedule.sent(packet, at, at)
      seen.sent.push(`${at}:${plan.id}.${index}`)
      if (said !== undefined) arriving.push({ at: at + said, packet, trip: said })
    }
    for (const end of schedule.ended())
      seen.ended.push(`${at}:${end.id} ${'refused' in end ? end.refused : end.roundTrips.join(' ')}`)
    const next = [schedule.nextAt(), ...arriving.map((one) => one.at), ...toAdd.map((one) => one.at)]
    const now: number = at
    at = next.filter((one) => one !== undefined && one > now).toSorted((a, b) => a! - b!)[0]
  }
  return seen
}

test('packets go out one interval after another, and the ping ends with its last answer', () => {
  expect(played([{ count: 3, intervalMs: 20, timeoutMs: 1_000 }], (_, index) => 1 + index)).toEqual({
    sent: ['0:1.0', '20:1.1', '40:1.2'],
    ended: ['43:1 1 2 3'],
  })
})

test('what falls due within a few milliseconds is one turn', () => {
  const plan = { count: 2, intervalMs: 20, timeoutMs: 1_000 }
  expect(
    played(
      [0, 3, 4, 7].map((at) => ({ ...plan, at })),
      () => 1,
    ).sent,
  ).toEqual(['0:1.0', '3:2.0', '4:3.0', '7:4.0', '20:2.1', '20:1.1', '20:3.1', '30:4.1'])
})

test('a packet without an answer is lost when its time is up, and the others keep their order', () => {
  const answers = [5, undefined, 4]
  expect(played([{ count: 3, intervalMs: 20, timeoutMs: 100 }], (_, index) => answers[index])).toEqual({
    sent: ['0:1.0', '20:1.1', '40:1.2'],
    ended: ['120:1 5 4'],
  })
})

test('an answer that comes later than it may is as good as none', () => {
  expect(played([{ count: 2, intervalMs: 20, timeoutMs: 30 }], (_, index) => [30, 31][index]).ended).toEqual([
    '50:1 30',
  ])
})

test('answers overtake one another, and are told in the order of sending', () => {
  expect(played([{ count: 2, intervalMs: 20, timeoutMs: 100 }], (_, index) => [50, 1][index]).ended).toEqual([
    '50:1 50 1',
  ])
})

test('more than fits into one turn goes out in the next ones', () => {
  const plans = Array.from({ length: 5 }, () => ({ count: 1, intervalMs: 10, timeoutMs: 1_000 }))
  expect(played(plans, () => 1, 2).sent.map((line) => line.split(':')[0])).toEqual(['0', '0', '10', '10', '20'])
})

test('what there is no room for is tried again, until it has waited for as long as for an answer', () => {
  const full = played([{ count: 2, intervalMs: 20, timeoutMs: 30 }], (_, __, at) => (at < 20 ? 'later' : 1))
  const never = played([{ count: 1, intervalMs: 20, timeoutMs: 30 }], () => 'later, or never')
  expect([full, never]).toEqual([
    { sent: ['20:1.1', '20:1.0'], ended: ['21:1 1 1'] },
    { sent: [], ended: ['30:1 later, or never'] },
  ])
})

test('a packet that is refused is lost, and a ping all of whose packets are says why', () => {
  const some = played([{ count: 2, intervalMs: 20, timeoutMs: 30 }], (_, index) => (index === 0 ? 'EPERM' : 1))
  const all = played([{ count: 2, intervalMs: 20, timeoutMs: 30 }], (_, index) => ['ENETUNREACH', 'EPERM'][index])
  expect([some.ended, all.ended]).toEqual([['21:1 1'], ['20:1 ENETUNREACH']])
})

test('an answer that comes twice counts once', () => {
  const schedule = new Schedule(grid, 50, 7)
  schedule.add({ id: 1, count: 2, intervalMs: 20, timeoutMs: 100 }, 0)
  const [packet] = schedule.take(0)
  schedule.sent(packet!, 0, 0)
  const known = schedule.underWay(packet!.number) === packet
  schedule.answered(packet!, 1)
  schedule.answered(packet!, 2)
  expect([known, schedule.underWay(packet!.number), schedule.open, schedule.ended()]).toEqual([true, undefined, 1, []])
})

test('of a ping that is cancelled nothing more is sent or told', () => {
  const schedule = new Schedule(grid, 50, 7)
  schedule.add({ id: 1, count: 3, intervalMs: 20, timeoutMs: 100 }, 0)
  const [packet] = schedule.take(0)
  schedule.sent(packet!, 0, 0)
  schedule.cancel(1)
  const later = schedule.take(20)
  schedule.expire(100)
  expect([later, schedule.ended(), schedule.open, schedule.nextAt()]).toEqual([[], [], 0, undefined])
})

test('a turn that came late makes up for nothing: the next packet is an interval from it', () => {
  const schedule = new Schedule(grid, 50, 7)
  schedule.add({ id: 1, count: 3, intervalMs: 20, timeoutMs: 100 }, 0)
  const turns = [0, 500, 510, 520].map((at) => schedule.take(at).map(({ index }) => index))
  expect(turns).toEqual([[0], [1], [], [2]])
})

test('whatever becomes of its packets, each ping ends once, and nothing is open then', () => {
  const fate = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom('EPERM', 'later'), fc.constant(undefined))
  const plan = fc.record({
    count: fc.integer({ min: 1, max: 5 }),
    intervalMs: fc.integer({ min: 10, max: 100 }),
    timeoutMs: fc.integer({ min: 10, max: 150 }),
    at: fc.integer({ min: 0, max: 50 }),
  })
  fc.assert(
    fc.property(fc.array(plan, { maxLength: 8 }), fc.array(fate, { minLength: 1 }), (plans, fates) => {
      let next = 0
      const { ended } = played(plans, () => fates[next++ % fates.length], 3)
      expect(
        ended.map((line) => Number(line.slice(line.indexOf(':') + 1).split(' ')[0])).toSorted((a, b) => a - b),
      ).toEqual(plans.map((_, i) => i + 1))
    }),
    { numRuns: 200 },
  )
})
