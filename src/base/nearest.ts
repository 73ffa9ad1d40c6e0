/** The number of single-character edits, with swaps of neighbours, between two words (optimal string alignment distance). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** The candidate a person most likely meant by `word`, or undefined where none is close. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // A hostile name may be megabytes long; nothing that long is a slip of the finger.
  if (word.length > 100) return undefined
  const wanted = word.toLowerCase()
  let best: { name: string; distance: number } | undefined
  for (const name of candidates) {
    const lower = name.toLowerCase()
    const distance = lower.startsWith(wanted) || wanted.startsWith(lower) ? 1 : editDistance(wanted, lower)
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  return best !== undefined && best.distance <= Math.max(1, Math.floor(wanted.length / 3)) ? best.name : undefined
}

/** A hint that names the nearest candidate, or lists a few of them. */
export function suggest(word: string, candidates: Iterable<string>): string {
  const all = [...candidates]
  const found = nearest(word, all)
  if (found !== undefined) return `Did you mean "${found}"?`
  if (all.length === 0) return ''
  const shown = all.slice(0, 12).join(', ')
  return `Known: ${shown}${all.length > 12 ? `, and ${all.length - 12} more` : ''}.`
}
