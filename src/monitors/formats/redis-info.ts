/**
 * The text that Redis answers to INFO: `# Section` lines, and `name:value` lines whose values are numbers, words, or `a=1,b=2`.
 * Names are the same in Valkey and KeyDB; which there are depends on the version.
 */

const mostFields = 5_000

export type RedisInfo = ReadonlyMap<string, string>

/** Reads what can be read; a line that is no field is passed over. The first of two fields with one name counts. */
export function parseRedisInfo(text: string): RedisInfo {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1 || line.startsWith('#') || fields.size >= mostFields) continue
    const name = line.slice(0, colon)
    if (!fields.has(name)) fields.set(name, line.slice(colon + 1).trim())
  }
  return fields
}

/** A field as a number; undefined where it is missing or none. */
export function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d+(\.\d+)?(e[+-]?\d+)?%?$/i.test(text)) return undefined
  const value = Number(text.replace('%', ''))
  // Nothing that can be counted is larger; shares of what is smaller stay finite.
  return Math.abs(value) < 1e100 ? value : undefined
}

/** `ip=10.0.0.6,port=6379,state=online` as its parts. */
export function partsOf(text: string): Readonly<Record<string, string>> {
  const parts: [string, string][] = []
  for (const part of text.split(',').slice(0, 100)) {
    const equals = part.indexOf('=')
    if (equals > 0) parts.push([part.slice(0, equals), part.slice(equals + 1)])
  }
  return Object.fromEntries(parts)
}
