import type { AdminState, Registration, RuntimeState } from './eligibility.ts'

/** Moments are epoch milliseconds of server time. */
export interface LeaseSettings {
  /**
   * Silent for so long an agent is OFFLINE. Too small: a slow line or a busy server loses agents that are well. Too large: nobody
   * measures for so long. At least `shortestOfflineTimeoutMs`; agents renew three times as often.
   */
  readonly offlineTimeoutMs: number
  /** After a start of the server, or a stop of its machine, nobody is missed before this time is over: agents come back with a backoff. */
  readonly graceMs: number
  /** An agent that was lost once within `lossesWithinMs` gets work back after this time, twice as long for each further loss. */
  readonly steadyAfterMs: number
  readonly longestSteadyAfterMs: number
  readonly lossesWithinMs: number
}

export const shortestOfflineTimeoutMs = 5_000

export const defaultLeaseSettings: LeaseSettings = {
  offlineTimeoutMs: 15_000,
  graceMs: 45_000,
  steadyAfterMs: 60_000,
  longestSteadyAfterMs: 1_800_000,
  lossesWithinMs: 3_600_000,
}

/** How far a drain is. */
export type Drain = 'none' | 'under way' | 'done'

/**
 * The life of one agent as the server sees it: three lives side by side. Immutable; it can be stored as it is.
 *
 *   registration   PENDING ──▶ ACCEPTED, REJECTED ──▶ …                         told (`standing`): the registry of agents decides it
 *
 *   administrative ON ◀──▶ OFF                                                  told with it
 *
 *   runtime        OFFLINE ──heard──▶ ONLINE ──drain asked──▶ DRAINING ──nothing left──▶ DRAINING, drain done
 *                     ▲                 │ ▲                      │ │
 *                     │                 │ └─────drain ended──────┘ │             heard again it goes on being drained
 *                     └── silent for the offline timeout ──────────┘
 *
 * A lease is renewed by every call of the agent. Only an agent that is ACCEPTED, ON and not drained can be `lost`: that is what an alarm
 * is raised for. One that was drained to the end was expected to go.
 */
export interface AgentLife {
  readonly registration: Registration
  readonly admin: AdminState
  readonly isOnline: boolean
  readonly drain: Drain
  /** The last call; undefined where it never called. */
  readonly heardAt: number | undefined
  /** Since when it is ONLINE, or OFFLINE. */
  readonly since: number
  /** When it was lost, of the last `lossesWithinMs` before the last of them. */
  readonly losses: readonly number[]
  /** It is missed: it was there, should be there, and is silent. */
  readonly isLost: boolean
}

export type LifeEvent =
  | { readonly is: 'standing'; readonly registration: Registration; readonly admin: AdminState }
  | { readonly is: 'drain asked' | 'drain ended' | 'drained' }
  | { readonly is: 'heard' }
  /** The server's clock was set, or it stood still: moments that lie ahead now were told by a clock that was wrong. */
  | { readonly is: 'clock set' }
  /** Time passed. */
  | ({ readonly is: 'tick' } & Heard)

/** What follows of an event beside the new life. `place`: who may run what is not as before. */
export type LifeEffect = 'place' | 'lost' | 'found' | 'drained'

export interface LifeStep {
  readonly life: AgentLife
  readonly effects: readonly LifeEffect[]
}

/** An agent that never called. */
export function newLife(at: number): AgentLife {
  return {
    registration: 'PENDING',
    admin: 'ON',
    isOnline: false,
    drain: 'none',
    heardAt: undefined,
    since: at,
    losses: [],
    isLost: false,
  }
}

export function runtimeOf({ isOnline, drain }: AgentLife): RuntimeState {
  if (!isOnline) return 'OFFLINE'
  return drain === 'none' ? 'ONLINE' : 'DRAINING'
}

/** One step in the life of an agent. What is so already (a drain that is under way) changes nothing. */
export function step(life: AgentLife, event: LifeEvent, at: number, settings: LeaseSettings): LifeStep {
  switch (event.is) {
    case 'standing': {
      const { registration, admin } = event
      if (life.registration === registration && life.admin === admin) return unchanged(life)
      return changed(life, { registration, admin })
    }
    case 'drain asked':
      return life.drain === 'none' ? changed(life, { drain: 'under way' }) : unchanged(life)
    case 'drain ended':
      return life.drain === 'none' ? unchanged(life) : changed(life, { drain: 'none' })
    case 'drained':
      return life.drain === 'under way' ? { life: { ...life, drain: 'done' }, effects: ['drained'] } : unchanged(life)
    case 'heard':
      return heard(life, at)
    case 'clock set':
      return unchanged(notAhead(life, at))
    case 'tick':
      return isSilent(life, event, at, settings) ? silenced(life, at, settings) : unchanged(life)
  }
}

function unchanged(life: AgentLife): LifeStep {
  return { life, effects: [] }
}

/** By the word of an administrator. Nobody misses an agent that is not to work. */
function changed(life: AgentLife, change: Partial<AgentLife>): LifeStep {
  const next = { ...life, ...change }
  const isMissed = next.registration === 'ACCEPTED' && next.admin === 'ON'
  if (!life.isLost || isMissed) return { life: next, effects: ['place'] }
  return { life: { ...next, isLost: false }, effects: ['place', 'found'] }
}

/** Otherwise an agent would not be missed before a clock that was set back has caught up. */
function notAhead(life: AgentLife, at: number): AgentLife {
  const { heardAt, since, losses } = life
  if ((heardAt ?? 0) <= at && since <= at) return life
  return {
    ...life,
    heardAt: heardAt === undefined ? undefined : Math.min(heardAt, at),
    since: Math.min(since, at),
    losses: losses.map((loss) => Math.min(loss, at)),
  }
}

function heard(life: AgentLife, at: number): LifeStep {
  const heardAt = Math.max(at, life.heardAt ?? at)
  if (life.isOnline) return unchanged({ ...life, heardAt })
  const next: AgentLife = { ...life, heardAt, isOnline: true, since: at, isLost: false }
  return { life: next, effects: life.isLost ? ['place', 'found'] : ['place'] }
}

function silenced(life: AgentLife, at: number, settings: LeaseSettings): LifeStep {
  const isLost = life.registration === 'ACCEPTED' && life.admin === 'ON' && life.drain !== 'done'
  const losses = isLost ? [...life.losses.filter((loss) => loss > at - settings.lossesWithinMs), at] : life.losses
  const next: AgentLife = { ...life, isOnline: false, since: at, losses, isLost }
  return { life: next, effects: isLost ? ['place', 'lost'] : ['place'] }
}

/** What the server can say of silence: see `Listening`. */
export type Heard = Pick<Listening, 'since' | 'begunAt' | 'behindMs'>

/** Who has called since it listens has come back already, and is missed like at any other time. */
function silentFor({ heardAt, since }: AgentLife, heard: Heard, at: number): number {
  return heardAt !== undefined && heardAt > heard.begunAt ? at - heardAt : at - Math.max(heardAt ?? since, heard.since)
}

function isSilent(life: AgentLife, heard: Heard, at: number, settings: LeaseSettings): boolean {
  const timeoutMs = Math.max(settings.offlineTimeoutMs, shortestOfflineTimeoutMs)
  return life.isOnline && silentFor(life, heard, at) >= timeoutMs + heard.behindMs
}

/** Whether an agent that is not OFFLINE yet should have called: agents renew in a third of the timeout. */
export function isOverdue(life: AgentLife, heard: Heard, at: number, settings: LeaseSettings): boolean {
  return life.isOnline && silentFor(life, heard, at) > settings.offlineTimeoutMs / 2
}

/** The moment from which an agent gets work back. An agent that was not lost lately is steady at once, so that a new one gets its share. */
export function steadyFrom(life: AgentLife, settings: LeaseSettings): number {
  const losses = life.losses.filter((loss) => loss > life.since - settings.lossesWithinMs).length
  if (losses === 0) return life.since
  return life.since + Math.min(settings.steadyAfterMs * 2 ** (losses - 1), settings.longestSteadyAfterMs)
}

/**
 * Since when the server hears everything. A server that was stopped (by its restart, a suspended machine, a paused virtual machine), or whose
 * wall clock was set, cannot say who was silent meanwhile: everybody gets the time to call again.
 */
export interface Listening {
  /** Moments before do not count as silence of those who have not called since it began. May lie ahead: then none of them is missed before. */
  readonly since: number
  /** When it began. */
  readonly begunAt: number
  readonly tickedAt: number
  /** A reading of a clock that only moves forward, taken with `tickedAt`. */
  readonly elapsed: number
  /**
   * By how much ticks were late within the last offline timeout, all together. What agents say waits as ticks do: a server that has too much
   * to do would otherwise miss agents that it has not listened to, move their work, and have even more to do.
   */
  readonly behindMs: number
}

/** Ticks come once a second; longer pauses than this mean that the server stood still. */
const longestNapMs = 5_000
const betweenTicksMs = 1_000
/** No timer is better than this on a machine that does something else as well. */
const tickSlackMs = 200
/** By so much the wall clock may be corrected between two ticks without anybody being forgiven anything. */
const clockSlackMs = 1_000

export function startListening(at: number, elapsed: number, settings: LeaseSettings): Listening {
  return {
    since: at + settings.graceMs - settings.offlineTimeoutMs,
    begunAt: at,
    tickedAt: at,
    elapsed,
    behindMs: 0,
  }
}

export function listen(before: Listening, at: number, elapsed: number, settings: LeaseSettings): Listening {
  const wallMs = at - before.tickedAt
  const realMs = elapsed - before.elapsed
  const isContinuous = Math.max(wallMs, realMs) <= longestNapMs && Math.abs(wallMs - realMs) <= clockSlackMs
  if (!isContinuous) return startListening(at, elapsed, settings)
  const lateMs = realMs - betweenTicksMs
  const left = Math.max(0, 1 - realMs / settings.offlineTimeoutMs)
  return {
    ...before,
    tickedAt: at,
    elapsed,
    behindMs: before.behindMs * left + (lateMs > tickSlackMs ? lateMs : 0),
  }
}
