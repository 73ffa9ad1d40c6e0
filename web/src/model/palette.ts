/** Something the palette leads to: a page, a system, an act. */
export interface Entry {
  readonly key: string
  readonly kind: 'page' | 'system' | 'group' | 'agent' | 'act'
  readonly name: string
  /** Further words it is found by, and that tell it from others of its name. */
  readonly hint: string
}

/** A list that is longer is not read. */
const mostFound = 30

/**
 * The entries in which every word is found, best first: those whose name begins with the first word, then those whose name has it,
 * then the rest; among equals pages and acts come before systems, for there are few of them.
 */
export function findEntries<E extends Entry>(entries: readonly E[], text: string): E[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  // What is part of another is found by its name alone.
  if (words.length === 0)
    return entries.filter(({ kind, hint }) => (kind === 'page' || kind === 'act') && hint === '').slice(0, mostFound)
  const found: { entry: E; rank: number }[] = []
  for (const entry of entries) {
    const name = entry.name.toLowerCase()
    const hay = `${name}\n${entry.hint.toLowerCase()}`
    if (!words.every((word) => hay.includes(word))) continue
    const nearness = name.startsWith(words[0]!) ? 0 : name.includes(words[0]!) ? 2 : 4
    found.push({ entry, rank: nearness + (entry.kind === 'page' || entry.kind === 'act' ? 0 : 1) })
  }
  // The sort keeps the order of equals.
  return found
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, mostFound)
    .map(({ entry }) => entry)
}
