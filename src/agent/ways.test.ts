import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { idleClientMs, Ways } from './ways.ts'

function makeWays() {
  const clock = new ManualClock(0)
  const ways = new Ways(clock)
  const closed: string[] = []
  const define = (id: string) => ways.define({ id, type: 'tcp', group: 'g', settings: {} })
  /** A run that opens the client, as the first one does. */
  const enter = (id: string) => {
    const way = ways.enter(id)!
    way.client ??= { connect: () => Promise.reject(new Error()), close: () => closed.push(id) } as never
    return way
  }
  return { clock, ways, closed, define, enter }
}

test('a client is closed when nobody has used it for a while, those that were used meanwhile are not', () => {
  const { clock, ways, closed, define, enter } = makeWays()
  for (const id of ['a', 'b', 'c', 'd']) define(id)
  for (const id of ['a', 'b', 'c']) ways.leave(enter(id))
  const long = enter('d')
  clock.advance(idleClientMs - 1)
  ways.closeIdle()
  expect(closed).toEqual([])
  ways.leave(enter('a'))
  const busy = enter('b')
  clock.advance(1)
  ways.closeIdle()
  expect(closed).toEqual(['c'])
  expect([busy.client, long.client]).not.toContain(undefined)
  ways.leave(busy)
  ways.leave(long)
  clock.advance(idleClientMs - 1)
  ways.closeIdle()
  expect(closed).toEqual(['c', 'a'])
  clock.advance(1)
  ways.closeIdle()
  expect(closed).toEqual(['c', 'a', 'b', 'd'])
  // It is opened anew.
  expect(enter('c').client).toBeDefined()
})

test('a client that two runs share is closed as soon as both have ended where its connector changed meanwhile', () => {
  const { clock, ways, closed, define, enter } = makeWays()
  define('a')
  const [first, second] = [enter('a'), enter('a')]
  expect(second).toBe(first)
  ways.leave(first)
  clock.advance(idleClientMs)
  ways.closeIdle()
  define('a')
  expect(closed).toEqual([])
  ways.leave(second)
  expect(closed).toEqual(['a'])
  expect(enter('a')).not.toBe(first)
})

test('what is forgotten is closed, and is not known any more', () => {
  const { clock, ways, closed, define, enter } = makeWays()
  define('a')
  ways.leave(enter('a'))
  ways.forget('a')
  expect([closed, ways.enter('a')]).toEqual([['a'], undefined])
  clock.advance(idleClientMs)
  ways.closeIdle()
  expect(closed).toEqual(['a'])
})

test('a client that cannot be closed harms nobody', () => {
  const { ways, define } = makeWays()
  for (const close of [
    () => {
      throw new Error('broken')
    },
    () => Promise.reject(new Error('broken')),
  ]) {
    define('a')
    const way = ways.enter('a')!
    way.client = { close } as never
    ways.leave(way)
    expect(() => ways.forget('a')).not.toThrow()
    expect(way.client).toBeUndefined()
  }
})
