import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listenerIn, versionQuestion } from './listener.ts'

function packet(kind: number, text: string): Buffer {
  const bytes = Buffer.alloc(12 + text.length)
  bytes.writeUInt16BE(bytes.length, 0)
  bytes[4] = kind
  bytes.write(text, 12, 'latin1')
  return bytes
}

// what comes → what is said of it
const answers: [string, Buffer, string | undefined][] = [
  ['version 19', packet(4, '(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0))'), '19.0.0'],
  ['version 11.2', packet(4, '(DESCRIPTION=(TMP=)(VSNNUM=186647552)(ERR=1189))'), '11.2.0'],
  ['one that keeps its version to itself', packet(4, '(DESCRIPTION=(ERR=1189))'), ''],
  ['one that wants it said again', Buffer.from([0, 8, 0, 0, 11, 0, 0, 0]), ''],
  ['half of it', packet(4, '(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0))').subarray(0, 20), undefined],
  ['the question itself', versionQuestion, undefined],
  ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
]
test.each(answers)('%s', (_, bytes, wanted) => {
  expect(listenerIn(bytes)).toBe(wanted)
})

test('whatever a port says, it is one or it is not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.string(), fc.nat(12), (noise, text, kind) => {
      listenerIn(Buffer.from(noise))
      listenerIn(packet(kind, `(VSNNUM=${text})`))
    }),
  )
})
