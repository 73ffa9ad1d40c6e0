import type { DatabaseSync } from 'node:sqlite'
import { withRange, type Ranges } from '../model/index.ts'
import { StatementCache } from '../platform/index.ts'
import { dayMs } from './schema.ts'

interface Spool {
  readonly agent: string
  readonly spool: string
  readonly ranges: Ranges
  readonly at: number
  changed: boolean
}

const none: Ranges = []

/** Which positions of which spools were received. */
export class SpoolBook {
  readonly #statements: StatementCache
  readonly #spools = new Map<string, Spool>()

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
    for (const row of this.#statements.get('SELECT * FROM spool').all()) {
      // Written by `seal`, and nowhere else.
      const { agent, spool, ranges, at } = row as unknown as Record<'agent' | 'spool' | 'ranges', string> & {
        at: number
      }
      const received = JSON.parse(ranges) as Ranges
      this.#spools.set(spoolKey(agent, spool), { agent, spool, ranges: received, at, changed: false })
    }
  }

  ranges(agent: string, spool: string): Ranges {
    return this.#spools.get(spoolKey(agent, spool))?.ranges ?? none
  }

  received(agent: string, spool: string, from: number, count: number, at: number): void {
    const ranges = withRange(this.ranges(agent, spool), from, from + count)
    this.#spools.set(spoolKey(agent, spool), { agent, spool, ranges, at, changed: true })
  }

  /** Writes what changed; called in a transaction. @returns what is to be called after its commit */
  seal(at: number): () => void {
    for (const [key, { agent, spool, ranges, at: seenAt, changed }] of this.#spools) {
      if (changed)
        this.#statements
          .get(
            'INSERT INTO spool VALUES ($agent, $spool, $ranges, $at) ON CONFLICT DO UPDATE SET ranges = excluded.ranges, at = excluded.at',
          )
          .run({ agent, spool, ranges: JSON.stringify(ranges), at: seenAt })
      // A spool that was begun anew long ago: its entries are known by their slots all the same.
      if (seenAt < at - 60 * dayMs) {
        this.#statements.get('DELETE FROM spool WHERE agent = $agent AND spool = $spool').run({ agent, spool })
        this.#spools.delete(key)
      }
    }
    return () => {
      for (const spool of this.#spools.values()) spool.changed = false
    }
  }
}

export function spoolKey(agent: string, spool: string): string {
  return `${agent}\0${spool}`
}
