import type { LoggedGap } from './log-format.ts'
import type { Stretch } from './ledger.ts'
import { dayMs } from './schema.ts'

/** A slot is no agent's where none was there to run it: that is the server's own word. */
export function stretchOf({ from, to, periodMs, outcome, reason }: LoggedGap['gap'], agent: string): Stretch {
  return { from, to, periodMs, outcome, reason, agent: outcome === 'uncovered' ? '' : agent }
}

/** The parts of a stretch that lie in one day each. */
export function* byDay(gap: Stretch): Iterable<Stretch> {
  for (let from = gap.from; from <= gap.to;) {
    const end = Math.floor(from / dayMs) * dayMs + dayMs - 1
    const to = from + Math.floor((Math.min(end, gap.to) - from) / gap.periodMs) * gap.periodMs
    yield { ...gap, from, to }
    from = to + gap.periodMs
  }
}
