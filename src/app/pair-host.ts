import type { History } from './history.ts'
import type { ServerEngines } from './server-engines.ts'

/** What a pair needs of the server that is half of it. */
export interface PairHost {
  history(): History
  engines(): ServerEngines | undefined
  inTurn<T>(act: () => Promise<T>): Promise<T>
  /** Resolves when this server acts. Its first step is `PairRole.beginWriting`. */
  act(): Promise<void>
  /** Resolves when nothing is written here any more. */
  stop(): Promise<void>
  /** Called in turn. */
  exchangeHistory(replace: () => void): Promise<void>
  /** What is stored is newer than what is shown. @param isUrgent it concerns agents */
  stale(isUrgent: boolean): void
  /** Who acts, or how the two stand, may be another now. */
  changed(): void
  /** Where agents and people reach this server. */
  ownUrl(): string
  /** As its portal is reached from this machine, which may be another address. */
  localUrl(): string
}
