import { FarwatchError } from '../base/index.ts'
import type { Pieces } from '../platform/index.ts'

/** Characters: half a millisecond of work. */
const usualPiece = 32_768
const mostDepth = 100

const quote = 34
const comma = 44
const colon = 58
const backslash = 92
const openList = 91
const closeList = 93
const openObject = 123
const closeObject = 125

/** What is not as JSON is, or not as this reads it: `JSON.parse` decides, and has the words. */
class Unread extends Error {}

/**
 * What `JSON.parse` makes of a text, in pieces: a document of a hundred thousand tasks takes it seconds, in which a server would do nothing
 * else. Names that would reach into the prototypes of objects are refused.
 * @param pieceLength how many characters are read between two pauses, about
 * @throws FarwatchError `bad-request` for such a name and for what is nested too deep; SyntaxError as `JSON.parse`
 */
export function* readingJson(text: string, pieceLength = usualPiece): Pieces<unknown> {
  const ends = yield* largeOnes(text, pieceLength)
  if (mayNamePrototype(text)) return parseWarily(text)
  const begin = afterBlanks(text, 0)
  const end = ends.get(begin)
  if (end === undefined) return JSON.parse(text)
  try {
    if (afterBlanks(text, end) < text.length) throw new Unread()
    return yield* readLarge({ text, ends, pieceLength }, begin, end)
  } catch (thrown) {
    if (thrown instanceof Unread || thrown instanceof SyntaxError) return JSON.parse(text)
    throw thrown
  }
}

/** The name as it is, and any of its letters as an escape: a text with neither has no such name. */
const escapedLetter = /\\u00(?:5f|6f|70|72|74)/i

function mayNamePrototype(text: string): boolean {
  // A pattern takes a tenth of a second for a large text, in which hardly ever anything is escaped.
  return text.includes('__proto__') || (text.includes('\\u00') && escapedLetter.test(text))
}

function parseWarily(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => {
    if (key === '__proto__')
      throw new FarwatchError('bad-request', 'the body holds the name __proto__, which cannot be used')
    return value
  })
}

/** Lists and objects that are longer than a piece: where they end, by where they begin. @throws FarwatchError where it is nested too deep */
function* largeOnes(text: string, pieceLength: number): Pieces<ReadonlyMap<number, number>> {
  const ends = new Map<number, number>()
  const begins: number[] = []
  let isInText = false
  for (let i = 0; i < text.length; i++) {
    if (i % pieceLength === 0) yield
    const code = text.charCodeAt(i)
    if (isInText) {
      if (code === backslash) i++
      else if (code === quote) isInText = false
    } else if (code === quote) isInText = true
    else if (code === openList || code === openObject) {
      if (begins.push(i) > mostDepth)
        throw new FarwatchError('bad-request', `the body is nested deeper than ${mostDepth} levels`)
    } else if (code === closeList || code === closeObject) {
      const begin = begins.pop()
      if (begin !== undefined && i - begin > pieceLength) ends.set(begin, i + 1)
    }
  }
  return ends
}

interface Reading {
  readonly text: string
  /** See `largeOnes`. */
  readonly ends: ReadonlyMap<number, number>
  readonly pieceLength: number
}

/** One of the large ones: what is small in it is parsed many at a time, what is large by itself. */
function* readLarge(reading: Reading, begin: number, end: number): Pieces<unknown> {
  const { text, ends, pieceLength } = reading
  const isList = text.charCodeAt(begin) === openList
  if (text.charCodeAt(end - 1) !== (isList ? closeList : closeObject)) throw new Unread()
  const list: unknown[] = []
  const object: Record<string, unknown> = {}
  const take = (piece: string) => {
    if (isList) for (const one of JSON.parse(`[${piece}]`) as unknown[]) list.push(one)
    else Object.assign(object, JSON.parse(`{${piece}}`))
  }
  /** Where what was not taken yet begins; the last of it is a whole member as often as `i` is at a comma of this list or object. */
  let from = begin + 1
  let depth = 0
  let name = { from: 0, to: 0 }
  for (let i = from; i < end - 1; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      const to = afterText(text, i)
      if (depth === 0) name = { from: i, to }
      i = to - 1
    } else if (code === closeList || code === closeObject) depth--
    else if (code === comma && depth === 0 && i - from > pieceLength) {
      take(demandFull(text.slice(from, i)))
      from = i + 1
      yield
    } else if (code === openList || code === openObject) {
      const to = depth === 0 ? ends.get(i) : undefined
      if (to === undefined) {
        depth++
        continue
      }
      const before = text.slice(from, isList ? i : name.from)
      if (!isBlank(before)) take(demandFull(withoutLastComma(before)))
      const value = yield* readLarge(reading, i, to)
      if (isList) list.push(value)
      else object[nameBefore(text, name, i)] = value
      yield
      const next = afterBlanks(text, to)
      if (next === end - 1) return isList ? list : object
      if (text.charCodeAt(next) !== comma) throw new Unread()
      from = next + 1
      i = next
    }
  }
  take(demandFull(text.slice(from, end - 1)))
  return isList ? list : object
}

/** The name that stands before a value of an object. */
function nameBefore(text: string, name: { readonly from: number; readonly to: number }, value: number): string {
  const sign = afterBlanks(text, name.to)
  if (name.to <= name.from || text.charCodeAt(sign) !== colon || afterBlanks(text, sign + 1) !== value)
    throw new Unread()
  // It begins and ends with a quotation mark: what JSON.parse gives is a text.
  return JSON.parse(text.slice(name.from, name.to)) as string
}

/** Between two commas there must be something. */
function demandFull(piece: string): string {
  if (isBlank(piece)) throw new Unread()
  return piece
}

function withoutLastComma(piece: string): string {
  let end = piece.length
  while (isBlankCode(piece.charCodeAt(end - 1))) end--
  if (piece.charCodeAt(end - 1) !== comma) throw new Unread()
  return piece.slice(0, end - 1)
}

function isBlank(piece: string): boolean {
  return afterBlanks(piece, 0) === piece.length
}

function afterBlanks(text: string, from: number): number {
  let i = from
  while (isBlankCode(text.charCodeAt(i))) i++
  return i
}

/** The blanks of JSON, and no others. */
function isBlankCode(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}

function afterText(text: string, quoteAt: number): number {
  for (let i = quoteAt + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === backslash) i++
    else if (code === quote) return i + 1
  }
  throw new Unread()
}
