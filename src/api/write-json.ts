import { breathing, systemClock } from '../platform/index.ts'

/** Lists that are longer are written in pieces: the answer that names each of a hundred thousand changes takes the better part of a second. */
const longest = 1_000
const perPiece = 100

function isLongList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > longest
}

/** Whether an answer is, or holds, a long list. */
export function isLong(answer: unknown): answer is object {
  if (typeof answer !== 'object' || answer === null) return false
  return isLongList(answer) || (!Array.isArray(answer) && Object.values(answer).some(isLongList))
}

/** What `JSON.stringify` makes of a long answer, in pieces. It may not be changed meanwhile. */
function* pieces(answer: object): Generator<string> {
  if (isLongList(answer)) yield* listPieces(answer)
  else {
    let sign = '{'
    for (const [key, value] of Object.entries(answer)) {
      if (value === undefined) continue
      yield `${sign}${JSON.stringify(key)}:`
      if (isLongList(value)) yield* listPieces(value)
      else yield JSON.stringify(value)
      sign = ','
    }
    yield '}'
  }
}

function* listPieces(list: readonly unknown[]): Generator<string> {
  for (let from = 0; from < list.length; from += perPiece)
    yield `${from === 0 ? '[' : ','}${JSON.stringify(list.slice(from, from + perPiece)).slice(1, -1)}`
  yield ']'
}

/** For a stream: the event loop gets its turn between pieces. */
export async function* writingJson(answer: object): AsyncGenerator<string> {
  const breathe = breathing(systemClock)
  let text = ''
  for (const piece of pieces(answer)) {
    text += piece
    const turn = breathe()
    if (turn === undefined && text.length < 65_536) continue
    yield text
    text = ''
    if (turn !== undefined) await turn
  }
  yield text
}
