import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventStreamReader } from './event-stream.ts'

test('events arrive whole whatever pieces they come in', () => {
  const stream =
    ': alive\n\ndata: {"is":"a"}\n\nevent: x\r\ndata: one\r\ndata: two\r\n\r\n: alive\n\ndata:last\n\ndata: unfinished'
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
      const reader = new EventStreamReader()
      const at = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
      const seen = at.slice(1).flatMap((end, i) => reader.push(stream.slice(at[i], end)))
      expect(seen).toEqual(['{"is":"a"}', 'one\ntwo', 'last'])
    }),
  )
})
