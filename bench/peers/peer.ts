/** What is run beside Farwatch for comparison: a monitoring system of Debian's packages, with the same checks at the same servers. */
import type { LoadKind } from '../load.ts'

export type ComparedKind = Exclude<LoadKind, 'http-reuse' | 'https-new'>

/** A program, by the Debian package that brings it. */
export interface Program {
  readonly package: string
  isThere(): boolean
}

export interface PeerLoad {
  readonly kind: ComparedKind
  readonly tasks: number
  readonly periodMs: number
  /** Of the server on 127.0.0.1 that HTTP and TCP checks ask. */
  readonly port: number
}

/** Add one: a file of its own in this folder, and a line in the list of `bench/compare.ts`. */
export interface Peer {
  /** As it is named on the command line and in the table. */
  readonly name: string
  readonly programs: readonly Program[]
  /** Checks a second at which it is compared: what all are compared at, or less where it does not hold that on two cores. */
  readonly rates: Readonly<Record<ComparedKind, number>>
  /** What it does and stores for one check, in words. */
  readonly does: Readonly<Record<ComparedKind, string>>
  /** What takes long and serves all loads, such as a database. Called once. */
  prepare(): Promise<PreparedPeer>
}

export interface PreparedPeer extends AsyncDisposable {
  /** Starts it with this load and nothing else; resolves when its programs run. One load at a time. */
  carry(load: PeerLoad): Promise<Carrying>
}

export interface Carrying {
  /** What is told apart in the table, each a set of processes; the last part is all that runs, storage included. */
  readonly parts: readonly Part[]
  /** How many checks of a time were stored with an answer; milliseconds since 1970. Asked a few seconds after that time is over. */
  stored(from: number, to: number): Promise<number>
  /** Ends all that `carry` started and removes what it wrote. */
  stop(): Promise<void>
}

export interface Part {
  readonly name: string
  /** Processes whose trees are counted. */
  readonly roots: readonly number[]
}
