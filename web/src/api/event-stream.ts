/**
 * Reads Server-Sent Events from text that arrives in pieces. The browser's own EventSource cannot send a bearer token.
 * Only `data` lines matter here; comment lines are the server's sign of life and carry nothing.
 */
export class EventStreamReader {
  #rest = ''

  /** @returns the data of each event that this piece completes, in order */
  push(piece: string): string[] {
    // A piece may end between the two characters of a line break, so the break is judged once both are here.
    const text = this.#rest + piece
    const complete: string[] = []
    let from = 0
    for (const end of text.matchAll(/\r\n\r\n|\n\n|\r\r(?!\n)/g)) {
      const data = text
        .slice(from, end.index)
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).replace(/^ /, ''))
      if (data.length > 0) complete.push(data.join('\n'))
      from = end.index + end[0].length
    }
    this.#rest = text.slice(from)
    return complete
  }
}
