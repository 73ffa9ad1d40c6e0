/**
 * The second version of Redis' protocol, which every Redis, Valkey, KeyDB and Sentinel speaks. Replies are texts, numbers, nothing, lists
 * of replies, or the words of a refusal.
 */

export type Resp = string | number | null | RespError | readonly Resp[]

export class RespError {
  readonly words: string

  constructor(words: string) {
    this.words = words
  }
}

const mostDeep = 8
const mostItems = 100_000

/** What came is no reply. */
export class NotResp extends Error {}

/** A command as servers read it: a list of texts, each with its length in bytes. */
export function writeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}

/**
 * The reply that begins at `from`, and where the next one begins; undefined where it is not all there yet.
 * @throws NotResp where it is no reply
 */
export function readReply(
  bytes: Buffer,
  from = 0,
  deep = 0,
): { readonly reply: Resp; readonly next: number } | undefined {
  const end = bytes.indexOf('\r\n', from, 'latin1')
  if (end < 0) {
    // A line is short; what goes on without an end is no line.
    if (bytes.length - from > 64_000) throw new NotResp('a line without an end')
    return undefined
  }
  const line = bytes.toString('utf8', from + 1, end)
  const next = end + 2
  switch (String.fromCharCode(bytes[from] ?? 0)) {
    case '+':
      return { reply: line, next }
    case '-':
      return { reply: new RespError(line), next }
    case ':':
      return { reply: wholeNumber(line), next }
    case '$': {
      const length = wholeNumber(line)
      if (length < 0) return { reply: null, next }
      if (bytes.length < next + length + 2) return undefined
      if (bytes.indexOf('\r\n', next + length, 'latin1') !== next + length)
        throw new NotResp('a text of another length')
      return { reply: bytes.toString('utf8', next, next + length), next: next + length + 2 }
    }
    case '*': {
      const count = wholeNumber(line)
      if (count < 0) return { reply: null, next }
      if (deep >= mostDeep || count > mostItems) throw new NotResp('a list too deep or too long')
      const items: Resp[] = []
      let at = next
      for (let i = 0; i < count; i++) {
        const item = readReply(bytes, at, deep + 1)
        if (item === undefined) return undefined
        items.push(item.reply)
        at = item.next
      }
      return { reply: items, next: at }
    }
    default:
      throw new NotResp('an unknown kind of reply')
  }
}

function wholeNumber(text: string): number {
  if (!/^[+-]?\d{1,19}$/.test(text)) throw new NotResp('a number that is none')
  return Number(text)
}
