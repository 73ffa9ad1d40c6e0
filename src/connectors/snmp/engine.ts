/**
 * Version 3 lets anybody ask which engine answers, before any name is said: the least question there is. Number 1, no user, nothing wanted
 * (RFC 3414, 4).
 */
export const engineQuestion = Buffer.from(
  '3038020103300e020101020300ffe304010402010304103' +
    '00e0400020100020100040004000400301104000400a00b0201010201000201003000',
  'hex',
)

/** The engine that an answer names, at least five bytes; undefined where the answer is not one of version 3. */
export function engineIn(answer: Buffer): Buffer | undefined {
  // message { version 3, header { … }, octets { parameters { engine, …
  const message = inside(answer, 0, 0x30)
  if (message === undefined || answer[message] !== 2 || answer[message + 1] !== 1 || answer[message + 2] !== 3)
    return undefined
  const header = element(answer, message + 3)
  const octets = header?.tag === 0x30 ? inside(answer, header.end, 0x04) : undefined
  const parameters = octets === undefined ? undefined : inside(answer, octets, 0x30)
  const engine = parameters === undefined ? undefined : element(answer, parameters)
  if (engine === undefined || engine.tag !== 4 || engine.end > answer.length) return undefined
  const id = answer.subarray(engine.begin, engine.end)
  return id.length >= 5 && id.length <= 32 ? id : undefined
}

/** Where the content of an element begins that bears this tag. */
function inside(bytes: Buffer, at: number, tag: number): number | undefined {
  const found = element(bytes, at)
  return found?.tag === tag ? found.begin : undefined
}

/** One element in BER with a length of at most two bytes. */
function element(
  bytes: Buffer,
  at: number,
): { readonly tag: number; readonly begin: number; readonly end: number } | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, begin: at + 2, end: at + 2 + first }
  const more = first & 0x7f
  if (more < 1 || more > 2 || at + 2 + more > bytes.length) return undefined
  const begin = at + 2 + more
  return { tag, begin, end: begin + bytes.readUIntBE(at + 2, more) }
}
