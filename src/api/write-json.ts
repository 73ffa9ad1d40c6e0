import { breathing, systemClock } from '../platform/index.ts'

/** Answers of more values, are written in pieces: that which names each of a hundred thousand changes takes the better part of a second. */
const longest = 20_000
/** Values of a piece: half a millisecond where they are numbers of 16 digits, 150,000 of which took 150 ms on a busy machine. */
const perPiece = 500
/**
 * Characters that are sent at once at most. Each part waits for the one before it to be taken by the socket, some turns of the event loop, in which
 * whoever else has much to do has slices: parts of 64 KiB made 25 MB take seven seconds beside what follows from a change of 100,000 tasks.
 */
const longestPart = 524_288

/**
 * How many values an answer holds, counted until `longest` is passed. Lists hold things of one form, so the first of one tells of all.
 */
function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  if (Array.isArray(value)) return value.length === 0 ? 1 : value.length * valuesIn(value[0])
  let values = 1
  for (const name in value) {
    values += valuesIn((value as Record<string, unknown>)[name])
    if (values > longest) break
  }
  return values
}

/** Whether an answer is to be written in pieces. */
export function isLong(answer: unknown): answer is object {
  return valuesIn(answer) > longest
}

/** What `JSON.stringify` makes of an answer, in pieces. It may not be changed meanwhile. */
function* pieces(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || valuesIn(value) <= perPiece) yield JSON.stringify(value) ?? 'null'
  else if (Array.isArray(value)) yield* listPieces(value)
  else {
    let sign = '{'
    for (const [name, each] of Object.entries(value)) {
      if (each === undefined) continue
      yield `${sign}${JSON.stringify(name)}:`
      yield* pieces(each)
      sign = ','
    }
    yield '}'
  }
}

function* listPieces(list: readonly unknown[]): Generator<string> {
  const atOnce = Math.floor(perPiece / valuesIn(list[0]))
  let sign = '['
  if (atOnce > 1)
    for (let from = 0; from < list.length; from += atOnce) {
      yield `${sign}${JSON.stringify(list.slice(from, from + atOnce)).slice(1, -1)}`
      sign = ','
    }
  else
    for (const each of list) {
      yield sign
      yield* pieces(each)
      sign = ','
    }
  yield ']'
}

/** For a stream: the event loop gets its turn between pieces. */
export async function* writingJson(answer: object): AsyncGenerator<string> {
  const breathe = breathing(systemClock)
  let text = ''
  for (const piece of pieces(answer)) {
    text += piece
    const turn = breathe()
    if (turn === undefined && text.length < longestPart) continue
    yield text
    text = ''
    if (turn !== undefined) await turn
  }
  yield text
}
