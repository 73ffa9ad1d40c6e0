import { argon2, createHash, randomBytes, timingSafeEqual, type Argon2Parameters } from 'node:crypto'
import { FarwatchError } from '../base/index.ts'

/** The costs of a new hash. Those of a stored one are read from it, so that they may be raised at any time. */
interface Costs {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

// OWASP's first recommendation for argon2id after 46 MiB/1: 19 MiB, 2 passes, 1 lane. Enough against guessing offline, and a
// sign-in flood cannot exhaust a small machine's memory: libuv runs at most four at a time.
const costs: Costs = { memoryKiB: 19_456, passes: 2, parallelism: 1 }
const maxPasswordLength = 1_000

/** Hashes a password with argon2id off the event loop. @returns PHC string form: `$argon2id$v=19$m=…,t=…,p=…$salt$hash` */
export async function hashPassword(password: string): Promise<string> {
  if (password.length > maxPasswordLength)
    throw new FarwatchError('invalid-value', `a password has at most ${maxPasswordLength} characters`)
  const salt = randomBytes(16)
  const hash = await derive(password, salt, costs, 32)
  return `$argon2id$v=19$m=${costs.memoryKiB},t=${costs.passes},p=${costs.parallelism}$${unpadded(salt)}$${unpadded(hash)}`
}

/**
 * Whether a password is the one that was hashed, in a time that does not depend on where they differ.
 * With `undefined` for the hash (no such user) it takes as long and says no, so that names cannot be probed.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  if (password.length > maxPasswordLength) return false
  if (stored === undefined) {
    await derive(password, randomBytes(16), costs, 32)
    return false
  }
  const found = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
    stored,
  )
  if (found === null) throw new FarwatchError('storage-corrupt', 'a stored password hash is not of a known form')
  const expected = Buffer.from(found[5]!, 'base64')
  const given = await derive(
    password,
    Buffer.from(found[4]!, 'base64'),
    { memoryKiB: Number(found[1]), passes: Number(found[2]), parallelism: Number(found[3]) },
    expected.length,
  )
  return timingSafeEqual(given, expected)
}

/**
 * A new bearer token: `fw_` and 256 random bits. Only the hash is stored; a token is as long as a key, so one round of SHA-256 is
 * enough and a request costs microseconds.
 */
export function newToken(): { readonly token: string; readonly hash: string } {
  const token = `fw_${randomBytes(32).toString('base64url')}`
  return { token, hash: hashToken(token) }
}

/** What is stored of a token: SHA-256, hexadecimal. Looking it up by this leaks nothing by its timing. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function derive(password: string, salt: Uint8Array, cost: Costs, tagLength: number): Promise<Buffer> {
  // Two keyboards may send one letter in two Unicode forms; NFKC makes them the same password.
  const parameters: Argon2Parameters = {
    message: password.normalize('NFKC'),
    nonce: salt,
    parallelism: cost.parallelism,
    memory: cost.memoryKiB,
    passes: cost.passes,
    tagLength,
  }
  return new Promise((done, failed) => {
    argon2('argon2id', parameters, (error, key) => (error === null ? done(key) : failed(error)))
  })
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
