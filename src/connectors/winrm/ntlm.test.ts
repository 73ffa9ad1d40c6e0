import fc from 'fast-check'
import { expect, test } from 'vitest'
import { accountOf, authenticateMessage, blobOf, negotiateMessage, proofOf, readChallenge, Sealing } from './ntlm.ts'
import { md4, Rc4 } from './old-ciphers.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')

// RFC 1320, A.5
const digests: [string, string][] = [
  ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
  ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
  ['message digest', 'd9130a8164549fe818874806e1c7014b'],
  [
    '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
    'e33b4ddc9c38f2199c3e7b164fcc0536',
  ],
]
test.each(digests)('the digest of %j', (text, wanted) => {
  expect(md4(Buffer.from(text)).toString('hex')).toBe(wanted)
})

test('the stream cipher gives what is known of it', () => {
  expect([
    new Rc4(Buffer.from('Key')).run(Buffer.from('Plaintext')).toString('hex'),
    new Rc4(Buffer.from('Wiki')).run(Buffer.from('pedia')).toString('hex'),
  ]).toEqual(['bbf316e8d940af0ad3', '1021bf0420'])
})

// The example of the specification: MS-NLMP 4.2.4, "User", "Password", "Domain".
const example = { domain: 'Domain', username: 'User', password: 'Password' }
const serverChallenge = hex('0123456789abcdef')
const targetInfo = hex('02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000')

test('the proof of the specification’s example comes out', () => {
  const blob = blobOf(Buffer.alloc(8), Buffer.alloc(8, 0xaa), targetInfo)
  const { key, proof, sessionKey } = proofOf(example, serverChallenge, blob)
  expect([key, proof, sessionKey].map((one) => one.toString('hex'))).toEqual([
    '0c868a403bfd7a93a3001ef22ef02e3f',
    '68cd0ab851e51c96aabc927bebef6a1c',
    '8de40ccadbc14a82f15cb0ad0de95ca3',
  ])
})

test('the sealed message of the specification’s example comes out, and is opened by the other side once', () => {
  const sessionKey = Buffer.alloc(16, 0x55)
  const sealed = new Sealing(sessionKey, 'client-to-server').seal(Buffer.from('Plaintext', 'utf16le'))
  const other = new Sealing(sessionKey, 'client-to-server')
  expect([
    sealed.subarray(0, 16).toString('hex'),
    sealed.subarray(16).toString('hex'),
    other.open(sealed)?.toString('utf16le'),
    other.open(sealed),
  ]).toEqual(['010000007fb38ec5c55d497600000000', '54e50165bf1936dc996020c1811b0f06fb5f', 'Plaintext', undefined])
})

function challengeMessage(info: Buffer): Buffer {
  const head = Buffer.alloc(56)
  head.write('NTLMSSP\0', 'latin1')
  head.writeUInt32LE(2, 8)
  serverChallenge.copy(head, 24)
  head.writeUInt16LE(info.length, 40)
  head.writeUInt16LE(info.length, 42)
  head.writeUInt32LE(56, 44)
  return Buffer.concat([head, info])
}

test('an answer names the account, and the server’s time where it tells one', () => {
  const timed = Buffer.concat([targetInfo.subarray(0, -4), hex('0700 0800 1122334455667788 00000000')])
  const seen = [targetInfo, timed].map((info) => {
    const message = challengeMessage(info)
    const read = readChallenge(message)
    if (read === undefined) throw new Error('not read')
    const negotiate = negotiateMessage()
    const answer = authenticateMessage(example, read, { negotiate, challenge: message }, Buffer.alloc(24, 7), 0).message
    const field = (i: number) => {
      const at = answer.readUInt32LE(16 + i * 8)
      return answer.subarray(at, at + answer.readUInt16LE(12 + i * 8))
    }
    return [
      field(2).toString('utf16le'),
      field(3).toString('utf16le'),
      field(1).subarray(24, 32).toString('hex'),
      field(0).every((byte) => byte === 0),
      answer.subarray(72, 88).every((byte) => byte === 0),
    ]
  })
  expect(seen).toEqual([
    ['Domain', 'User', '00803ed5deb19d01', false, true],
    ['Domain', 'User', '1122334455667788', true, false],
  ])
})

// as written → domain and user
const accounts: [string, string, string][] = [
  ['user', '', 'user'],
  ['CORP\\user', 'CORP', 'user'],
  ['user@corp.example', '', 'user@corp.example'],
  ['.\\user', '', 'user'],
]
test.each(accounts)('%s', (written, domain, username) => {
  expect(accountOf(written, 'x')).toEqual({ domain, username, password: 'x' })
})

test('whatever a server sends is a challenge or none', () => {
  const whole = challengeMessage(targetInfo)
  const mutated = fc
    .tuple(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 8 }), fc.nat(whole.length))
    .map(([at, bytes, end]) => {
      const other = Buffer.from(whole)
      other.set(bytes.subarray(0, other.length - at), at)
      return other.subarray(0, end)
    })
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      ),
      (message) => {
        const read = readChallenge(message)
        if (read === undefined) return
        const said = { negotiate: negotiateMessage(), challenge: message }
        expect(authenticateMessage(example, read, said, Buffer.alloc(24), 0).message.length > 88).toBe(true)
      },
    ),
  )
})
