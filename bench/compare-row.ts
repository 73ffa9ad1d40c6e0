/** One line of what `npm run bench -- --compare` prints. */
import type { Stand } from './peers/stand.ts'

export type Line =
  | {
      readonly is: 'seen'
      readonly work: string
      /** Whom Farwatch is held against, and which part of it. */
      readonly peer: string
      readonly unit: string
      readonly own: number
      readonly theirs: number
      /** The goal, in words: of the own figure, or of the ratio. */
      readonly wanted: string
      readonly note?: string
    }
  | { readonly is: 'not seen'; readonly work: string; readonly peer: string; readonly reason: string }

export interface Asked {
  /** Names of those that are wanted. */
  readonly peers: readonly string[]
  /** How often Farwatch and each of them are measured in turn. */
  readonly rounds: number
  readonly stand: Stand
}

export interface CompareRow {
  readonly name: string
  readonly about: string
  /** Names of those it can be compared with. */
  readonly peers: readonly string[]
  run(asked: Asked): Promise<readonly Line[]>
}

export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message.trim() : String(thrown)
}
