import type { MaintenanceTimes } from './maintenance.ts'
import type { SpoolEntry } from './result.ts'

/** A secret as a connector needs it, by field: `{ username, password }`. Exists in memory and on its way only. */
export type Secret = Readonly<Record<string, string>>

/** One way in to one system, as an agent needs to know it. `settings` were checked against the connector's declaration. */
export interface AssignedConnector {
  readonly id: string
  readonly type: string
  readonly group: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly credential?: { readonly type: string; readonly fields: Secret }
  /** Maintenance windows in which none of its slots is run: each is recorded as `maintenance`. */
  readonly pauses?: readonly MaintenanceTimes[]
  /** Its target must never be queried by two agents: no run of it begins once the agent's lease has ended. */
  readonly exclusive?: true
  /** Monitors that run commands of users may run on it. */
  readonly ownCommands?: true
}

/** One monitor of one profile on one connector. `settings` were checked against the monitor's declaration, defaults applied. */
export interface AssignedTask {
  readonly id: string
  readonly connector: string
  readonly monitor: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly periodMs: number
  readonly timeoutMs: number
}

/**
 * What a run by hand may be asked for instead of measuring. `candidates`: what there is to choose from for the monitor's settings. `neighbours`:
 * what else the connector's target knows of that could be configured.
 */
export type Wanted = 'candidates' | 'neighbours'

/** The settings that travel from the server to every agent. */
export interface TravellingSettings {
  /** How many monitors run at the same moment on an agent; 0 means: as many as suit the machine (64 for each core). */
  readonly parallelTasks: number
  /** How many of those may be at one target (host and port). */
  readonly parallelPerTarget: number
  /** The longest a monitor may run unless the task says less. */
  readonly processTimeoutMs: number
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  /** How long a changed log level holds before it falls back to the agent's own; 0: for good. */
  readonly logDurationMs: number
  /**
   * How long runs of exclusive connectors may begin after the agent last asked for its assignment and was answered, counted from the
   * moment at which it asked: a server that heard nothing for so long gives them to somebody else. Null: no lease, for an agent in the
   * server's own process.
   */
  readonly leaseMs: number | null
}

/** Everything one agent has to do. A new one replaces the old one whole; tasks that stand in both go on undisturbed. */
export interface Assignment {
  /** Changes whenever anything in it changes. */
  readonly version: string
  readonly connectors: readonly AssignedConnector[]
  readonly tasks: readonly AssignedTask[]
  readonly settings: TravellingSettings
}

/**
 * Results on their way. Entry i has the position `from + i` in the agent's spool; positions only grow and are never used twice
 * within one `spool`, whose id is new each time a spool is begun anew.
 */
export interface UploadBatch {
  readonly format: 1
  readonly agent: string
  readonly spool: string
  readonly from: number
  /**
   * The first position of this spool that the agent still holds: what lies below is stored long since, or was dropped there, and nobody
   * waits for it. The answer counts from here. Absent: from the first position that the server ever saw.
   */
  readonly oldest?: number
  readonly entries: readonly SpoolEntry[]
}

/** What the server says once a batch and its position are durable, in one transaction. */
export interface UploadAnswer {
  /** Every position from the batch's `oldest` to below this one is stored. Others may be stored as well: the batch itself always is. */
  readonly acknowledged: number
  /** Every position below this one, counted likewise, is safe on the standby too, and may be forgotten. Without a pair the same as `acknowledged`. */
  readonly safe: number
  /** The server is busy: send nothing more for so long. 0 for none. */
  readonly pauseMs: number
}

/**
 * The agent's way to its server. In one process a call, otherwise HTTPS; the agent does not know which.
 * Both methods reject while the server is away or cannot store; the agent keeps what it has and tries again with backoff.
 */
export interface ServerLink {
  /**
   * Resolves at once where the assignment differs from `known`, else when it changes or after a while with undefined. Where `known` is given,
   * resolving says that the server counts on this agent: it renews the lease.
   */
  assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined>
  /** Called with two batches at a time, of positions in any order. Repeating a batch is harmless. */
  upload(batch: UploadBatch, signal: AbortSignal): Promise<UploadAnswer>
  /**
   * Tells when a server can be worked with again, or another one can, after none could: who waits to try again need not wait any longer.
   * Absent where the server is never away. @returns what ends the telling
   */
  onReached?(listener: () => void): () => void
}
