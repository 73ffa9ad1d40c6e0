export interface PsLine {
  /** `S`, `R`, `D`, `Z` …, and more letters after it. */
  readonly state: string
  /** Bytes in memory. */
  readonly memory: number
  /** Seconds since it was started. */
  readonly age: number
  /** Seconds of processors that it has used. */
  readonly cpu: number
  readonly args: string
}

/** What `ps -o stat= -o rss= -o etime= -o time= -o args=` prints. */
export function parsePs(text: string): PsLine[] {
  const lines: PsLine[] = []
  for (const line of text.split('\n')) {
    const found = /^\s*([A-Z][A-Za-z+<]{0,10})\s+(\d{1,15})\s+(\S{1,30})\s+(\S{1,30})\s+(\S.*)$/.exec(line)
    if (found === null) continue
    const [age, cpu] = [clockSeconds(found[3]!), clockSeconds(found[4]!)]
    if (age === undefined || cpu === undefined) continue
    lines.push({ state: found[1]!, memory: Number(found[2]) * 1024, age, cpu, args: found[5]!.trim() })
  }
  return lines
}

/** `[[days-]hours:]minutes:seconds` as seconds. */
function clockSeconds(text: string): number | undefined {
  const found = /^(?:(\d{1,6})-)?(?:(\d{1,6}):)?(\d{1,6}):(\d{1,6})$/.exec(text)
  if (found === null) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0))
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
}
