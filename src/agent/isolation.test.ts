import { expect, test } from 'vitest'
import { Isolation } from './isolation.ts'

/** `a+` target a is fine, `a-` it is out of reach; `|` the uplink goes down, `^` it comes back; each a second after the other. */
function story(text: string): string {
  const isolation = new Isolation()
  let down = false
  let at = 0
  const verdicts: string[] = []
  for (const word of text.split(' ')) {
    at += 1_000
    if (word === '|') down = true
    else if (word === '^') down = false
    else verdicts.push(isolation.judge(word[0]!, word[1] === '-', down, at)[0]!)
  }
  return verdicts.join('')
}

test.each([
  ['targets that fail while we reach the server are down', 'a+ b+ c+ a- b- c-', 'rrrrrr'],
  ['half of the targets together, and no uplink: it is us', 'a+ b+ c+ d+ | a- b- c- d-', 'rrrrhhii'],
  ['two targets are never enough', 'a+ b+ | a- b-', 'rrhh'],
  ['a target that was down before does not count', 'a- b+ c+ | a- b- c-', 'rrrrhh'],
  ['when the uplink is back, targets are judged by themselves again', 'a+ b+ c+ | a- b- c- ^ a-', 'rrrhhir'],
])('%s', (_name, text, verdicts) => {
  expect(story(text)).toBe(verdicts)
})

test('what is held is told once it is clear whose fault it was, and in five seconds in any case', () => {
  const isolation = new Isolation()
  expect([isolation.settle(0, true, 4_000), isolation.settle(0, false, 100), isolation.settle(0, true, 5_000)]).toEqual(
    ['hold', 'report', 'report'],
  )
})
