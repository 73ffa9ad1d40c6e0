/** The limit that Node's own client has for the lines before a body. */
const maxHeadBytes = 16 * 1024
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// Whatever is below a space, but for the tab.
// oxlint-disable-next-line no-control-regex -- it is what is looked for
const control = /[\0-\x08\n-\x1f\x7f]/
/** Of these the first counts: several of them say different things, and a list of them says nothing. */
const single = new Set([
  'age',
  'content-length',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'retry-after',
  'server',
])

/** An answer that breaks the rules of HTTP; `code` names the rule as Node's own parser does. */
export class NotHttp extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = `HPE_${code}`
  }
}

/** More came than was allowed. */
export class BodyTooLarge extends Error {}

type Expecting = 'head' | 'length' | 'close' | 'chunk size' | 'chunk' | 'chunk end' | 'trailers' | 'nothing'

/**
 * Reads one answer of HTTP/1.1 (RFC 9112) out of the pieces in which it comes. Most come whole in one piece, which is read in one go; this is
 * half of why a check costs half of what it does with `node:http` (docs/performance.md).
 *
 * `push` and `end` throw NotHttp where it is none and BodyTooLarge; nothing is to be called after that. Memory is bounded by the limits.
 */
export class HttpAnswer {
  readonly #isHead: boolean
  readonly #maxBodyBytes: number
  #expects: Expecting = 'head'
  /** Of a head, a size of a chunk or trailers that are not complete. */
  #line = ''
  #lineBytes = 0
  /** Of a body or a chunk with a length. */
  #left = 0
  #bytes = 0
  readonly #parts: Buffer[] = []
  #isHeadRead = false
  /** The connection may be used for another question. */
  #keeps = false
  #hasMore = false
  status = 0
  headers: Record<string, string> = {}

  constructor(method: string, maxBodyBytes: number) {
    this.#isHead = method === 'HEAD'
    this.#maxBodyBytes = maxBodyBytes
  }

  /** Status and headers are there. */
  get isHeadRead(): boolean {
    return this.#isHeadRead
  }

  get isComplete(): boolean {
    return this.#expects === 'nothing'
  }

  /** Whether the connection is as good as new, once the answer is complete. */
  get keepsConnection(): boolean {
    return this.#keeps && !this.#hasMore
  }

  /** A copy of its own. */
  body(): Buffer {
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
  }

  /** The next piece; it is not kept, so that its memory can be used again. */
  push(piece: Buffer): void {
    let at = 0
    while (at < piece.length) {
      if (this.#expects === 'nothing') {
        this.#hasMore = true
        return
      }
      at = this.#take(piece, at)
    }
  }

  /** The other side has ended the connection. @returns whether the answer is complete */
  end(): boolean {
    if (this.#expects === 'close') this.#complete()
    return this.isComplete
  }

  /** @returns where the rest begins */
  #take(piece: Buffer, at: number): number {
    switch (this.#expects) {
      case 'head':
        return this.#takeHead(piece, at)
      case 'length':
      case 'chunk': {
        const to = Math.min(piece.length, at + this.#left)
        this.#keep(piece, at, to)
        this.#left -= to - at
        if (this.#left === 0) {
          if (this.#expects === 'chunk') this.#expects = 'chunk end'
          else this.#complete()
        }
        return to
      }
      case 'close':
        this.#keep(piece, at, piece.length)
        return piece.length
      case 'chunk size':
        return this.#takeLine(piece, at, (line) => {
          // An extension after a semicolon means nothing to us.
          const size = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1]
          if (size === undefined) throw new NotHttp('INVALID_CHUNK_SIZE')
          this.#left = Number.parseInt(size, 16)
          this.#expects = this.#left === 0 ? 'trailers' : 'chunk'
        })
      case 'chunk end':
        return this.#takeLine(piece, at, (line) => {
          if (line !== '') throw new NotHttp('STRICT')
          this.#expects = 'chunk size'
        })
      case 'trailers':
        return this.#takeLine(piece, at, (line) => {
          if (line === '') this.#complete()
        })
      case 'nothing':
        return piece.length
    }
  }

  /** A line without its end, once it is all there. */
  #takeLine(piece: Buffer, at: number, use: (line: string) => void): number {
    const end = piece.indexOf(10, at)
    const to = end === -1 ? piece.length : end + 1
    this.#lineBytes += to - at
    if (this.#lineBytes > maxHeadBytes) throw new NotHttp('HEADER_OVERFLOW')
    this.#line += piece.toString('latin1', at, to)
    if (end === -1) return to
    const line = this.#line
    this.#line = ''
    // Trailers are bounded as a whole.
    if (this.#expects !== 'trailers') this.#lineBytes = 0
    if (!line.endsWith('\r\n')) throw new NotHttp('CR_EXPECTED')
    use(line.slice(0, -2))
    return to
  }

  #takeHead(piece: Buffer, at: number): number {
    // The end may lie across two pieces.
    const before = this.#line.length
    this.#line += piece.toString('latin1', at, Math.min(piece.length, at + maxHeadBytes + 1 - before))
    if (before === 0 && !'HTTP/1.'.startsWith(this.#line.slice(0, 7))) throw new NotHttp('INVALID_CONSTANT')
    const end = this.#line.indexOf('\r\n\r\n', Math.max(0, before - 3))
    if (end === -1) {
      if (this.#line.length > maxHeadBytes) throw new NotHttp('HEADER_OVERFLOW')
      return piece.length
    }
    const head = this.#line.slice(0, end)
    this.#line = ''
    this.#readHead(head)
    return at + end + 4 - before
  }

  #readHead(head: string): void {
    const [first = '', ...lines] = head.split('\r\n')
    const status = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: |$)/.exec(first)
    if (status === null) throw new NotHttp(first.startsWith('HTTP/1.') ? 'INVALID_STATUS' : 'INVALID_CONSTANT')
    this.status = Number(status[2])
    // What was asked to be another protocol is none of ours, and nobody asked for it.
    if (this.status === 101) throw new NotHttp('UNEXPECTED_UPGRADE')
    // An interim answer; the one that counts comes after it.
    if (this.status < 200) return
    this.headers = readHeaders(lines)
    this.#isHeadRead = true
    this.#expectBody(status[1] === '1')
  }

  /** RFC 9112, 6.3. */
  #expectBody(isNew: boolean): void {
    const { headers } = this
    const connection = (headers['connection'] ?? '').toLowerCase()
    this.#keeps = isNew ? !connection.includes('close') : connection.includes('keep-alive')
    if (this.#isHead || this.status === 204 || this.status === 304) return this.#complete()
    const coding = headers['transfer-encoding']?.trim().toLowerCase()
    const length = headers['content-length']
    if (coding !== undefined) {
      if (length !== undefined) throw new NotHttp('UNEXPECTED_CONTENT_LENGTH')
      if (coding === 'chunked') this.#expects = 'chunk size'
      else if (coding === 'identity') this.#expectClose()
      else throw new NotHttp('INVALID_TRANSFER_ENCODING')
      return
    }
    if (length === undefined) return this.#expectClose()
    if (!/^[0-9]{1,15}$/.test(length)) throw new NotHttp('INVALID_CONTENT_LENGTH')
    this.#left = Number(length)
    if (this.#left > this.#maxBodyBytes) throw new BodyTooLarge()
    if (this.#left === 0) this.#complete()
    else this.#expects = 'length'
  }

  #expectClose(): void {
    this.#keeps = false
    this.#expects = 'close'
  }

  #keep(piece: Buffer, from: number, to: number): void {
    this.#bytes += to - from
    if (this.#bytes > this.#maxBodyBytes) throw new BodyTooLarge()
    this.#parts.push(Buffer.from(piece.subarray(from, to)))
  }

  #complete(): void {
    this.#expects = 'nothing'
  }
}

/** Names in lower case; several values of one name are one list. A line that begins with a space goes on with the one before. */
function readHeaders(lines: readonly string[]): Record<string, string> {
  // Of no class: a header may be called `constructor`.
  const headers = Object.create(null) as Record<string, string>
  let last = ''
  for (const line of lines) {
    const colon = line.indexOf(':')
    const isMore = line.startsWith(' ') || line.startsWith('\t')
    const name = isMore ? last : line.slice(0, colon).toLowerCase()
    if (name === '' || (!isMore && (colon < 1 || !token.test(name)))) throw new NotHttp('INVALID_HEADER_TOKEN')
    const value = (isMore ? line : line.slice(colon + 1)).trim()
    if (control.test(value)) throw new NotHttp('INVALID_HEADER_TOKEN')
    const before = headers[name]
    if (isMore) headers[name] = `${before ?? ''} ${value}`
    else if (before === undefined) headers[name] = value
    else if (name === 'content-length' && before !== value) throw new NotHttp('UNEXPECTED_CONTENT_LENGTH')
    else if (!single.has(name)) headers[name] = `${before}, ${value}`
    last = name
  }
  return headers
}
