import { array, assert, integer, property, string, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { BodyTooLarge, HttpAnswer, NotHttp } from './http-answer.ts'

const limit = 1_000

/** What is read of pieces that come one after another, after which the connection ends. */
function read(pieces: readonly Uint8Array[], method = 'GET') {
  const answer = new HttpAnswer(method, limit)
  try {
    for (const piece of pieces) answer.push(Buffer.from(piece))
    const isComplete = answer.end()
    const { status, headers, keepsConnection } = answer
    return isComplete ? { status, headers: { ...headers }, body: answer.body().toString(), keepsConnection } : 'cut off'
  } catch (thrown) {
    if (thrown instanceof NotHttp) return thrown.code
    if (thrown instanceof BodyTooLarge) return 'too large'
    throw thrown
  }
}

const shown = (text: string, method?: string) => read([Buffer.from(text, 'latin1')], method)
const ok = (headers: Record<string, string>, body: string, keepsConnection: boolean, status = 200) => ({
  status,
  headers,
  body,
  keepsConnection,
})

// RFC 9112: what comes → what it is
const answers: [string, string, ReturnType<typeof read>][] = [
  ['a body with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', ok({ 'content-length': '2' }, 'hi', true)],
  [
    'a connection that is to end',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: Close\r\n\r\nhi',
    ok({ 'content-length': '2', connection: 'Close' }, 'hi', false),
  ],
  ['a body until the end', 'HTTP/1.1 200 OK\r\n\r\nhi', ok({}, 'hi', false)],
  [
    'HTTP/1.0 that keeps its connection',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
    ok({ connection: 'keep-alive', 'content-length': '0' }, '', true),
  ],
  [
    'chunks with extensions and trailers',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\ntrailer: t\r\n\r\n',
    ok({ 'transfer-encoding': 'Chunked' }, 'hi!', true),
  ],
  [
    'an interim answer before the one that counts',
    'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    ok({}, '', true, 204),
  ],
  [
    'no words after the status',
    'HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n',
    ok({ 'content-length': '0' }, '', true, 404),
  ],
  [
    'several values of one name, a second type, and a line that goes on',
    'HTTP/1.1 304 x\r\nA: 1\r\na: 2\r\ncontent-type: t\r\nContent-Type: u\r\nb: x\r\n  y\r\nconstructor: c\r\n\r\n',
    ok({ a: '1, 2', 'content-type': 't', b: 'x y', constructor: 'c' }, '', true, 304),
  ],
  [
    'more than the answer',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi and more',
    ok({ 'content-length': '2' }, 'hi', false),
  ],
  ['a head alone', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n', 'cut off'],
  ['a cut chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi', 'cut off'],
  ['half a head', 'HTTP/1.1 200 OK\r\ncontent-le', 'cut off'],
  ['nothing', '', 'cut off'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'HPE_INVALID_CONSTANT'],
  ['a later version', 'HTTP/2.0 200 OK\r\n\r\n', 'HPE_INVALID_CONSTANT'],
  ['a status that is none', 'HTTP/1.1 20 OK\r\n\r\n', 'HPE_INVALID_STATUS'],
  ['an upgrade', 'HTTP/1.1 101 Switching\r\n\r\n', 'HPE_UNEXPECTED_UPGRADE'],
  ['a name with a space', 'HTTP/1.1 200 OK\r\na b: c\r\n\r\n', 'HPE_INVALID_HEADER_TOKEN'],
  ['a header without a name', 'HTTP/1.1 200 OK\r\nabc\r\n\r\n', 'HPE_INVALID_HEADER_TOKEN'],
  ['a control character', 'HTTP/1.1 200 OK\r\na: \0\r\n\r\n', 'HPE_INVALID_HEADER_TOKEN'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 'HPE_UNEXPECTED_CONTENT_LENGTH'],
  [
    'chunks and a length',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    'HPE_UNEXPECTED_CONTENT_LENGTH',
  ],
  ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n', 'HPE_INVALID_CONTENT_LENGTH'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n', 'HPE_INVALID_TRANSFER_ENCODING'],
  ['a size that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n', 'HPE_INVALID_CHUNK_SIZE'],
  ['a head without an end', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(20_000)}`, 'HPE_HEADER_OVERFLOW'],
  [
    'trailers without an end',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(4_000)}`,
    'HPE_HEADER_OVERFLOW',
  ],
  ['a length beyond the limit', 'HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n', 'too large'],
  ['a body beyond the limit', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1_001)}`, 'too large'],
]
test.each(answers)('%s', (_, text, wanted) => {
  expect(shown(text)).toEqual(wanted)
})

test('the answer to HEAD has no body, whatever its length', () => {
  expect(shown('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n', 'HEAD')).toEqual(
    ok({ 'content-length': '5000' }, '', true),
  )
})

test('it does not matter in which pieces an answer comes', () => {
  assert(
    property(integer({ min: 0, max: answers.length - 1 }), array(integer({ min: 1, max: 40 })), (which, sizes) => {
      const [, text, wanted] = answers[which]!
      const bytes = Buffer.from(text, 'latin1')
      const pieces: Buffer[] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i] ?? bytes.length
        pieces.push(bytes.subarray(at, at + size))
        at += size
      }
      expect(read(pieces)).toEqual(wanted)
    }),
  )
})

test('whatever comes, it is an answer, or is named as none', () => {
  const head = 'HTTP/1.1 200 OK\r\n'
  const kinds = ['object', 'string']
  assert(
    property(array(uint8Array()), string(), (pieces, text) => {
      const seen = [read(pieces), read([Buffer.from(head + text), ...pieces]), shown(`${head}\r\n${text}`)]
      expect(seen.every((one) => kinds.includes(typeof one))).toBe(true)
    }),
  )
})
