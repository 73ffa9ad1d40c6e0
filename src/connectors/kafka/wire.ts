/** Kafka's primitive types (kafka.apache.org/protocol), in the form they have before the "flexible" versions. */

export class Writer {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    return this.#push(1, (part) => part.writeInt8(value))
  }

  int16(value: number): this {
    return this.#push(2, (part) => part.writeInt16BE(value))
  }

  int32(value: number): this {
    return this.#push(4, (part) => part.writeInt32BE(value))
  }

  int64(value: number): this {
    return this.#push(8, (part) => part.writeBigInt64BE(BigInt(value)))
  }

  string(text: string): this {
    const bytes = Buffer.from(text)
    this.int16(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.int32(bytes.length)
    this.#parts.push(Buffer.from(bytes))
    return this
  }

  /** null is not the same as none: it means all. */
  array<T>(all: readonly T[] | null, write: (writer: this, one: T) => void): this {
    this.int32(all === null ? -1 : all.length)
    for (const one of all ?? []) write(this, one)
    return this
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #push(size: number, write: (part: Buffer) => void): this {
    const part = Buffer.alloc(size)
    write(part)
    this.#parts.push(part)
    return this
  }
}

/** Reads what a broker sent; whatever that was, it reads or throws Malformed. */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  int64(): number {
    // Offsets stay far below 2^53.
    return Number(this.#bytes.readBigInt64BE(this.#take(8)))
  }

  /** Empty where it is null. */
  string(): string {
    const length = this.int16()
    return length <= 0 ? '' : this.#bytes.toString('utf8', this.#take(length), this.#at)
  }

  bytes(): Buffer {
    const length = this.int32()
    return length <= 0 ? Buffer.alloc(0) : this.#bytes.subarray(this.#take(length), this.#at)
  }

  array<T>(read: () => T): T[] {
    const count = this.int32()
    // Every element has at least one byte, so that a count that lies cannot take more memory than the message has.
    if (count > this.#bytes.length - this.#at) throw new Malformed()
    const all: T[] = []
    for (let i = 0; i < count; i++) all.push(read())
    return all
  }

  #take(size: number): number {
    const at = this.#at
    if (size < 0 || at + size > this.#bytes.length) throw new Malformed()
    this.#at += size
    return at
  }
}

/** What came is no message of the kind that was asked for. */
export class Malformed extends Error {
  constructor() {
    super('the message is not of the documented form')
    this.name = 'Malformed'
  }
}
