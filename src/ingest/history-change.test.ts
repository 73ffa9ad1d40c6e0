import { expect, test } from 'vitest'
import { decodeHistoryChange, encodeHistoryHead, noBookChanges } from './history-change.ts'

const rows = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5, 6)]

test('the head of a change with several rows says how long they are, and is read without them, too', () => {
  const head = encodeHistoryHead(noBookChanges, 7, rows)
  const alone = decodeHistoryChange(head)
  const whole = decodeHistoryChange(Buffer.concat([head, ...rows]))
  expect([alone, whole]).toEqual([
    { books: noBookChanges, first: 7, sizes: [3, 1, 2], rows: rows.map(() => new Uint8Array()) },
    { books: noBookChanges, first: 7, sizes: [3, 1, 2], rows },
  ])
})
