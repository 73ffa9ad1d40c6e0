import { expect, test } from 'vitest'
import { Isolation, type Uplink } from './isolation.ts'

/** `a+` target a is fine, `a-` it is out of reach; the uplink: `|` goes down, `?` is not known, `^` comes back; each a second after the other. */
function story(text: string): string {
  const isolation = new Isolation()
  let uplink: Uplink = 'up'
  let at = 0
  const verdicts: string[] = []
  for (const word of text.split(' ')) {
    at += 1_000
    if (word === '|') uplink = 'down'
    else if (word === '?') uplink = 'unknown'
    else if (word === '^') uplink = 'up'
    else verdicts.push(isolation.judge(word[0]!, word[1] === '-', () => uplink, at)[0]!)
  }
  return verdicts.join('')
}

test.each([
  ['targets that fail while we reach the server are down', 'a+ b+ c+ a- b- c-', 'rrrrrr'],
  ['half of the targets together, and no uplink: it is us', 'a+ b+ c+ d+ | a- b- c- d-', 'rrrrhhii'],
  ['two targets are never enough', 'a+ b+ | a- b-', 'rrhh'],
  ['a target that was down before does not count', 'a- b+ c+ | a- b- c-', 'rrrrhh'],
  [
    'what runs on this machine or near it says nothing about the uplink',
    'a+ b+ c+ l+ | a- b- c- l+ a- l+ b-',
    'rrrrhhiriri',
  ],
  ['while the uplink is not known nothing is told', 'a+ b+ c+ ? a- b- c- | a-', 'rrrhhhi'],
  ['most targets are back although the server is not', 'a+ b+ c+ d+ | a- b- c- a+ b+ c-', 'rrrrhhirrh'],
  ['when the uplink is back, targets are judged by themselves again', 'a+ b+ c+ | a- b- c- ^ a-', 'rrrhhir'],
])('%s', (_name, text, verdicts) => {
  expect(story(text)).toBe(verdicts)
})

test('what is held is told once it is clear whose fault it was, and in five seconds in any case', () => {
  const isolation = new Isolation()
  expect([
    isolation.settle(0, 'down', 4_000),
    isolation.settle(0, 'unknown', 4_000),
    isolation.settle(0, 'up', 100),
    isolation.settle(0, 'down', 5_000),
  ]).toEqual(['hold', 'hold', 'report', 'report'])
})
