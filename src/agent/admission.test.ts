import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Admission, patienceOf, type Candidate } from './admission.ts'

function candidate(task: string, slot: number, target = 'db:1', periodMs = 10_000): Candidate {
  return { task, slot, periodMs, target }
}

/** `+a` offer, `-a` ended, `t5000` look at this time; answers with what each look started and refused. The first letter is the target. */
function story(limits: { total: number; perTarget: number }, text: string): string {
  const admission = new Admission(limits)
  const told: string[] = []
  let at = 0
  for (const word of text.split(' ')) {
    const name = word.slice(1)
    if (word.startsWith('t')) at = Number(name)
    else if (word.startsWith('-')) admission.ended(name)
    else {
      const refused = admission.offer(candidate(name, at, name[0]!))
      if (refused !== undefined) told.push(`${name}: ${refused.reason}`)
    }
    const { start, refused } = admission.admit(at)
    told.push(...start.map(({ task }) => task), ...refused.map((one) => `${one.candidate.task}: ${one.reason}`))
  }
  return told.join(', ')
}

test.each([
  ['starts what there is room for', { total: 2, perTarget: 2 }, '+a1 +b1 +c1 -a1', 'a1, b1, c1'],
  ['bounds what runs at one target', { total: 9, perTarget: 1 }, '+a1 +a2 +b1 -a1', 'a1, b1, a2'],
  ['lets targets take turns', { total: 1, perTarget: 1 }, '+a1 +a2 +a3 +b1 -a1 -b1 -a2', 'a1, b1, a2, a3'],
  ['turns away who waited half a period', { total: 1, perTarget: 1 }, '+a1 +b1 t4999 t5000', 'a1, b1: overload'],
  ['skips the slot of a task that still runs', { total: 9, perTarget: 9 }, '+a1 t10000 +a1', 'a1, a1: still running'],
])('%s', (_name, limits, text, answer) => {
  expect(story(limits, text)).toBe(answer)
})

test('a slot of a long period waits a minute and no longer', () => {
  expect([patienceOf(10_000), patienceOf(86_400_000)]).toEqual([5_000, 60_000])
})

test('whoever is offered comes out once, and no bound is ever passed', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('offer' as const), task: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ do: fc.constant('end' as const), task: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ do: fc.constant('wait' as const), task: fc.integer({ min: 0, max: 3_000 }) }),
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 300 }),
      (total, perTarget, steps) => {
        const admission = new Admission({ total, perTarget })
        const running = new Map<string, Candidate>()
        let at = 0
        let offered = 0
        let out = 0
        for (const one of steps) {
          const task = `${one.task}`
          if (one.do === 'wait') at += one.task
          else if (one.do === 'end') {
            admission.ended(task)
            running.delete(task)
          } else {
            offered++
            if (admission.offer(candidate(task, at, `target ${one.task % 5}`, 4_000)) !== undefined) out++
          }
          const { start, refused } = admission.admit(at)
          out += start.length + refused.length
          for (const one of start) running.set(one.task, one)
          const perName = Map.groupBy(running.values(), ({ target }) => target)
          expect(running.size).toBeLessThanOrEqual(total)
          for (const many of perName.values()) expect(many.length).toBeLessThanOrEqual(perTarget)
          expect([admission.running, offered - out]).toEqual([running.size, admission.waiting])
        }
        expect(offered - out).toBe(admission.clear(() => true).length)
      },
    ),
  )
})
