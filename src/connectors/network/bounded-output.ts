/** What a program prints on several ways, up to a limit for all of them together; what comes after it is thrown away. */
export class BoundedOutput {
  readonly #maxBytes: number
  #kept = 0
  isTruncated = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns what is to be called with each piece of one way, and its text so far as UTF-8 */
  way(): { readonly take: (piece: Buffer) => void; readonly text: () => string } {
    const pieces: Buffer[] = []
    return {
      take: (piece) => {
        const room = this.#maxBytes - this.#kept
        if (piece.length > room) this.isTruncated = true
        if (room > 0) pieces.push(piece.subarray(0, room))
        this.#kept += Math.min(piece.length, Math.max(0, room))
      },
      text: () => Buffer.concat(pieces).toString('utf8'),
    }
  }
}
