import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NotResp, readReply, RespError, writeCommand } from './resp.ts'

const read = (text: string) => {
  try {
    return readReply(Buffer.from(text))?.reply
  } catch (thrown) {
    if (thrown instanceof NotResp) return thrown.message
    throw thrown
  }
}

// what comes → the reply, nothing where more must come, or why it is none
const replies: [string, unknown][] = [
  ['+OK\r\n', 'OK'],
  [':-7\r\n', -7],
  ['$5\r\nhällo\r\n', 'a text of another length'],
  ['$7\r\nhällo\r\n', undefined],
  ['$6\r\nhällo\r\n', 'hällo'],
  ['$0\r\n\r\n', ''],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['*3\r\n:1\r\n$1\r\na\r\n*0\r\n', [1, 'a', []]],
  ['*2\r\n:1\r\n', undefined],
  ['-ERR no\r\n', new RespError('ERR no')],
  ['+OK', undefined],
  ['', undefined],
  ['HTTP/1.1 400 Bad Request\r\n', 'an unknown kind of reply'],
  ['$x\r\n', 'a number that is none'],
  ['*999999999\r\n', 'a list too deep or too long'],
  ['*1\r\n'.repeat(20), 'a list too deep or too long'],
]
test.each(replies)('%j', (text, wanted) => {
  expect(read(text)).toEqual(wanted)
})

test('what is no reply never crashes, and what is cut is waited for', () => {
  fc.assert(
    fc.property(fc.string(), fc.stringMatching(/^[+\-:$*][0-9a-z\r\n$*:+-]*$/), (noise, near) => {
      read(noise)
      read(near)
    }),
  )
  const words = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(words, (said) => {
      const sent = Buffer.from(writeCommand(said))
      for (let cut = 0; cut < sent.length; cut++) expect(readReply(sent.subarray(0, cut))).toBeUndefined()
      expect(readReply(sent)).toEqual({ reply: said, next: sent.length })
    }),
    { numRuns: 30 },
  )
})
