import fc from 'fast-check'
import { expect, test } from 'vitest'
import { prelogin, versionIn } from './prelogin.ts'

const answer = Buffer.from([4, 1, 0, 26, 0, 0, 0, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0x10, 0x68, 0, 0, 2])

test('a server is known by the version in its answer', () => {
  const far = Buffer.from(answer)
  far.writeUInt16BE(4_000, 9)
  const said = [
    answer,
    answer.subarray(0, 20),
    prelogin,
    far,
    Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
    Buffer.alloc(0),
  ]
  expect([prelogin.length === prelogin.readUInt16BE(2), said.map(versionIn)]).toEqual([
    true,
    ['16.0.4200', undefined, undefined, undefined, undefined, undefined],
  ])
})

test('whatever a port says, it is one or it is not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(26), (noise, cut) => {
      versionIn(Buffer.from(noise))
      versionIn(Buffer.concat([answer.subarray(0, cut), noise]))
    }),
  )
})
