import type { ServerHost } from './faults.ts'
import type { Machine } from './machine.ts'
import type { PairEvidence } from './pair-evidence.ts'
import { pairFile, type PairServer, type ServerName } from './pair-server.ts'
import { PairStore, type PairBackup } from './pair-store.ts'

/** One server of a pair while a story is told: its machine, its data, and the program that runs. */
export class PairHost implements ServerHost {
  readonly name: ServerName
  readonly machine: Machine
  readonly store = new PairStore()
  server: PairServer | undefined
  readonly #start: (host: PairHost) => Promise<PairServer>
  readonly #evidence: PairEvidence

  constructor(
    name: ServerName,
    machine: Machine,
    evidence: PairEvidence,
    start: (host: PairHost) => Promise<PairServer>,
  ) {
    this.name = name
    this.machine = machine
    this.#evidence = evidence
    this.#start = start
  }

  get isRunning(): boolean {
    return this.machine.program !== undefined
  }

  start(): void {
    if (this.isRunning) return
    const { world } = this.machine
    world.tell(this.name, 'started')
    const starting = this.#start(this)
    const { program } = this.machine
    void starting.then(
      (server) => {
        if (this.machine.program !== program) return
        this.server = server
        world.tell(this.name, 'is there')
      },
      (thrown: unknown) => {
        if (this.machine.program !== program) return
        world.tell(this.name, `could not start: ${String(thrown)}`)
        this.machine.kill()
        world.after(2_000, () => this.start())
      },
    )
  }

  kill(how: 'kill' | 'power'): void {
    if (!this.isRunning) return
    const gone = this.server
    this.server = undefined
    this.#evidence.ended(this.name)
    if (how === 'power') return this.machine.losePower()
    this.machine.kill()
    gone?.hangUp()
  }

  // --- Backups of the data directory

  async backUp(): Promise<Backup> {
    this.machine.world.tell(this.name, 'backup made')
    return { files: await this.store.backUp(), pair: this.machine.disk.peek(pairFile), at: this.machine.world.at }
  }

  /** @param isWhole with what the pair knows for good, else the data alone */
  async restore({ files, pair, at }: Backup, isWhole: boolean): Promise<void> {
    this.machine.world.tell(
      this.name,
      `restored as it was ${(this.machine.world.at - at) / 1_000} s ago${isWhole ? '' : ', data only'}`,
    )
    await this.store.restore(files)
    this.#evidence.restored(this.name, at)
    const { disk } = this.machine
    if (!isWhole || pair === undefined || this.machine.isDiskFull) return
    await disk.open().writeAtomically(pairFile, String(pair))
    this.#evidence.forgot(this.name)
  }
}

export interface Backup {
  readonly files: PairBackup
  readonly pair: Uint8Array | undefined
  readonly at: number
}
