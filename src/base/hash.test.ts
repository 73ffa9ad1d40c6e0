import { expect, test } from 'vitest'
import { hash53, pathId } from './hash.ts'
import { seededRandom } from './random.ts'

test('ids are those that data directories of all versions hold', () => {
  expect([
    pathId(),
    pathId(''),
    pathId('acme', 'shop', 'http', 'web', 'http.response'),
    pathId('größe', '日本', '\u{1F600}'),
  ]).toEqual(['6c8wzs8fs1kz98hrb9of', '7v8a1w58tp6igg31ko6p', 'a4xkztuyyu09r0gfm468', 'ta8q1idju1ohgvejhlak'])
})

test('an id is the last ten digits to the base 36 of each of two hashes', () => {
  const random = seededRandom(1)
  const names = Array.from({ length: 2_000 }, () =>
    String.fromCodePoint(...Array.from({ length: 5 }, () => 32 + Math.floor(random() * 500))),
  )
  const digitsOf = (name: string, seed: number) =>
    hash53(`${name.length}:${name}`, seed).toString(36).padStart(10, '0').slice(-10)
  expect(names.map((name) => pathId(name))).toEqual(names.map((name) => digitsOf(name, 1) + digitsOf(name, 2)))
})
