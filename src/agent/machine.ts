import { randomUUID } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { systemDisk, type Disk } from '../platform/index.ts'
import { Pool, type Ended, type Order, type PoolOptions, type PoolStatus } from './pool.ts'

/** Who carries out runs: the monitoring processes, or what stands for them in a simulation. */
export interface Runner {
  /** Resolves when the first process can take work; before, runs would only wait. */
  readonly ready: Promise<void>
  /** Runs one order. `done` is called exactly once, never from within this call, unless the runner is stopped before. */
  run(order: Order, done: (ended: Ended) => void): void
  /** Lets go of what is held for tasks and connectors that changed or are gone. */
  forget(tasks: readonly string[], connectors: readonly string[]): void
  status(): PoolStatus
  /** Ends everything at once; `done` of what was running is not called any more. */
  stop(): Promise<void>
}

/** All that the agent touches of its machine, beside its clock and the link. A simulation has another one. */
export interface AgentMachine {
  readonly disk: Disk
  /** A name that nobody else gives. */
  newId(): string
  /** Whether the machine has an address but its own loopback. */
  hasAddress(): boolean
  startRunner(options: PoolOptions): Runner
}

export const thisMachine: AgentMachine = {
  disk: systemDisk,
  newId: () => randomUUID(),
  hasAddress: () => Object.values(networkInterfaces()).some((list) => list?.some((one) => !one.internal) === true),
  startRunner: (options) => new Pool(options),
}
