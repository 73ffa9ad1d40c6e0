import type { Agent } from '../agent/index.ts'
import type { Outcome } from '../model/index.ts'

/** What the local agent did since the start. */
export interface AgentCounts {
  readonly byOutcome: Partial<Record<Outcome, number>>
  killed: number
  uploads: number
}

/** Counts an agent's events for as long as it lives. */
export function countEvents(agent: Agent): AgentCounts {
  const counts: AgentCounts = { byOutcome: {}, killed: 0, uploads: 0 }
  agent.on((event) => {
    switch (event.event) {
      case 'run ended':
        counts.byOutcome[event.result.outcome] = (counts.byOutcome[event.result.outcome] ?? 0) + 1
        break
      case 'slots left out':
        counts.byOutcome[event.gap.outcome] =
          (counts.byOutcome[event.gap.outcome] ?? 0) +
          Math.round((event.gap.to - event.gap.from) / event.gap.periodMs) +
          1
        break
      case 'process ended':
        if (event.reason === 'hung' || event.reason === 'memory' || event.reason === 'crashed') counts.killed++
        break
      case 'uploaded':
        counts.uploads++
        break
      case 'assignment applied':
      case 'server lost':
      case 'server reached':
      case 'clock jumped':
      case 'process started':
      case 'task blamed':
      case 'lease ended':
      case 'lease renewed':
      case 'isolation changed':
      case 'spool unwritable':
      case 'spool writable':
      case 'spool damaged':
      case 'spool overflowed':
        break
    }
  })
  return counts
}
