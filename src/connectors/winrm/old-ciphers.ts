/** MD4 and RC4, which NTLM is made of and which OpenSSL has given up. Good for talking to Windows alone. */

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))

/** The digest of RFC 1320, 16 bytes. */
export function md4(text: Uint8Array): Buffer {
  const padded = Buffer.alloc(((text.length + 8) >> 6) * 64 + 64)
  padded.set(text)
  padded[text.length] = 0x80
  padded.writeBigUInt64LE(BigInt(text.length) * 8n, padded.length - 8)
  let [a, b, c, d] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let at = 0; at < padded.length; at += 64) {
    const word = (i: number) => padded.readInt32LE(at + i * 4)
    const before = [a, b, c, d] as const
    for (let i = 0; i < 48; i++) {
      const round = i >> 4
      const within = i & 15
      // The order of the words and the turns of each of the three rounds, as the RFC lists them.
      const [mixed, index, turn] =
        round === 0
          ? [(b & c) | (~b & d), within, [3, 7, 11, 19][within & 3]!]
          : round === 1
            ? [((b & c) | (b & d) | (c & d)) + 0x5a827999, (within & 3) * 4 + (within >> 2), [3, 5, 9, 13][within & 3]!]
            : [(b ^ c ^ d) + 0x6ed9eba1, reversed[within]!, [3, 9, 11, 15][within & 3]!]
      const next = rotate((a + mixed + word(index)) | 0, turn)
      ;[a, b, c, d] = [d, next, b, c]
    }
    a = (a + before[0]) | 0
    b = (b + before[1]) | 0
    c = (c + before[2]) | 0
    d = (d + before[3]) | 0
  }
  const digest = Buffer.alloc(16)
  for (const [i, part] of [a, b, c, d].entries()) digest.writeInt32LE(part | 0, i * 4)
  return digest
}

/** Two bits of the number in reverse, and the other two: the third round's order of words. */
const reversed = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]

/** A stream that goes on from one text to the next; the same one enciphers and deciphers. */
export class Rc4 {
  readonly #state = Uint8Array.from({ length: 256 }, (_, i) => i)
  #i = 0
  #j = 0

  constructor(key: Uint8Array) {
    const state = this.#state
    let j = 0
    for (let i = 0; i < 256; i++) {
      j = (j + state[i]! + key[i % key.length]!) & 255
      ;[state[i], state[j]] = [state[j]!, state[i]!]
    }
  }

  run(text: Uint8Array): Buffer {
    const state = this.#state
    return Buffer.from(
      text.map((byte) => {
        this.#i = (this.#i + 1) & 255
        this.#j = (this.#j + state[this.#i]!) & 255
        ;[state[this.#i], state[this.#j]] = [state[this.#j]!, state[this.#i]!]
        return byte ^ state[(state[this.#i]! + state[this.#j]!) & 255]!
      }),
    )
  }
}
