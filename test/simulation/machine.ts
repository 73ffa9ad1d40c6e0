import type { CancelTimer, Clock } from '../../src/base/index.ts'
import { MemoryDisk, type Around, type Disk } from '../../src/platform/index.ts'
import type { World } from './world.ts'

/** How long one call to the disk takes. */
export interface DiskPace {
  readonly leastMs: number
  readonly mostMs: number
}

export const quickDisk: DiskPace = { leastMs: 0, mostMs: 3 }

/** One computer: its clocks, its disk, and the program that runs on it, one after another. */
export class Machine {
  readonly name: string
  readonly world: World
  readonly disk: MemoryDisk
  /** Wall clock minus true time. */
  skewMs = 0
  pace: DiskPace = quickDisk
  #bootedAt: number
  #program: Program | undefined
  #isPaused = false
  #pausedAt = 0
  /** When it stood still and went on. True time. */
  readonly stood: { readonly from: number; readonly until: number }[] = []
  #waiting: (() => void)[] = []

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.disk = new MemoryDisk({ now: () => this.wall, random: world.random })
    this.#bootedAt = world.at - world.between(0, 1_000_000)
  }

  get wall(): number {
    return this.world.at + this.skewMs
  }

  get elapsed(): number {
    return this.world.at - this.#bootedAt
  }

  get isDiskFull(): boolean {
    return this.disk.capacityBytes < Infinity && this.disk.bytes >= this.disk.capacityBytes
  }

  get program(): Program | undefined {
    return this.#program
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** It has not stood still, nor just now before that. */
  hasGoneOnFor(ms: number): boolean {
    return !this.#isPaused && this.world.at - (this.stood.at(-1)?.until ?? -Infinity) >= ms
  }

  begin(): Program {
    this.#program = new Program(this)
    return this.#program
  }

  /** kill -9: what was written is with the system. */
  kill(): void {
    this.world.tell(this.name, 'killed')
    this.#program?.die()
    this.#program = undefined
    this.resume()
  }

  losePower(): void {
    this.world.tell(this.name, 'power lost')
    this.#program?.die()
    this.#program = undefined
    this.disk.losePower()
    this.#bootedAt = this.world.at
    this.resume()
  }

  /** Clocks go on, and nothing runs. */
  pause(): void {
    this.world.tell(this.name, 'paused')
    this.#isPaused = true
    this.#pausedAt = this.world.at
  }

  resume(): void {
    if (!this.#isPaused) return
    this.world.tell(this.name, 'resumed')
    this.#isPaused = false
    this.stood.push({ from: this.#pausedAt, until: this.world.at })
    for (const act of this.#waiting.splice(0)) this.world.after(0, act)
  }

  jumpClock(ms: number): void {
    this.world.tell(this.name, `wall clock set by ${ms / 1_000} s`)
    this.skewMs += ms
  }

  /** Does something on this machine, as soon as it runs. */
  do(act: () => void): void {
    if (this.#isPaused) this.#waiting.push(() => this.do(act))
    else act()
  }
}

/** One life of a program: its clock, and its hand on the disk. When it has died, nothing of it happens any more. */
export class Program implements Clock {
  readonly machine: Machine
  readonly disk: Disk
  /** Has something done by the disk, which takes its time: whoever dies meanwhile has done it, or has not. */
  readonly call: Around
  #isAlive = true

  constructor(machine: Machine) {
    this.machine = machine
    this.call = (act) =>
      new Promise((resolve, reject) => {
        const { leastMs, mostMs } = machine.pace
        const tookMs = machine.world.between(leastMs, mostMs)
        const isLate = machine.world.chance(0.5)
        const carryOut = () => {
          try {
            const done = act()
            // Whoever called learns of it a moment later.
            if (done instanceof Promise) done.catch(() => undefined)
            return () => resolve(done)
          } catch (thrown) {
            return () => reject(thrown)
          }
        }
        if (isLate) this.after(tookMs, () => carryOut()())
        else this.after(tookMs, carryOut())
      })
    this.disk = machine.disk.open(this.call)
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  die(): void {
    this.#isAlive = false
  }

  now(): number {
    return this.machine.wall
  }

  elapsed(): number {
    return this.machine.elapsed
  }

  after(delayMs: number, act: () => void): CancelTimer {
    let isCancelled = false
    const cancel = this.machine.world.after(delayMs, () =>
      this.do(() => {
        if (!isCancelled) act()
      }),
    )
    return () => {
      isCancelled = true
      cancel()
    }
  }

  do(act: () => void): void {
    if (!this.#isAlive) return
    this.machine.do(() => {
      if (this.#isAlive) act()
    })
  }
}
