import { inOnePiece, type Pieces } from '../platform/index.ts'
import {
  balance,
  bestFor,
  failsToReach,
  hasTurn,
  put,
  type BalanceSettings,
  type Board,
  type Piece,
} from './balance.ts'
import {
  Kinds,
  whyUncovered,
  type Kind,
  type PlacementAgent,
  type PlacementConnector,
  type PlacementGroup,
} from './eligibility.ts'
import { perStep, sorting } from './sorting.ts'
import { Walk } from './walk.ts'

/**
 * How a connector came to the agent that has it. `first` nobody had it · `lost` the agent before was silent · `barred` the agent before may
 * not run it any more · `balance` the agent before had too much · `drain` the agent before is being drained · `unreachable` the agent
 * before does not reach the target
 */
export type Cause = 'first' | 'lost' | 'barred' | MoveReason
export type MoveReason = 'balance' | 'drain' | 'unreachable'

/** Who has a connector, since when, and how it came there. */
interface Had {
  readonly agent: string
  readonly since: number
  readonly cause: Cause
  /** The agent that had it before. */
  readonly from?: string
}

/** An agent has it. `onTrust`: it was given without a proof that the target is reached from there. */
export interface Settled extends Had {
  readonly is: 'settled'
  readonly onTrust: boolean
}
/** The agent goes on with it until `to` has proved that it reaches the target. */
export interface Proving extends Had {
  readonly is: 'proving'
  readonly to: string
  readonly why: MoveReason
  readonly askedAt: number
}
/**
 * `to` is to have it. `overlap`: both run it until `to` confirms that it does; a slot that both run counts once.
 * Without (groups that are `exclusive`): nobody runs it until the agent confirms that it stopped.
 */
export interface Handing extends Had {
  readonly is: 'handing'
  readonly to: string
  readonly why: Cause
  readonly startedAt: number
  readonly overlap: boolean
  /** See `Settled`. */
  readonly onTrust: boolean
}
/** The agent is silent, and is waited for: as most others are, too, or as it works with another server, and its group is exclusive. */
export interface Held extends Had {
  readonly is: 'held'
}
/** Nobody may run it. */
export interface Uncovered {
  readonly is: 'uncovered'
  readonly since: number
  readonly reason: string
}

/**
 * Where one connector is.
 *
 *   uncovered ◀──nobody may──┐
 *       │                    │
 *       └──somebody may──▶ settled ──too much here, draining, not reached──▶ proving
 *                           ▲ │ ▲                                             │  │
 *                           │ │ └──────────────no proof: stays, says why──────┘  │ proof
 *       is waited for       │ │                                                  ▼
 *   held ◀──────────────────┼─┘        confirmed, or confirmation overdue     handing
 *     └──back, or not held──┘ ◀──────────────────────────────────────────────────┘
 *
 * Proof is asked for only where somebody still runs the connector. One whose agent is lost, or that is new, goes to the best agent at once
 * and on trust: waiting for a connect could only add to the time without a measurement, and where nobody gets through, a failed run that
 * says so is worth more than silence, as it is what a target that is down looks like, too. If the connect that is made afterwards fails
 * there and works elsewhere, it moves on.
 */
export type Place = Settled | Proving | Handing | Held | Uncovered

/** Most agents fell silent together: that is rather the network of the server, or its machine, than all of them. */
export interface MassLoss {
  readonly since: number
  /** Ids of the silent agents. */
  readonly agents: readonly string[]
  /** How many were there before. */
  readonly of: number
  /** Until this moment nothing is moved because of it; then what is silent counts as lost. */
  readonly holdsUntil: number
}

/** Immutable. A place that did not change is the same object as in the placement before. */
export interface Placement {
  readonly at: number
  readonly places: ReadonlyMap<string, Place>
  readonly massLoss: MassLoss | undefined
}

export interface PlacementSettings extends BalanceSettings {
  /** A connector that was moved to balance the load is not moved for that again before this time is over. */
  readonly restMs: number
  /** How many connectors are on their way to one agent at a time. */
  readonly movesAtOnce: number
  /** How long a hand-over waits for its confirmation. */
  readonly handOverMs: number
  readonly massLoss: {
    /** Fewer silent agents than this are never a mass loss. */
    readonly least: number
    /** They fell silent within this time. */
    readonly windowMs: number
    readonly holdMs: number
  }
}

export const defaultPlacementSettings: PlacementSettings = {
  relieveAbove: 1.08,
  fillBelow: 0.85,
  relieveTo: 1.03,
  restMs: 600_000,
  movesAtOnce: 64,
  handOverMs: 15_000,
  massLoss: { least: 3, windowMs: 30_000, holdMs: 120_000 },
}

export interface PlacementInput {
  readonly agents: readonly PlacementAgent[]
  readonly connectors: readonly PlacementConnector[]
  readonly groups: ReadonlyMap<string, PlacementGroup>
  readonly previous: Placement
  readonly at: number
  readonly settings: PlacementSettings
}

export const nowhere: Placement = { at: 0, places: new Map(), massLoss: undefined }

/** A connector while its place is worked out. */
interface Draft {
  readonly piece: Piece
  readonly before: Place | undefined
  /** Its place where nothing but balance would change it; undefined where it needs an agent. */
  readonly place: Exclude<Place, Uncovered> | undefined
  /** How it would come to the agent that it needs. */
  readonly cause: Cause
}

/**
 * Gives every connector an agent, or says why there is none.
 *
 * A pure function of its input, whatever the order of the lists. It moves as little as possible: what has an agent that may run it stays,
 * what has lost its agent goes to the one with the least load, and only then is load taken from agents that have too much. Asked again with
 * what it answered and nothing else new, it answers the same.
 */
export function place(input: PlacementInput): Placement {
  return inOnePiece(placing(input))
}

/** As `place`, with pauses: with a hundred thousand connectors it takes a tenth of a second and more. */
export function* placing(input: PlacementInput): Pieces<Placement> {
  const { at, settings, groups, previous } = input
  const agents = sortedById(input.agents)
  const connectors = sortedById(input.connectors)
  const indexOf = new Map(agents.map((agent, i) => [agent.id, i]))
  const massLoss = massLossOf(agents, previous.massLoss, at, settings.massLoss)
  const isHolding = massLoss !== undefined && at < massLoss.holdsUntil
  const context: Context = { agents, indexOf, groups, at, settings, isHolding }
  const kinds = new Kinds(agents, groups)
  const drafts: Draft[] = []
  const before = new Walk(previous.places)
  for (const connector of connectors) {
    drafts.push(draftOf(connector, kinds.kindOf(connector), before.get(connector.id), context))
    if (drafts.length % perStep === 0) yield
  }
  const board: Board = {
    agents,
    cost: agents.map(() => 0),
    isReceiver: agents.map((agent) => agent.runtime === 'ONLINE' && agent.steadyFrom <= at && !agent.isOverdue),
    incoming: agents.map(() => 0),
    movesAtOnce: settings.movesAtOnce,
  }
  for (const { piece, place: placed } of drafts) {
    if (piece.at < 0) continue
    board.cost[piece.at]! += piece.connector.cost
    if (placed?.is === 'proving') board.incoming[piece.at]!++
  }
  // The large ones first: the small ones then even out what they left.
  const wanting = yield* sorting(
    drafts.filter((draft) => draft.place === undefined),
    largestFirst,
  )
  for (const [i, { piece }] of wanting.entries()) {
    put(board, piece, bestFor(board, piece))
    if (i % perStep === 0) yield
  }
  const moves = new Map<Draft, MoveReason>()
  if (!isHolding) {
    relocate(drafts, board, context, moves)
    yield
    const pieces = drafts.map((draft) => (moves.has(draft) ? { ...draft.piece, hold: 'fixed' as const } : draft.piece))
    yield* balance(board, pieces, settings)
  }
  const places = new Map<string, Place>()
  for (const draft of drafts) {
    places.set(draft.piece.connector.id, placeOf(draft, moves.get(draft), context))
    if (places.size % perStep === 0) yield
  }
  return { at, places, massLoss }
}

interface Context {
  readonly agents: readonly PlacementAgent[]
  readonly indexOf: ReadonlyMap<string, number>
  readonly groups: ReadonlyMap<string, PlacementGroup>
  readonly at: number
  readonly settings: PlacementSettings
  readonly isHolding: boolean
}

/** What becomes of a place by itself: proofs, confirmations, agents that are gone. */
function draftOf(connector: PlacementConnector, kind: Kind, before: Place | undefined, context: Context): Draft {
  const { agents, indexOf, groups, at, settings, isHolding } = context
  if (before === undefined || before.is === 'uncovered') return homeless(connector, kind, before, 'first')
  const owner = indexOf.get(before.agent) ?? -1
  const mayStay = owner >= 0 && kind.mayKeep[owner] === true

  if (before.is === 'handing') {
    const to = indexOf.get(before.to) ?? -1
    const isDone =
      connector.isConfirmed === true ||
      at - before.startedAt >= settings.handOverMs ||
      (before.overlap ? !mayStay : owner >= 0 && agents[owner]!.runtime === 'OFFLINE')
    if (kind.eligible.includes(to)) {
      const placed = isDone ? settledAt(before.to, at, before.why, before.agent, before.onTrust) : before
      return housed(connector, kind, before, placed, to, 'fixed')
    }
  }
  if (mayStay) {
    if (before.is === 'proving') {
      const to = indexOf.get(before.to) ?? -1
      const reach = connector.reach?.get(before.to)
      if (kind.eligible.includes(to) && reach === undefined) return housed(connector, kind, before, before, to, 'fixed')
      if (kind.eligible.includes(to) && reach?.ok === true) {
        const placed = handing(before, before.to, before.why, connector, false, context)
        return housed(connector, kind, before, placed, to, 'fixed')
      }
    }
    const stays = stayed(before, connector, kind)
    const isResting = stays.cause === 'balance' && at - stays.since < settings.restMs
    const isMovable = agents[owner]!.runtime === 'ONLINE' && !isResting
    return housed(connector, kind, before, stays, owner, isMovable ? 'movable' : 'fixed')
  }
  const isLost = owner >= 0 && kind.isAllowed[owner] === true
  // It may well run on there, by the word of a server of which this one has not heard.
  const isRunElsewhere = isLost && agents[owner]!.isElsewhere && groups.get(connector.group)?.exclusive === true
  if (isRunElsewhere || (isLost && isHolding)) {
    const placed = before.is === 'held' ? before : ({ ...hadOf(before), is: 'held' } as const)
    return housed(connector, kind, before, placed, owner, 'fixed')
  }
  return homeless(connector, kind, before, isLost ? 'lost' : 'barred')
}

function housed(
  connector: PlacementConnector,
  kind: Kind,
  before: Place | undefined,
  placed: Exclude<Place, Uncovered>,
  at: number,
  hold: 'movable' | 'fixed',
): Draft {
  return { piece: { connector, kind, at, hold }, before, place: placed, cause: placed.cause }
}

function homeless(connector: PlacementConnector, kind: Kind, before: Place | undefined, cause: Cause): Draft {
  return { piece: { connector, kind, at: -1, hold: 'free' }, before, place: undefined, cause }
}

function hadOf({ agent, since, cause, from }: Had): Had {
  return from === undefined ? { agent, since, cause } : { agent, since, cause, from }
}

function settledAt(agent: string, since: number, cause: Cause, from: string | undefined, onTrust: boolean): Settled {
  return {
    is: 'settled',
    ...hadOf(from === undefined ? { agent, since, cause } : { agent, since, cause, from }),
    onTrust,
  }
}

/** The place of a connector that stays where it is. */
function stayed(before: Exclude<Place, Uncovered>, connector: PlacementConnector, kind: Kind): Settled {
  const isProved = before.is !== 'settled' || connector.reach?.get(before.agent)?.ok === true
  const onTrust = !isProved && before.onTrust && kind.eligible.length > 1
  if (before.is === 'settled' && before.onTrust === onTrust) return before
  return { is: 'settled', ...hadOf(before), onTrust }
}

function handing(
  before: Had,
  to: string,
  why: Cause,
  connector: PlacementConnector,
  onTrust: boolean,
  { groups, at }: Context,
): Handing {
  const overlap = groups.get(connector.group)?.exclusive !== true
  return { is: 'handing', ...hadOf(before), to, why, startedAt: at, overlap, onTrust }
}

/** Looks for other agents for what is on agents that are being drained, or that do not reach the target. */
function relocate(
  drafts: readonly Draft[],
  board: Board,
  { agents, indexOf }: Context,
  moves: Map<Draft, MoveReason>,
): void {
  const wanted = drafts.flatMap((draft): { draft: Draft; why: MoveReason }[] => {
    const { place: placed, piece } = draft
    if (placed?.is !== 'settled') return []
    const owner = agents[indexOf.get(placed.agent)!]!
    if (owner.runtime === 'DRAINING') return [{ draft, why: 'drain' }]
    return placed.onTrust && failsToReach(owner, piece.connector) ? [{ draft, why: 'unreachable' }] : []
  })
  wanted.sort((a, b) => largestFirst(a.draft, b.draft))
  for (const { draft, why } of wanted) {
    const { piece } = draft
    const to = bestFor(board, piece, (agent) => agent !== piece.at && !failsToReach(agents[agent]!, piece.connector))
    if (to < 0 || !hasTurn(board, piece, to)) continue
    put(board, piece, to)
    board.incoming[to]!++
    moves.set(draft, why)
  }
}

function placeOf(draft: Draft, move: MoveReason | undefined, context: Context): Place {
  const { piece, place: placed, before, cause } = draft
  const { agents, indexOf, groups, at } = context
  if (placed !== undefined) {
    const intended = placed.is === 'proving' || placed.is === 'handing' ? placed.to : placed.agent
    if (piece.at < 0 || indexOf.get(intended) === piece.at) return placed
    return { ...hadOf(placed), is: 'proving', to: agents[piece.at]!.id, why: move ?? 'balance', askedAt: at }
  }
  if (piece.at < 0) {
    const reason = whyUncovered(agents, piece.connector, groups.get(piece.connector.group))
    if (before?.is !== 'uncovered') return { is: 'uncovered', since: at, reason }
    return before.reason === reason ? before : { ...before, reason }
  }
  const to = agents[piece.at]!.id
  const onTrust = piece.kind.eligible.length > 1
  if (before === undefined || before.is === 'uncovered') return settledAt(to, at, cause, undefined, onTrust)
  const owner = indexOf.get(before.agent)
  const isAsleep = owner !== undefined && agents[owner]!.runtime === 'OFFLINE'
  // An agent that may still be at it has to stop first: one that is there confirms it, one that was removed is waited for.
  if (groups.get(piece.connector.group)?.exclusive === true && !isAsleep && before.agent !== to)
    return handing(before, to, cause, piece.connector, onTrust, context)
  return settledAt(to, at, cause, before.agent, onTrust)
}

/** Whether most agents fell silent together. Overdue ones count once the first is lost, so that the first is not moved for nothing. */
export function massLossOf(
  agents: readonly PlacementAgent[],
  before: MassLoss | undefined,
  at: number,
  settings: PlacementSettings['massLoss'],
): MassLoss | undefined {
  // The server's own agent says nothing about the network.
  const counted = agents.filter((agent) => !agent.local && agent.registration === 'ACCEPTED' && agent.admin === 'ON')
  const lost = counted.filter(
    ({ id, runtime, lostAt }) =>
      runtime === 'OFFLINE' &&
      lostAt !== undefined &&
      (lostAt > at - settings.windowMs || before?.agents.includes(id) === true),
  )
  const overdue = counted.filter(({ runtime, isOverdue }) => runtime !== 'OFFLINE' && isOverdue)
  const there = counted.filter(({ runtime, isOverdue }) => runtime !== 'OFFLINE' && !isOverdue)
  const silent = lost.length + overdue.length
  if (lost.length === 0 || silent < settings.least || silent <= there.length) return undefined
  return {
    since: before?.since ?? Math.min(...lost.map(({ lostAt }) => lostAt!)),
    agents: [...lost, ...overdue].map(({ id }) => id).sort(),
    of: silent + there.length,
    holdsUntil: before?.holdsUntil ?? at + settings.holdMs,
  }
}

function largestFirst(a: Draft, b: Draft): number {
  const [one, two] = [a.piece.connector, b.piece.connector]
  return two.cost - one.cost || (one.id < two.id ? -1 : 1)
}

function sortedById<T extends { readonly id: string }>(list: readonly T[]): readonly T[] {
  // Whoever asks again and again keeps them in order.
  if (list.every(({ id }, i) => i === 0 || list[i - 1]!.id < id)) return list
  return [...list].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** Whether an agent is to run a connector now. */
export function runs(agent: string, at: Place): boolean {
  switch (at.is) {
    case 'settled':
    case 'proving':
    case 'held':
      return at.agent === agent
    case 'handing':
      return at.overlap && (at.agent === agent || at.to === agent)
    case 'uncovered':
      return false
  }
}
