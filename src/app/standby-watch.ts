import { formatDuration } from '../base/index.ts'
import type { PairProblem } from '../failover/index.ts'
import type { PartLag } from '../replication/index.ts'

/** Most copies take seconds. One that takes longer than this is told of: until it is over the other server acts with less than there is, or not at all. */
const longCopyMs = 600_000

/** How one part of the other server's copy was last seen, and since when it has been so. */
interface PartSeen {
  readonly is: 'copying' | 'following' | 'waiting'
  readonly since: number
}

/** By the name of the part. */
export type StandbySeen = ReadonlyMap<string, PartSeen>

/** For the audit log. */
export interface StandbyEvent {
  readonly action: 'copy begun' | 'copy complete' | 'standby waits' | 'standby goes on'
  readonly what: string
}

export interface StandbyNews {
  readonly seen: StandbySeen
  /** What stands now; as everywhere in the pair, words say nothing that changes from second to second. */
  readonly problems: readonly PairProblem[]
  readonly events: readonly StandbyEvent[]
}

/**
 * What the side that acts makes of how the other one's copy goes: a copy that begins is an event, since something was wrong or was never there; one that
 * takes long, and a part that waits until the other server is upgraded, are problems besides.
 *
 *   unknown ──▶ following ◀──▶ copying
 *                   ▲            │
 *                   └▶ waiting ◀─┘
 */
export function watchStandby(
  before: StandbySeen,
  parts: Readonly<Record<string, PartLag>>,
  other: string,
  at: number,
): StandbyNews {
  const seen = new Map<string, PartSeen>()
  const problems: PairProblem[] = []
  const events: StandbyEvent[] = []
  const waiting: string[] = []
  const copied: string[] = []
  for (const [name, part] of Object.entries(parts)) {
    const is = stateOf(part)
    const was = before.get(name)
    const now = is === undefined ? was : was?.is === is ? was : { is, since: at }
    if (now === undefined) continue
    seen.set(name, now)
    if (now !== was) events.push(...eventsOf(name, was, now, part))
    if (part.is === 'following' && part.waits !== undefined) waiting.push(`${name}: ${part.waits}`)
    if (now.is === 'copying' && at - now.since > longCopyMs) copied.push(name)
  }
  if (waiting.length > 0)
    problems.push({
      key: 'failover: standby waits',
      severity: 'WARNING',
      message: `The ${other} is an older version of Farwatch and does not take what this one writes (${waiting.join('; ')}). Upgrade it: were this server lost before, the ${other} would take over without that`,
    })
  if (copied.length > 0)
    problems.push({
      key: 'failover: copy takes long',
      severity: 'WARNING',
      message: `The copy to the ${other} has taken longer than ${formatDuration(longCopyMs)} (${copied.join(', ')}). Look how it goes with \`farwatch failover status\`, and whether the line between the two is slow`,
    })
  return { seen, problems, events }
}

/** Undefined: nothing is known now. */
function stateOf(part: PartLag): PartSeen['is'] | undefined {
  switch (part.is) {
    case 'following':
      return part.waits === undefined ? 'following' : 'waiting'
    case 'copying':
      return 'copying'
    case 'unknown':
      return undefined
  }
}

function eventsOf(name: string, was: PartSeen | undefined, now: PartSeen, part: PartLag): readonly StandbyEvent[] {
  const events: StandbyEvent[] = []
  if (was?.is === 'copying') events.push({ action: 'copy complete', what: name })
  switch (now.is) {
    case 'copying': {
      const why = part.is === 'copying' ? part.why : undefined
      events.push({ action: 'copy begun', what: `${name}: ${why ?? 'it was under way before the start'}` })
      break
    }
    case 'waiting':
      events.push({ action: 'standby waits', what: `${name}: ${part.is === 'following' ? part.waits : ''}` })
      break
    case 'following':
      if (was?.is === 'waiting') events.push({ action: 'standby goes on', what: name })
      break
  }
  return events
}
