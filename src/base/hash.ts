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
  const text = names.map((name) => `${name.length}:${name}`).join('')
  return (
    hash53(text, 1).toString(36).padStart(11, '0').slice(-10) +
    hash53(text, 2).toString(36).padStart(11, '0').slice(-10)
  )
}
