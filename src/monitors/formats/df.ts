/** One line of `df -P`: kibibytes, or inodes with `-i`. A number that the file system does not have is undefined. */
export interface DfLine {
  readonly source: string
  readonly mount: string
  readonly size: number | undefined
  readonly used: number | undefined
  readonly available: number | undefined
}

/** What `df -P` prints, one line for each file system; of several at one place the last, which is the one that is seen. */
export function parseDf(text: string): DfLine[] {
  const lines = new Map<string, DfLine>()
  for (const line of text.split('\n')) {
    if (line.length > 10_000) continue
    // From the back: the numbers are the last five words before a path, whatever a source is called.
    const found = / +(\d{1,18}|-) +(-?\d{1,18}|-) +(-?\d{1,18}|-) +(?:-?\d{1,4}%|-) +(\/.*)$/.exec(line)
    if (found === null || found.index === 0) continue
    const [, size, used, available, mount] = found
    const source = line.slice(0, found.index).trim()
    lines.set(mount!, { source, mount: mount!, size: count(size), used: count(used), available: count(available) })
  }
  return [...lines.values()]
}

function count(text: string | undefined): number | undefined {
  return text === undefined || text === '-' ? undefined : Number(text)
}
