import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const maxIterations = 1_000_000

export interface Scram {
  /** The first words. */
  readonly first: string
  /** The last words, from what the server answered to the first. Throws where that is not of the documented form. */
  last(answer: string): Promise<string>
  /** Whether what the server said at the end shows that it knows the password as well. */
  isServer(answer: string): boolean
}

/** Shows that one knows a password without saying it (RFC 5802). */
export function beginScram(
  hash: 'sha256' | 'sha512',
  { username, secret }: { username: string; secret: string },
): Scram {
  const nonce = randomBytes(18).toString('base64')
  const bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
  let expected: Buffer | undefined
  return {
    first: `n,,${bare}`,
    async last(answer) {
      const said = fieldsOf(answer)
      const salt = Buffer.from(said['s'] ?? '', 'base64')
      const iterations = Number(said['i'])
      // Who can name any number could have us compute for hours; one below 4096 would make the password easy to find.
      const isSound = Number.isInteger(iterations) && iterations >= 4_096 && iterations <= maxIterations
      if (said['r']?.startsWith(nonce) !== true || salt.length === 0 || !isSound)
        throw new Error('the server does not follow the exchange')
      const length = hash === 'sha256' ? 32 : 64
      const salted = await promisify(pbkdf2)(secret.normalize('NFKC'), salt, iterations, length, hash)
      const clientKey = hmac(salted, 'Client Key')
      const storedKey = createHash(hash).update(clientKey).digest()
      const unproven = `c=biws,r=${said['r']}`
      const whole = `${bare},${answer},${unproven}`
      const signature = hmac(storedKey, whole)
      expected = hmac(hmac(salted, 'Server Key'), whole)
      const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!))
      return `${unproven},p=${proof.toString('base64')}`
    },
    isServer(answer) {
      const shown = Buffer.from(fieldsOf(answer)['v'] ?? '', 'base64')
      return expected !== undefined && shown.length === expected.length && timingSafeEqual(shown, expected)
    },
  }
}

function fieldsOf(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(
    text.split(',').flatMap((field) => (field[1] === '=' ? [[field[0]!, field.slice(2)] as const] : [])),
  )
}
