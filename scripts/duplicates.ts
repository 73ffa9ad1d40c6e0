import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The same run of lines in two places. */
export interface Duplicate {
  readonly lines: number
  /** `file:line` of both beginnings. */
  readonly places: readonly [string, string]
}

// Shorter runs are mostly the shape of the language: parameter lists, switch arms, closing braces.
const shortestRun = 12

/**
 * Finds runs of equal lines, white space aside, in the program's own files. Imports, comments and lines without a word do not count:
 * they are alike by nature.
 */
export function findDuplicates(root: string, patterns: readonly string[]): Duplicate[] {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()
  const lines = files.flatMap((file) =>
    meaningfulLines(readFileSync(join(root, file), 'utf8')).map((line) => ({ ...line, file })),
  )
  const windows = new Map<string, number[]>()
  for (let start = 0; start + shortestRun <= lines.length; start++) {
    if (lines[start]!.file !== lines[start + shortestRun - 1]!.file) continue
    const key = lines
      .slice(start, start + shortestRun)
      .map(({ text }) => text)
      .join('\n')
    const known = windows.get(key)
    if (known === undefined) windows.set(key, [start])
    else known.push(start)
  }
  const found: Duplicate[] = []
  const reported = new Set<string>()
  for (const starts of windows.values()) {
    for (const second of starts.slice(1)) {
      const first = starts[0]!
      // The window before this one matched as well: part of a run that is reported already.
      if (reported.has(`${first - 1} ${second - 1}`)) {
        reported.add(`${first} ${second}`)
        continue
      }
      reported.add(`${first} ${second}`)
      let length = shortestRun
      while (
        lines[second + length]?.text === lines[first + length]?.text &&
        lines[second + length]?.file === lines[second]!.file &&
        lines[first + length]?.file === lines[first]!.file
      )
        length++
      const place = (at: number): string => `${lines[at]!.file}:${lines[at]!.number}`
      found.push({ lines: length, places: [place(first), place(second)] })
    }
  }
  return found
}

function meaningfulLines(text: string): { text: string; number: number }[] {
  const kept: { text: string; number: number }[] = []
  let inImport = false
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (
      /^(import|export)\b.*[{*]/.test(line) &&
      !line.includes(' from ') &&
      !/^export (const|function|interface|type|class|async)/.test(line)
    )
      inImport = true
    const skipped = inImport || /^import\b/.test(line) || /^(\/\/|\/\*|\*)/.test(line) || !/[A-Za-z0-9]/.test(line)
    if (inImport && line.includes(' from ')) inImport = false
    if (!skipped) kept.push({ text: line.replace(/\s+/g, ' '), number: index + 1 })
  }
  return kept
}
