import { expect, test } from 'vitest'
import { RequestKeys } from './request-keys.ts'

const at = (boot: string, fingerprint = 'f') => ({ boot, fingerprint })

test('a start has one key, beside those of a few other starts, as long as the agent has the same own one', () => {
  const keys = new RequestKeys()
  const first = keys.of('a', at('1'))
  const again = keys.of('a', at('1'))
  const second = keys.of('a', at('2'))
  const beside = [keys.find('a', first.id, at('1')), keys.find('a', second.id, at('2'))]
  const wrong = [keys.find('a', first.id, at('2')), keys.find('b', first.id, at('1')), keys.find('a', 'x', at('1'))]
  for (const boot of ['3', '4', '5']) keys.of('a', at(boot))
  const crowded = [keys.find('a', first.id, at('1')), keys.find('a', second.id, at('2'))]
  const replaced = keys.of('a', at('5', 'g'))
  expect({
    isSame: again === first,
    isOther: second.id !== first.id && !second.secret.equals(first.secret),
    beside,
    wrong,
    crowded,
    afterReplacement: [keys.find('a', second.id, at('2')), keys.find('a', replaced.id, at('5', 'g'))],
  }).toEqual({
    isSame: true,
    isOther: true,
    beside: [first, second],
    wrong: [undefined, undefined, undefined],
    crowded: [undefined, second],
    afterReplacement: [undefined, replaced],
  })
})

test('keys of agents that are gone go with them', () => {
  const keys = new RequestKeys()
  const kept = keys.of('a', at('1'))
  const gone = keys.of('b', at('1'))
  keys.sweep((agent) => agent === 'a')
  expect([keys.find('a', kept.id, at('1')), keys.find('b', gone.id, at('1'))]).toEqual([kept, undefined])
})
