/** Spellings of sizes, and the bytes of one. */
export const bytesOf = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
} as const

/** Reads a size such as `2GiB`, `500MB`, `64KiB`, `10B`. @returns bytes, or undefined where the text is not a size */
export function parseSize(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*([kKMGT]i?B|B)$/.exec(text.trim())
  if (found === null || !(found[2]! in bytesOf)) return undefined
  return Math.round(Number(found[1]) * bytesOf[found[2] as keyof typeof bytesOf])
}

/** Writes bytes with the largest binary unit that divides them without rest: 2147483648 is `2GiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    if (bytes !== 0 && bytes % bytesOf[unit] === 0) return `${bytes / bytesOf[unit]}${unit}`
  }
  return `${bytes}B`
}
