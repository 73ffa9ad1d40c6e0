import type { Unit } from '../../sdk/index.ts'

/** A range of a monitoring plugin: alert where the value is outside, or with `inside` within it. Bounds belong to the range. */
export interface PluginRange {
  readonly from: number
  readonly to: number
  readonly inside: boolean
}

/** One value of a plugin's performance data, in a base unit: seconds, bytes, percent or none. */
export interface Perfdata {
  readonly label: string
  readonly value: number
  readonly unit: Unit
  readonly counter: boolean
  readonly warning?: PluginRange
  readonly critical?: PluginRange
}

/**
 * Factor and base unit for each unit of measurement. The plugins' own MB are 1024 times 1024 bytes (check_disk, check_swap), whatever
 * the letters say elsewhere.
 */
const unitsOfMeasurement: Readonly<Record<string, readonly [factor: number, unit: Unit]>> = {
  '': [1, ''],
  s: [1, 's'],
  ms: [1e-3, 's'],
  us: [1e-6, 's'],
  ns: [1e-9, 's'],
  m: [60, 's'],
  h: [3_600, 's'],
  d: [86_400, 's'],
  '%': [1, '%'],
  c: [1, ''],
  b: [1, 'B'],
  kb: [1024, 'B'],
  mb: [1024 ** 2, 'B'],
  gb: [1024 ** 3, 'B'],
  tb: [1024 ** 4, 'B'],
  kib: [1024, 'B'],
  mib: [1024 ** 2, 'B'],
  gib: [1024 ** 3, 'B'],
  tib: [1024 ** 4, 'B'],
}

const maxValues = 500

/** Splits a plugin's output into its first line, the lines after it, and the performance data of both. */
export function splitPluginOutput(output: string): { text: string; more: string; perfdata: string } {
  const lines = output.replaceAll('\r', '').split('\n')
  const [text, firstData = ''] = cut(lines[0] ?? '')
  const more: string[] = []
  const data = [firstData]
  let inData = false
  for (const line of lines.slice(1)) {
    if (inData) {
      data.push(line)
      continue
    }
    const [before, after] = cut(line)
    more.push(before)
    if (after !== undefined) {
      inData = true
      data.push(after)
    }
  }
  return { text: text.trim(), more: more.join('\n').trim(), perfdata: data.join(' ').trim() }
}

function cut(line: string): [string, string | undefined] {
  const bar = line.indexOf('|')
  return bar < 0 ? [line, undefined] : [line.slice(0, bar), line.slice(bar + 1)]
}

/** Reads `'label'=value[UOM];warn;crit;min;max …`. Entries of another form and values that are unknown (`U`) are left out. */
export function parsePerfdata(text: string): Perfdata[] {
  const values = new Map<string, Perfdata>()
  for (const [label, rest] of entriesOf(text)) {
    if (values.size >= maxValues) break
    const one = label === '' ? undefined : readEntry(label.slice(0, 200), rest)
    if (one !== undefined) values.set(one.label, one)
  }
  return [...values.values()]
}

/**
 * The labels and what follows their equals signs, up to the next blank. Quoted labels may hold blanks and, doubled, quotes. Walks over the
 * text once: a pattern for this needs time in proportion to the square of a hostile text (40 s for 200 kB of quotes).
 */
function* entriesOf(text: string): Generator<[label: string, rest: string]> {
  let from = 0
  while (from < text.length) {
    if (/\s/.test(text[from]!)) {
      from++
      continue
    }
    let label = ''
    if (text[from] === "'") {
      const end = endOfQuoted(text, from + 1)
      label = text
        .slice(from + 1, end)
        .replaceAll("''", "'")
        .trim()
      from = end + 1
      if (text[from] !== '=') continue
    } else {
      const begin = from
      while (from < text.length && text[from] !== '=' && !/\s/.test(text[from]!)) from++
      if (text[from] !== '=') continue
      label = text.slice(begin, from)
    }
    const begin = ++from
    while (from < text.length && !/\s/.test(text[from]!)) from++
    yield [label, text.slice(begin, from)]
  }
}

/** The place of the quote that ends a label, or the end of the text. */
function endOfQuoted(text: string, from: number): number {
  for (let place = from; place < text.length; place++) {
    if (text[place] !== "'") continue
    if (text[place + 1] !== "'") return place
    place++
  }
  return text.length
}

function readEntry(label: string, text: string): Perfdata | undefined {
  const [measured = '', warn = '', crit = ''] = text.split(';')
  // Some plugins write numbers as their country does.
  const found = /^([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)([^\d\s;]*)$/.exec(measured)
  if (found === null) return undefined
  const written = found[2]!
  const known = Object.hasOwn(unitsOfMeasurement, written.toLowerCase())
    ? unitsOfMeasurement[written.toLowerCase()]
    : undefined
  const [factor, unit] = known ?? [1, '']
  const value = readNumber(found[1]!) * factor
  if (!Number.isFinite(value)) return undefined
  const warning = parseRange(warn, factor)
  const critical = parseRange(crit, factor)
  return {
    label,
    value,
    unit,
    counter: written === 'c',
    ...(warning === undefined ? {} : { warning }),
    ...(critical === undefined ? {} : { critical }),
  }
}

function readNumber(text: string): number {
  return Number(text.replace(',', '.'))
}

/** Reads `[@]start:end`: an omitted start is 0, `~` is minus infinity, an omitted end is infinity. Undefined where it is empty or wrong. */
export function parseRange(text: string, factor = 1): PluginRange | undefined {
  const number = '[-+]?(?:\\d+(?:[.,]\\d*)?|[.,]\\d+)(?:[eE][-+]?\\d+)?'
  const found = new RegExp(`^(@)?(?:(~|${number})?(:))?(${number})?$`).exec(text.trim())
  if (found === null) return undefined
  const [, at, start, colon, end] = found
  if (colon === undefined && end === undefined) return undefined
  const from = start === undefined ? 0 : start === '~' ? Number.NEGATIVE_INFINITY : readNumber(start) * factor
  const to = end === undefined ? Number.POSITIVE_INFINITY : readNumber(end) * factor
  return from > to ? undefined : { from, to, inside: at !== undefined }
}

/** Whether a range alerts. */
export function alerts(range: PluginRange | undefined, value: number): boolean {
  if (range === undefined) return false
  const within = value >= range.from && value <= range.to
  return range.inside ? within : !within
}
