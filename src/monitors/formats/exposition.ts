/** What an exporter says about one series. */
export interface ExposedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** The value only grows while the exporter runs. */
  readonly counter: boolean
}

export interface Exposition {
  readonly samples: readonly ExposedSample[]
  /** Lines that could not be read and were left out; always 0 in OpenMetrics, where one such line spoils the whole. */
  readonly skipped: number
  /** Why, of the first such line: `line 7: a label value is not quoted`. */
  readonly problem?: string
}

export type ExpositionFormat = 'text' | 'openmetrics'

class Unreadable extends Error {}

const openMetricsTypes = new Set([
  'unknown',
  'gauge',
  'counter',
  'stateset',
  'info',
  'histogram',
  'gaugehistogram',
  'summary',
])
/** The endings that a sample of a family may have in OpenMetrics. */
const endings: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount'],
  summary: ['', '_sum', '_count', '_created'],
  info: ['_info'],
}

/**
 * Reads what an exporter exposes. Takes time in proportion to the text, whatever it is.
 *
 * `text` is Prometheus' format 0.0.4 as it is found in the wild: a line that cannot be read is left out and counted.
 * `openmetrics` is OpenMetrics 1.0, which says that a receiver must not guess: the first wrong line throws.
 *
 * @throws Error whose message begins with the line, in `openmetrics` only
 */
export function parseExposition(text: string, format: ExpositionFormat): Exposition {
  return format === 'openmetrics' ? parseOpenMetrics(text) : parseText(text)
}

function parseText(text: string): Exposition {
  const types = new Map<string, string>()
  const samples: ExposedSample[] = []
  let skipped = 0
  let problem: string | undefined
  for (const [number, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '') continue
    if (line.startsWith('#')) {
      const type = /^#\s*TYPE\s+(\S+)\s+(\S+)/.exec(line)
      if (type !== null) types.set(type[1]!, type[2]!.toLowerCase())
      continue
    }
    try {
      const { name, labels, value } = readSample(line, false)
      samples.push({ name, labels, value, counter: isCounter(name, types) })
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown
      skipped++
      problem ??= `line ${number + 1}: ${thrown.message}`
    }
  }
  return { samples, skipped, ...(problem === undefined ? {} : { problem }) }
}

function isCounter(name: string, types: ReadonlyMap<string, string>): boolean {
  const type = types.get(name)
  if (type !== undefined) return type === 'counter'
  const family = /^(.*)_(bucket|sum|count|total)$/.exec(name)
  if (family === null) return false
  const familyType = types.get(family[1]!)
  return family[2] === 'total' ? familyType === 'counter' : familyType === 'histogram' || familyType === 'summary'
}

interface Family {
  readonly name: string
  type: string | undefined
  unit: boolean
  help: boolean
  samples: number
}

function parseOpenMetrics(text: string): Exposition {
  const samples: ExposedSample[] = []
  const families = new Set<string>()
  /** Where each series stands in `samples`. */
  const series = new Map<string, number>()
  let family: Family | undefined
  const lines = text.split('\n')
  const fail = (index: number, why: string): never => {
    throw new Error(`line ${index + 1}: ${why}`)
  }
  // The text ends with `# EOF` and at most one line break.
  if (lines.at(-1) === '') lines.pop()
  if (lines.at(-1) !== '# EOF') fail(lines.length, 'the end is missing (# EOF)')
  lines.pop()
  const enter = (index: number, name: string): Family => {
    if (family?.name === name) return family
    if (families.has(name)) fail(index, `the family ${name} is not in one piece`)
    families.add(name)
    return (family = { name, type: undefined, unit: false, help: false, samples: 0 })
  }
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#')) {
      const said =
        /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) ?(.*)$/.exec(line) ??
        fail(index, 'neither TYPE, UNIT, HELP nor EOF')
      const of = enter(index, said[2]!)
      if (of.samples > 0) fail(index, `metadata of ${of.name} after its samples`)
      if (said[1] === 'TYPE') {
        if (of.type !== undefined) fail(index, `a second TYPE of ${of.name}`)
        if (!openMetricsTypes.has(said[3]!)) fail(index, `an unknown type`)
        of.type = said[3]!
      } else if (said[1] === 'UNIT') {
        if (of.unit) fail(index, `a second UNIT of ${of.name}`)
        if (said[3] !== '' && !of.name.endsWith(`_${said[3]!}`))
          fail(index, `the name ${of.name} does not end with its unit`)
        of.unit = true
      } else {
        if (of.help) fail(index, `a second HELP of ${of.name}`)
        of.help = true
      }
      continue
    }
    let read: ReturnType<typeof readSample>
    try {
      read = readSample(line, true)
    } catch (thrown) {
      return fail(index, thrown instanceof Unreadable ? thrown.message : 'cannot be read')
    }
    const { name, labels, value, timed, exemplar } = read
    if (family?.name === name && !belongs(name, family)) fail(index, `${name} lacks the ending that its type demands`)
    const of = family !== undefined && belongs(name, family) ? family : enter(index, name)
    of.samples++
    const type = of.type ?? 'unknown'
    const counts = isCounting(name, type)
    if (counts && (value < 0 || Number.isNaN(value))) fail(index, `the counter ${name} is negative or not a number`)
    if (exemplar && !/_(total|bucket)$/.test(name)) fail(index, `an exemplar at ${name}`)
    const bucket = type === 'histogram' && name.endsWith('_bucket')
    if (bucket && labels['le'] === undefined) fail(index, `a bucket of ${of.name} without le`)
    if (type === 'stateset' && value !== 0 && value !== 1) fail(index, `a state of ${of.name} that is neither 0 nor 1`)
    if (type === 'info' && value !== 1) fail(index, `${name} is not 1`)
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`
    const known = series.get(key)
    if (known !== undefined && !timed) fail(index, `${name} with the same labels again`)
    const sample = { name, labels, value, counter: counts }
    // Several points of one series: the last one is the present.
    if (known !== undefined) samples[known] = sample
    else series.set(key, samples.push(sample) - 1)
  }
  return { samples, skipped: 0 }
}

function belongs(sample: string, family: Family): boolean {
  return (endings[family.type ?? 'unknown'] ?? ['']).some((ending) => sample === family.name + ending)
}

function isCounting(name: string, type: string): boolean {
  return (
    (type === 'counter' && name.endsWith('_total')) ||
    (type === 'histogram' && /_(bucket|count|sum)$/.test(name)) ||
    (type === 'summary' && /_(count|sum)$/.test(name))
  )
}

interface ReadSample {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
  readonly timed: boolean
  readonly exemplar: boolean
}

function readSample(line: string, strict: boolean): ReadSample {
  const reader = new Reader(line)
  const name = reader.name(true)
  if (!strict) reader.space()
  const labels = reader.peek() === '{' ? reader.labels(strict) : {}
  reader.gap(strict, 'the value')
  const value = numberOf(reader.word(), strict)
  let timed = false
  let exemplar = false
  if (!reader.ended()) {
    reader.gap(strict, 'what follows the value')
    if (!reader.ended() && reader.peek() !== '#') {
      timed = true
      const at = reader.word()
      if (!(strict ? /^-?\d+(\.\d*)?([eE][-+]?\d+)?$/ : /^-?\d+(\.\d+)?$/).test(at))
        throw new Unreadable('the timestamp is not a number')
      if (!reader.ended()) reader.gap(strict, 'what follows the timestamp')
    }
    if (reader.peek() === '#') {
      exemplar = true
      if (strict) reader.exemplar()
    } else if (!reader.ended()) throw new Unreadable('there is more than a value and a timestamp')
  }
  return { name, labels, value, timed, exemplar }
}

function numberOf(word: string, strict: boolean): number {
  if (/^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/.test(word)) return Number(word)
  const lower = word.toLowerCase()
  if (lower === 'nan') return Number.NaN
  const infinite = /^([-+]?)inf(inity)?$/.exec(lower)
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  // Go's parser, which many have tested against, takes hexadecimal as well.
  if (!strict && /^0x[0-9a-f]+$/.test(lower)) return Number(lower)
  throw new Unreadable('the value is not a number')
}

/** Walks over one line, never back. */
class Reader {
  readonly #line: string
  #at = 0

  constructor(line: string) {
    this.#line = line
  }

  peek(): string {
    return this.#line[this.#at] ?? ''
  }

  ended(): boolean {
    return this.#at >= this.#line.length
  }

  space(): void {
    while (this.peek() === ' ' || this.peek() === '\t') this.#at++
  }

  /** The white space before something: one space where it is strict, else any amount or none after a closing brace. */
  gap(strict: boolean, before: string): void {
    if (!strict) return this.space()
    if (this.peek() !== ' ') throw new Unreadable(`no space before ${before}`)
    this.#at++
    if (this.peek() === ' ' || this.ended()) throw new Unreadable(`white space where ${before} should be`)
  }

  name(colons: boolean): string {
    const from = this.#at
    while (isNamePart(this.#line.charCodeAt(this.#at), colons)) this.#at++
    const first = this.#line.charCodeAt(from)
    if (this.#at === from || (first >= 48 && first <= 57))
      throw new Unreadable('a name is missing or begins with a digit')
    return this.#line.slice(from, this.#at)
  }

  word(): string {
    const from = this.#at
    while (!this.ended() && this.peek() !== ' ' && this.peek() !== '\t') this.#at++
    return this.#line.slice(from, this.#at)
  }

  /** `{a="b",c="d"}`, with a comma at the end where it is not strict. */
  labels(strict: boolean): Record<string, string> {
    const labels = new Map<string, string>()
    this.#at++
    for (;;) {
      if (!strict) this.space()
      if (this.peek() === '}' && (labels.size === 0 || !strict)) break
      const name = this.name(false)
      if (!strict) this.space()
      this.expect('=')
      if (!strict) this.space()
      this.expect('"')
      if (labels.has(name)) throw new Unreadable(`the label ${name} twice`)
      labels.set(name, this.quoted(strict))
      if (!strict) this.space()
      if (this.peek() === '}') break
      this.expect(',')
    }
    this.#at++
    return Object.fromEntries(labels)
  }

  exemplar(): void {
    this.expect('#')
    this.gap(true, 'the exemplar')
    if (this.peek() !== '{') throw new Unreadable('an exemplar without labels')
    const labels = this.labels(true)
    const length = Object.entries(labels).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
    if (length > 128) throw new Unreadable('the labels of an exemplar are longer than 128 characters')
    this.gap(true, 'the exemplar’s value')
    numberOf(this.word(), true)
    if (this.ended()) return
    this.gap(true, 'the exemplar’s timestamp')
    numberOf(this.word(), true)
    if (!this.ended()) throw new Unreadable('there is more than an exemplar')
  }

  private expect(character: string): void {
    if (this.peek() !== character) throw new Unreadable(`${character} is missing`)
    this.#at++
  }

  private quoted(strict: boolean): string {
    let text = ''
    for (let from = this.#at; ; from = this.#at) {
      let code = this.#line.charCodeAt(this.#at)
      // Up to the quote that ends it, a backslash, or the end of the line.
      while (code !== 34 && code !== 92 && this.#at < this.#line.length) code = this.#line.charCodeAt(++this.#at)
      if (this.ended()) throw new Unreadable('a label value has no end')
      text += this.#line.slice(from, this.#at++)
      if (code === 34) return text
      const escaped = this.peek()
      this.#at++
      if (escaped === 'n') text += '\n'
      else if (escaped === '\\' || escaped === '"') text += escaped
      else if (strict) throw new Unreadable('an unknown escape in a label value')
      else text += `\\${escaped}`
    }
  }
}

/** Letters, digits, the underscore, and in names of metrics the colon. NaN, past the end, is none of them. */
function isNamePart(code: number, colons: boolean): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    (colons && code === 58)
  )
}
