import { Binary, Decimal128, Long, ObjectId, Timestamp } from 'mongodb'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMongodb, plainDocument, questionOf } from './wire.ts'

test('values of BSON’s own become plain ones', () => {
  const given = {
    long: Long.fromString('9007199254740991'),
    decimal: Decimal128.fromString('1.5'),
    when: new Date(5),
    stamp: new Timestamp({ t: 1, i: 2 }),
    id: new ObjectId('000000000000000000000007'),
    bytes: new Binary(Buffer.from('ab')),
    list: [{ a: 1n }, undefined],
    nothing: null,
    map: new Map([['k', true]]),
  }
  expect(plainDocument(given)).toEqual({
    long: 9007199254740991,
    decimal: 1.5,
    when: 5,
    stamp: expect.any(String),
    id: '000000000000000000000007',
    bytes: expect.any(String),
    list: [{ a: 1 }, null],
    nothing: null,
    map: { k: true },
  })
})

test('whatever a server holds, what is made of it is JSON, and bounded', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true }), (given) => {
      JSON.stringify(plainDocument(given))
    }),
  )
  let deep: object = {}
  for (let i = 0; i < 5_000; i++) deep = { deep }
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, i]))
  expect([JSON.stringify(plainDocument(deep)).length < 500, Object.keys(plainDocument(wide)).length]).toEqual([
    true,
    10_000,
  ])
})

test('a server of MongoDB is known by its answer to one message', () => {
  const question = questionOf()
  const answer = Buffer.from(question)
  answer.writeInt32LE(question.readInt32LE(4), 8)
  const said = [answer, answer.subarray(0, 15), question, Buffer.from('HTTP/1.1 400 Bad Request\r\n'), Buffer.alloc(0)]
  expect([question.readInt32LE(0) === question.length, said.map(isMongodb)]).toEqual([
    true,
    [true, false, false, false, false],
  ])
})
