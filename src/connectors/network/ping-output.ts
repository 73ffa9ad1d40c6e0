/**
 * Reads what `fping -C` prints on its standard error: for each target its name and the round trips in milliseconds, `-` for a lost one:
 * `10.0.0.1 : 0.31 - 0.29`. Lines of any other form are remarks and say nothing about round trips.
 */
export function parseFping(text: string): Map<string, { sent: number; roundTrips: number[] }> {
  const seen = new Map<string, { sent: number; roundTrips: number[] }>()
  for (const line of text.split('\n')) {
    const split = line.indexOf(' : ')
    if (split < 1) continue
    const words = line
      .slice(split + 3)
      .trim()
      .split(/\s+/)
    if (!words.every((word) => word === '-' || /^\d+(\.\d+)?$/.test(word))) continue
    seen.set(line.slice(0, split).trim(), {
      sent: words.length,
      roundTrips: words.filter((word) => word !== '-').map(Number),
    })
  }
  return seen
}

/**
 * Reads the round trips in milliseconds from what a system's `ping` prints, in whatever language: the answers bear `time=0.31 ms`, on Windows
 * `time<1ms TTL=64` or its translation. Answers that came twice count once.
 */
export function parsePing(text: string): number[] {
  const roundTrips: number[] = []
  for (const line of text.split('\n')) {
    if (line.includes('DUP!')) continue
    const unix = /\btime[=<](\d+(?:\.\d+)?) ?ms/.exec(line)
    const windows = /[=<]\s?(\d+)\s?ms\b.*\bTTL=/i.exec(line)
    const found = unix ?? windows
    if (found !== null) roundTrips.push(Number(found[1]))
  }
  return roundTrips
}
