/**
 * A 53-bit hash of a text (cyrb53, two multiply-xor lanes). Fast, well spread, the same on every machine and version:
 * it places slots and names tasks, so it may never change. Not for secrets.
 */
export function hash53(text: string, seed = 0): number {
  let h1 = 0xdeadbeef ^ seed
  let h2 = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    h1 = Math.imul(h1 ^ code, 2654435761)
    h2 = Math.imul(h2 ^ code, 1597334677)
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
  return 4294967296 * (2097151 & h2) + (h1 >>> 0)
}

/** A stable id of 20 letters and digits for a path of names; 106 bits, so that chance never gives two the same. */
export function pathId(...names: readonly string[]): string {
  let text = ''
  for (const name of names) text += `${name.length}:${name}`
  return lastTenDigits(hash53(text, 1)) + lastTenDigits(hash53(text, 2))
}

const digits = '0123456789abcdefghijklmnopqrstuvwxyz'
const pairs = Array.from({ length: 36 ** 2 }, (_, i) => digits[Math.floor(i / 36)]! + digits[i % 36]!)

/**
 * The last ten digits of a hash to the base 36. By hand: `toString(36)` of numbers above 32 bits was three quarters of the cost of an id, 3.2 us
 * instead of 0.9 (one core, 50 characters), and a configuration of a hundred thousand tasks asks for three hundred thousand.
 */
function lastTenDigits(hash: number): string {
  const upper = Math.floor(hash / fiveDigits)
  return lastFiveDigits(upper % fiveDigits) + lastFiveDigits(hash - upper * fiveDigits)
}

const fiveDigits = 36 ** 5

function lastFiveDigits(number: number): string {
  const upper = Math.floor(number / 36 ** 2)
  return digits[Math.floor(upper / 36 ** 2)]! + pairs[upper % 36 ** 2]! + pairs[number % 36 ** 2]!
}
