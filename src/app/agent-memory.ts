import { readFile } from 'node:fs/promises'
import { messageOf, systemCodeOf } from '../base/index.ts'
import type { TermMemory } from '../link/index.ts'
import { writeFileAtomically, type DataDirectory, type Log } from '../platform/index.ts'

interface Remembered {
  readonly format: 1
  /** The highest term that was seen. */
  readonly term: number
  /** Server time minus this machine's wall clock, in milliseconds. */
  readonly wallOffsetMs: number
}

/** An offset that moved by less is not written again. */
const leastChangeMs = 100

/** What an agent must remember of its servers over its own end, in `servers.json`: the highest term, and how wrong its own wall clock is. */
export class AgentMemory implements TermMemory {
  readonly #file: string
  readonly #log: Log
  #remembered: Remembered
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, log: Log, remembered: Remembered) {
    this.#file = file
    this.#log = log
    this.#remembered = remembered
  }

  static async open(directory: DataDirectory, log: Log): Promise<AgentMemory> {
    const file = directory.file('servers.json')
    let term = 0
    let wallOffsetMs = 0
    try {
      const read = JSON.parse(await readFile(file, 'utf8')) as Partial<Remembered>
      if (Number.isSafeInteger(read.term)) term = read.term!
      if (Number.isFinite(read.wallOffsetMs)) wallOffsetMs = read.wallOffsetMs!
    } catch (thrown) {
      if (systemCodeOf(thrown) !== 'ENOENT') log.warn('memory of servers not read', { problem: messageOf(thrown) })
    }
    return new AgentMemory(file, log, { format: 1, term, wallOffsetMs })
  }

  read(): number {
    return this.#remembered.term
  }

  raise(term: number): Promise<void> {
    if (term <= this.#remembered.term) return this.#writing
    this.#remembered = { ...this.#remembered, term }
    return this.#write()
  }

  get wallOffsetMs(): number {
    return this.#remembered.wallOffsetMs
  }

  noteOffset(wallOffsetMs: number): void {
    if (Math.abs(wallOffsetMs - this.#remembered.wallOffsetMs) < leastChangeMs) return
    this.#remembered = { ...this.#remembered, wallOffsetMs }
    this.#write().catch((thrown: unknown) => {
      this.#log.warn('offset of the clock not stored', { problem: messageOf(thrown) })
    })
  }

  /** Resolves when all is written that will be. */
  async stop(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  #write(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => writeFileAtomically(this.#file, `${JSON.stringify(this.#remembered)}\n`))
    return this.#writing
  }
}
