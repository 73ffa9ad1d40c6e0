import { readFile } from 'node:fs/promises'
import { messageOf, systemCodeOf } from '../base/index.ts'
import type { TermMemory, ToldServers } from '../link/index.ts'
import { writeFileAtomically, type DataDirectory, type Log } from '../platform/index.ts'

interface Remembered {
  readonly format: 1
  /** The highest term that was seen. */
  readonly term: number
  /** Server time minus this machine's wall clock, in milliseconds. */
  readonly wallOffsetMs: number
  /** URLs of servers as the settings had them: what follows, and the term, is of these. */
  readonly servers: readonly string[]
  /** URLs that these named as their own and their pair's. */
  readonly told: readonly string[]
}

/** An offset that moved by less is not written again. */
const leastChangeMs = 100

/**
 * What an agent must remember of its servers over its own end, in `servers.json`: where they are, the highest term, and how wrong its own wall
 * clock is. It is of one server or pair: an agent that is given to another one begins anew, since terms and time of the one are nothing to the other.
 */
export class AgentMemory implements TermMemory {
  readonly #file: string
  readonly #log: Log
  #remembered: Remembered
  /** The highest term on the disk. */
  #durableTerm: number
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, log: Log, remembered: Remembered) {
    this.#file = file
    this.#log = log
    this.#remembered = remembered
    this.#durableTerm = remembered.term
  }

  /** @param servers URLs as the settings have them */
  static async open(directory: DataDirectory, log: Log, servers: readonly string[]): Promise<AgentMemory> {
    const file = directory.file('servers.json')
    let remembered: Remembered = { format: 1, term: 0, wallOffsetMs: 0, servers: [], told: [] }
    try {
      const read = JSON.parse(await readFile(file, 'utf8')) as Partial<Remembered>
      remembered = {
        format: 1,
        term: Number.isSafeInteger(read.term) ? read.term! : 0,
        wallOffsetMs: Number.isFinite(read.wallOffsetMs) ? read.wallOffsetMs! : 0,
        servers: urlsOf(read.servers),
        told: urlsOf(read.told),
      }
    } catch (thrown) {
      if (systemCodeOf(thrown) !== 'ENOENT') log.warn('memory of servers not read', { problem: messageOf(thrown) })
    }
    const memory = new AgentMemory(file, log, remembered)
    memory.follow(servers)
    return memory
  }

  /** The settings name these servers now. */
  follow(servers: readonly string[]): void {
    const { servers: before, told } = this.#remembered
    if (servers.length === 0 || String(servers) === String(before)) return
    // A file of before servers were remembered says nothing of whose it is.
    const isOther = before.length > 0 && !isOneOf(servers, [...before, ...told])
    if (isOther) {
      this.#log.info('other servers', { servers: servers.join(' ') })
      this.#remembered = { format: 1, term: 0, wallOffsetMs: 0, servers, told: [] }
      this.#durableTerm = 0
    } else this.#remembered = { ...this.#remembered, servers }
    this.#note()
  }

  /** What one of them said of where they are; where it could not be written it is only known until the end. */
  readonly told: ToldServers = {
    read: () => this.#remembered.told,
    note: (told) => {
      if (String(told) === String(this.#remembered.told)) return
      this.#remembered = { ...this.#remembered, told }
      this.#note()
    },
  }

  /** All URLs that lead to the server or the pair. */
  get urls(): readonly string[] {
    return [...this.#remembered.servers, ...this.#remembered.told]
  }

  read(): number {
    return this.#durableTerm
  }

  async raise(term: number): Promise<void> {
    if (term <= this.#durableTerm) return
    if (term > this.#remembered.term) this.#remembered = { ...this.#remembered, term }
    await this.#write()
  }

  get wallOffsetMs(): number {
    return this.#remembered.wallOffsetMs
  }

  noteOffset(wallOffsetMs: number): void {
    if (Math.abs(wallOffsetMs - this.#remembered.wallOffsetMs) < leastChangeMs) return
    this.#remembered = { ...this.#remembered, wallOffsetMs }
    this.#note()
  }

  /** Resolves when all is written that will be. */
  async stop(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  #note(): void {
    // Awaited by `stop`.
    this.#write().catch((thrown: unknown) => {
      this.#log.warn('memory of servers not stored', { problem: messageOf(thrown) })
    })
  }

  #write(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        const now = this.#remembered
        await writeFileAtomically(this.#file, `${JSON.stringify(now)}\n`)
        // Unless it was forgotten meanwhile.
        if (this.#remembered.term >= now.term) this.#durableTerm = Math.max(this.#durableTerm, now.term)
      })
    return this.#writing
  }
}

function urlsOf(given: unknown): readonly string[] {
  return Array.isArray(given) ? given.filter((url) => typeof url === 'string') : []
}

/** Whether any of the URLs is among the others, as far as a slash at the end goes. */
export function isOneOf(urls: readonly string[], others: readonly string[]): boolean {
  const bare = (url: string) => url.replace(/\/+$/, '')
  return urls.some((url) => others.some((other) => bare(other) === bare(url)))
}
