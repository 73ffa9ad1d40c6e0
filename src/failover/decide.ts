import { comparePosition, lagBetween } from './position.ts'
import { problemsOf } from './problems.ts'
import {
  actsIn,
  type ActiveReason,
  type HeardReport,
  type IdleReason,
  type PairState,
  type Report,
  type Rules,
  type Seen,
  type World,
} from './state.ts'
import { nextTerm, ownerOf, type Side } from './terms.ts'
import { ask, believedTerm, current, highestClaim, type Statement, type Vote } from './witnesses.ts'

/**
 * One half of a failover pair: what it makes of what it hears. Both halves are this same machine; only the SECONDARY opens connections, and a
 * PRIMARY that does not act is called `held`, a SECONDARY `standby`.
 *
 *                    ┌──────────────────────────── off ◀── mode OFF, from anywhere; who acted goes on, who did not goes on not to
 *                    │ mode on                      │ mode on: a PRIMARY that acted
 *                    ▼                              ▼
 *              held, standby ────────────────────▶ active ──hand over, the other nearly has everything──▶ giving
 *                ▲       ▲     becomes active        │                                                      │
 *                │       └───────────────────────────┘                                                      │
 *                │             stops acting                                                                 │
 *                └──────────────── the other has become active with a higher term ──────────────────────────┤
 *                                  active ◀── the other does not take it within five seconds ───────────────┘
 *
 * Becomes active, with the next term of its side (terms.ts), or with its own where nobody had a higher one since:
 *   lost       the other is silent beyond the timeout, and of the agents that can say so more than half have lost it too, or there is none
 *   unsound    the other says that its data is not to be relied on, or has less than this side knows that it had: at once
 *   yours      the other gives, and this side holds everything up to the position that it named
 *   resumed    it acted last, and the other, in contact, knows of nothing later (a start, a pause)
 *   nobody     both are in contact, and neither acts, for two timeouts (the PRIMARY) or three (the SECONDARY)
 *   forced     by an administrator, at any time
 *
 * Stops acting, at once:
 *   fenced     the other knows a higher term, or many agents do (one agent alone makes nobody step down)
 *   paused     it stood still for longer than the timeout, and cannot know what happened meanwhile
 *   unsound    its own data is not to be relied on, and the other, in contact, can take over
 *
 * A side that has only begun to copy never acts by itself, and never while the other says that its mode is OFF. A PRIMARY that starts is held
 * until the SECONDARY polls, or until the timeout passes in which no agent names a higher term.
 */
export function step(before: PairState, event: PairEvent, world: World, at: number): PairStep {
  // Most agents have nothing to say that could not wait for the next tick, and there are many of them.
  if (event.is === 'agent' && event.term <= before.term) return { state: remember(before, event, at), effects: [] }
  const effects: PairEffect[] = []
  const turn: Turn = { world, at, effects }
  const reacted = react({ ...before, statements: current(before.statements, at) }, event, turn)
  if (reacted.is === 'refused') return { state: before, effects: [], refused: reacted.why }
  const problems = problemsOf(reacted.state, world, at)
  const standing = new Map(before.problems.map((problem) => [problem.key, problem]))
  for (const problem of problems) {
    const { severity, message } = standing.get(problem.key) ?? {}
    if (severity !== problem.severity || message !== problem.message) effects.push({ do: 'raise', ...problem })
    standing.delete(problem.key)
  }
  for (const key of standing.keys()) effects.push({ do: 'clear', key })
  return { state: { ...reacted.state, problems }, effects }
}

export type PairEvent =
  /** Time passed; several times within a poll interval. */
  | { readonly is: 'tick' }
  /** The other was heard: of the PRIMARY a poll came in, of the SECONDARY an answer. */
  | { readonly is: 'heard'; readonly report: Report }
  /** The other is there, and does not take this side for its other half: wrong settings are no loss. */
  | { readonly is: 'turned away'; readonly why: string }
  | AgentEvent
  /** The settings are others now; `world` has the new ones. */
  | { readonly is: 'settings'; readonly before: Rules }
  | { readonly is: 'hand over' }
  | { readonly is: 'force' }

type AgentEvent = { readonly is: 'agent'; readonly agent: string } & Omit<Statement, 'at'>

/** To be carried out in order, after the new state is durable. */
export type PairEffect =
  | { readonly do: 'act'; readonly term: number }
  /** At once: nothing is taken, given out, judged or sent any more. */
  | { readonly do: 'stop acting' }
  /** The other is to hear of it now, not with the next poll. Only a SECONDARY can. */
  | { readonly do: 'poll' }
  /**
   * Both sides acted, and this one gives way: what it did since `since` is merged, and its edits of the configuration are kept as a snapshot,
   * before it begins to follow.
   */
  | { readonly do: 'keep own work'; readonly since: number; readonly otherTerm: number }
  /** What this side holds is not what it should: it is copied anew. */
  | { readonly do: 'copy anew' }
  | { readonly do: 'audit'; readonly action: string; readonly term: number; readonly why: string; readonly seen: Seen }
  | {
      readonly do: 'raise'
      readonly key: string
      readonly severity: 'WARNING' | 'MINOR' | 'MAJOR' | 'CRITICAL'
      readonly message: string
    }
  | { readonly do: 'clear'; readonly key: string }

export interface PairStep {
  readonly state: PairState
  readonly effects: readonly PairEffect[]
  /** Why an administrator's wish was not granted; nothing was changed then. */
  readonly refused?: Refusal
}

export interface Refusal {
  readonly message: string
  readonly hint: string
}

/** What survives the end of the program. */
export interface DurablePair {
  readonly term: number
  readonly ownTerm: number
  /** Whether it acted. Counts where the mechanism is off. */
  readonly acts: boolean
  /** It is new to the pair, and has not begun to copy. */
  readonly joins: boolean
}

/** How an instance begins that was never in a pair: it acts, in its first term. */
export const neverPaired: DurablePair = { term: 1, ownTerm: 1, acts: true, joins: false }

/** How far behind the follower may be for the active one to stop, so that the rest takes no time worth speaking of. */
const nearEnough = 1_000

/** Nobody acts while the last changes cross over. When it takes longer than this, the one who gave goes on. */
const notTakenMs = 5_000

interface Turn {
  readonly world: World
  readonly at: number
  readonly effects: PairEffect[]
}

/** The state at the start of the program. Where the mechanism is on, nobody acts before it has looked round. */
export function begin(kept: DurablePair, rules: Rules, at: number): PairState {
  const side = sideOf(rules)
  return {
    standing:
      rules.isOn && side !== undefined
        ? idle(side, kept.joins ? 'joins' : 'booted', at)
        : { is: 'off', acts: side === undefined || kept.acts },
    term: kept.term,
    ownTerm: kept.ownTerm,
    peer: undefined,
    contactAt: undefined,
    turnedAway: undefined,
    asksForHandOver: false,
    statements: new Map(),
    tickedAt: at,
    problems: [],
  }
}

export function durableOf(state: PairState): DurablePair {
  return { term: state.term, ownTerm: state.ownTerm, acts: actsIn(state), joins: isJoining(state) }
}

type Reacted = { readonly is: 'done'; readonly state: PairState } | { readonly is: 'refused'; readonly why: Refusal }

function react(state: PairState, event: PairEvent, turn: Turn): Reacted {
  switch (event.is) {
    case 'tick':
      return done(settle(ticked(state, turn), undefined, turn))
    case 'heard':
      return done(heard(state, event.report, turn))
    case 'turned away':
      return done({ ...state, contactAt: turn.at, turnedAway: event.why })
    case 'agent':
      return done(settle(remember(state, event, turn.at), undefined, turn))
    case 'settings':
      return done(reset(state, event.before, turn))
    case 'hand over':
      return handOver(state, turn)
    case 'force':
      return force(state, turn)
  }
}

function remember(state: PairState, { agent, servedMsAgo, term }: AgentEvent, at: number): PairState {
  return { ...state, statements: new Map(state.statements).set(agent, { at, servedMsAgo, term }) }
}

function done(state: PairState): Reacted {
  return { is: 'done', state }
}

// --- what happens

function ticked(state: PairState, turn: Turn): PairState {
  const { rules } = turn.world
  const stoodStillMs = turn.at - state.tickedAt
  const next = { ...state, tickedAt: turn.at }
  const side = sideOf(rules)
  if (side === undefined) return next
  if (state.standing.is === 'held' || state.standing.is === 'standby' || state.standing.is === 'giving')
    // Who did not listen has not heard a silence.
    return stoodStillMs > rules.timeoutMs / 3 ? { ...next, standing: { ...state.standing, since: turn.at } } : next
  // Where it never had another side in contact, nobody was there to take over.
  if (state.standing.is !== 'active' || stoodStillMs <= rules.timeoutMs || state.peer === undefined) return next
  const why = `this server stood still for ${seconds(stoodStillMs)}, and another may have taken over meanwhile`
  return stop(next, side, 'paused', why, turn)
}

function heard(state: PairState, report: Report, turn: Turn): PairState {
  const { rules, own } = turn.world
  const side = sideOf(rules)
  const next = {
    ...state,
    peer: { ...report, at: turn.at },
    contactAt: turn.at,
    turnedAway: undefined,
    term: Math.max(state.term, report.term),
  }
  if (side === undefined) return state
  // A term that only this side can have had, and does not remember: its data is older than it was.
  const forgotTerm = report.term > state.term && ownerOf(report.term) === side
  // Of its own term: what the other has of a time before is its own, and may be more than was here when this side had to take over.
  const forgotChanges =
    owns(state) && report.position.term >= state.ownTerm && comparePosition(report.position, own.position) > 0
  if (report.isWhole && !report.acts && !isJoining(state) && (forgotTerm || forgotChanges))
    return rolledBack(next, side, report, turn)
  return settle(next, next.peer, turn)
}

function rolledBack(state: PairState, side: Side, report: Report, turn: Turn): PairState {
  const { standing } = state
  if (
    standing.is === 'off' ||
    ((standing.is === 'held' || standing.is === 'standby') && standing.why === 'rolled back')
  )
    return state
  const why = `the data here is older than it was: the other server has seen term ${report.term} and ${report.position.count} changes, this one knows term ${state.ownTerm} and ${turn.world.own.position.count}`
  if (standing.is !== 'held' && standing.is !== 'standby') return stop(state, side, 'rolled back', why, turn)
  audit(state, 'found its own data rolled back', why, turn)
  return { ...state, standing: idle(side, 'rolled back', turn.at) }
}

function reset(state: PairState, before: Rules, turn: Turn): PairState {
  const { rules } = turn.world
  const side = sideOf(rules)
  if (side === undefined) return alone(state, turn)
  const isSame = rules.role === before.role && rules.isOn === before.isOn
  if (isSame) return settle(state, undefined, turn)
  const met = rules.role === before.role ? state : { ...state, peer: undefined }
  if (!rules.isOn) {
    if (before.isOn) audit(met, 'switched off', 'by an administrator', turn)
    return { ...met, standing: { is: 'off', acts: actsIn(state) }, asksForHandOver: false }
  }
  // Terms of one side are not the other's: what this instance had as something else it cannot resume.
  const ownTerm = ownerOf(state.ownTerm) === side ? state.ownTerm : 0
  const next = { ...met, ownTerm }
  if (side === 'PRIMARY' && actsIn(state)) return act(next, side, 'set up', [], turn)
  // What it did before as something else is nothing to take over with.
  const isNew = side === 'SECONDARY' && ownTerm === 0 && (actsIn(state) || rules.role !== before.role)
  const why = isNew ? 'joins' : 'booted'
  const stopped = actsIn(state)
    ? stop(next, side, why, 'this server stands by from now on', turn)
    : { ...next, standing: idle(side, why, turn.at) }
  if (isNew) turn.effects.push({ do: 'copy anew' })
  return stopped
}

/**
 * In no pair: it acts, above whatever agents have seen of the pair it was in. Its terms are odd, so that none of them is a SECONDARY's should it
 * become one.
 */
function alone(state: PairState, turn: Turn): PairState {
  const term = owns(state) && ownerOf(state.term) === 'PRIMARY' ? state.term : nextTerm(state.term, 'PRIMARY')
  if (!actsIn(state) || term !== state.term) turn.effects.push({ do: 'act', term })
  return {
    ...state,
    standing: { is: 'off', acts: true },
    term,
    ownTerm: term,
    peer: undefined,
    asksForHandOver: false,
  }
}

function handOver(state: PairState, turn: Turn): Reacted {
  const { rules } = turn.world
  const { standing, peer } = state
  if (sideOf(rules) === undefined || !rules.isOn)
    return refuse(
      'the failover mechanism is off',
      'Set up the pair first: `farwatch failover status` says what is missing.',
    )
  if (standing.is === 'giving' || (standing.is === 'active' && standing.handOver !== undefined)) return done(state)
  if (peer === undefined || turn.at - peer.at > rules.timeoutMs)
    return refuse(
      'the other server is not in contact',
      'A hand-over loses nothing, and needs both servers for that. Where the other one is gone for good, force the take-over on the one that is to act.',
    )
  if (standing.is !== 'active') {
    if (!canAct(state, turn.world.own))
      return refuse(
        'this server cannot take over yet',
        'Wait until its copy is complete and its data sound; the status says which.',
      )
    if (!peer.acts)
      return refuse('neither server acts at the moment', 'Wait until one does; the status says what it waits for.')
    turn.effects.push({ do: 'poll' })
    return done({ ...state, asksForHandOver: true })
  }
  const obstacle = obstacleOf(peer)
  if (obstacle !== undefined)
    return refuse(`the other server cannot take over: ${obstacle}`, 'Wait until it can, or see to what is wrong there.')
  return done(beginHandOver(state, 'an administrator asked for it', turn))
}

function force(state: PairState, turn: Turn): Reacted {
  const side = sideOf(turn.world.rules)
  if (side === undefined || state.standing.is === 'off')
    return refuse('the failover mechanism is off', 'Set the role to NONE to have this server act by itself.')
  if (state.standing.is === 'active') return refuse('this server is active already', 'Nothing has to be done.')
  const highest = { ...state, term: highestClaim(state.statements, state.term), ownTerm: 0 }
  return done(act(highest, side, 'forced', [], turn))
}

// --- what follows

/** What the state of things asks for. @param contact the other's words, where it was heard this very moment */
function settle(state: PairState, contact: HeardReport | undefined, turn: Turn): PairState {
  const side = sideOf(turn.world.rules)
  const { standing } = state
  if (side === undefined) return state
  switch (standing.is) {
    case 'off':
      if (standing.acts && contact?.acts === true && contact.term > state.ownTerm) {
        turn.effects.push({ do: 'stop acting' })
        audit(state, 'stopped acting', `the other server acts with the higher term ${contact.term}`, turn)
        return { ...state, standing: { is: 'off', acts: false } }
      }
      return state
    case 'active':
      return settleActive(state, standing, side, contact, turn)
    case 'giving':
      return settleGiving(state, standing, side, contact, turn)
    case 'held':
    case 'standby':
      return contact === undefined
        ? settleSilence(state, standing.why, standing.since, side, turn)
        : settleIdle(state, standing, side, contact, turn)
  }
}

type ActiveStanding = Extract<PairState['standing'], { is: 'active' }>
type IdleStanding = Extract<PairState['standing'], { is: 'held' | 'standby' }>
type GivingStanding = Extract<PairState['standing'], { is: 'giving' }>

function settleActive(
  before: PairState,
  was: ActiveStanding,
  side: Side,
  contact: HeardReport | undefined,
  turn: Turn,
): PairState {
  const { own } = turn.world
  const standing = { ...was, hasMet: was.hasMet || contact !== undefined }
  const state = { ...before, standing }
  if (state.term > state.ownTerm)
    return fenced(state, standing, side, `the other server knows the term ${state.term}`, contact, turn)
  const believed = believedTerm(state.statements, state.term, turn.at)
  if (believed !== undefined)
    return fenced(
      { ...state, term: believed },
      standing,
      side,
      `most agents have seen the term ${believed}`,
      contact,
      turn,
    )
  if (contact === undefined) return state
  const obstacle = obstacleOf(contact)
  if (own.unsound !== undefined && obstacle === undefined)
    return stop(
      state,
      side,
      'unsound',
      `its data is not to be relied on (${own.unsound.why}), and the other server takes over`,
      turn,
    )
  // It took over with no agent in reach, while agents went on with the other, which steps down for it now: that one is to have them back.
  const wasCutOff = standing.because === 'peer silent' && !was.hasMet && contact.followers > 0
  if (standing.handOver === undefined) {
    if (wasCutOff) return beginHandOver(state, 'agents went on with the other server while this one was alone', turn)
    return contact.asksForHandOver && obstacle === undefined
      ? beginHandOver(state, 'the other server was asked to take over', turn)
      : state
  }
  if (obstacle !== undefined || contact.acts || (lagBetween(own.position, contact.position) ?? Infinity) > nearEnough)
    return state
  turn.effects.push({ do: 'stop acting' }, { do: 'poll' })
  return { ...state, standing: { is: 'giving', since: turn.at } }
}

function fenced(
  state: PairState,
  standing: ActiveStanding,
  side: Side,
  why: string,
  contact: HeardReport | undefined,
  turn: Turn,
): PairState {
  const next = stop(state, side, 'follows', why, turn)
  if (contact?.acts === true) turn.effects.push({ do: 'keep own work', since: standing.since, otherTerm: contact.term })
  return next
}

function beginHandOver(state: PairState, why: string, turn: Turn): PairState {
  if (state.standing.is !== 'active') return state
  audit(state, 'began to hand over', why, turn)
  turn.effects.push({ do: 'poll' })
  return { ...state, standing: { ...state.standing, handOver: { since: turn.at } } }
}

function settleGiving(
  state: PairState,
  standing: GivingStanding,
  side: Side,
  contact: HeardReport | undefined,
  turn: Turn,
): PairState {
  if (state.term > state.ownTerm) {
    audit(state, 'handed over', 'the other server holds everything and is active', turn)
    return { ...state, standing: idle(side, 'follows', turn.at) }
  }
  // Silent amid it, the other may have become active or not: that is a loss like any other.
  if (contact === undefined) return settleSilence(state, 'follows', standing.since, side, turn)
  return turn.at - standing.since < notTakenMs ? state : act(state, side, 'hand-over not taken', [], turn)
}

function settleIdle(state: PairState, standing: IdleStanding, side: Side, contact: HeardReport, turn: Turn): PairState {
  const { own, rules } = turn.world
  const rest = contact.acts ? following(state, standing, side, contact, turn) : state
  if (contact.acts || !contact.isOn || !canAct(rest, own)) return rest
  if (contact.handOver !== 'none') {
    const isTaken = contact.handOver === 'yours' && comparePosition(own.position, contact.position) >= 0
    return isTaken ? act(rest, side, 'handed over', [], turn) : rest
  }
  if (owns(state)) return act(rest, side, 'resumed', [], turn)
  if (contact.unsound !== undefined) return act(rest, side, 'peer unsound', [], turn)
  const isBehind = contact.term < state.term || comparePosition(contact.position, own.position) < 0
  if (isBehind && ownerOf(state.term) !== side) return act(rest, side, 'peer unsound', [], turn)
  const patienceMs = rules.timeoutMs * (side === 'PRIMARY' ? 2 : 3)
  return turn.at - standing.since >= patienceMs ? act(rest, side, 'nobody acted', [], turn) : rest
}

/** The other acts: what was asked of it is done or void, and what is held here is a copy of what it has. */
function following(state: PairState, standing: IdleStanding, side: Side, contact: HeardReport, turn: Turn): PairState {
  const asks = state.asksForHandOver && contact.handOver === 'none'
  // Until what it had is put away, it would pass for a copy.
  if (standing.why === 'joins' && turn.world.own.isWhole) return state
  if (standing.why === 'follows') return { ...state, asksForHandOver: asks }
  if (standing.why === 'rolled back') turn.effects.push({ do: 'copy anew' })
  audit(state, 'follows', `the other server is active with term ${contact.term}`, turn)
  return { ...state, asksForHandOver: asks, standing: idle(side, 'follows', turn.at) }
}

/** Nobody was heard just now. Whether the other is lost is for the timeout and the agents to say. */
function settleSilence(state: PairState, why: IdleReason, since: number, side: Side, turn: Turn): PairState {
  const { own, rules } = turn.world
  const { peer } = state
  const silentSince = Math.max(since, state.contactAt ?? since)
  if (turn.at - silentSince <= rules.timeoutMs || peer?.isOn === false || !canAct(state, own)) return state
  const vote = ask(state.statements, state.term, rules.timeoutMs, turn.at)
  // At a start one agent's word is enough to wait: waiting takes nothing from anybody who acts.
  if (why === 'booted' && vote.voices.some(({ says }) => says === 'knows a higher term')) return state
  switch (vote.verdict) {
    case 'nobody':
      return act(state, side, 'peer silent', vote.voices, turn)
    case 'lost':
      return act(state, side, 'peer lost', vote.voices, turn)
    case 'served':
    case 'open':
      return state
  }
}

/** Whether it may act by itself at all. */
function canAct(state: PairState, { isWhole, unsound }: World['own']): boolean {
  const { standing } = state
  const forgot = (standing.is === 'held' || standing.is === 'standby') && standing.why === 'rolled back'
  return isWhole && unsound === undefined && !forgot && !isJoining(state)
}

/** It is new to the pair, and what it holds is not the pair's. Whoever starts in this state has to begin its copy anew. */
export function isJoining({ standing }: PairState): boolean {
  return (standing.is === 'held' || standing.is === 'standby') && standing.why === 'joins'
}

/** Why the other cannot take over, or undefined. */
function obstacleOf(peer: Report): string | undefined {
  if (!peer.isOn) return 'its mode is OFF'
  if (!peer.isWhole) return 'its first copy is not complete'
  return peer.unsound
}

// --- transitions

function act(state: PairState, side: Side, because: ActiveReason, voices: Vote['voices'], turn: Turn): PairState {
  const term = owns(state) && ownerOf(state.term) === side ? state.term : nextTerm(state.term, side)
  const next: PairState = {
    ...state,
    standing: { is: 'active', since: turn.at, because, hasMet: false, handOver: undefined },
    term,
    ownTerm: term,
    asksForHandOver: false,
  }
  turn.effects.push({ do: 'act', term })
  audit(next, 'became active', because, turn, voices)
  turn.effects.push({ do: 'poll' })
  return next
}

function stop(state: PairState, side: Side, why: IdleReason, words: string, turn: Turn): PairState {
  turn.effects.push({ do: 'stop acting' })
  audit(state, 'stopped acting', words, turn)
  turn.effects.push({ do: 'poll' })
  return { ...state, standing: idle(side, why, turn.at) }
}

function idle(side: Side, why: IdleReason, since: number): IdleStanding {
  return { is: side === 'PRIMARY' ? 'held' : 'standby', why, since }
}

/** It was the last that acted, as far as is known. */
function owns({ term, ownTerm }: PairState): boolean {
  return ownTerm === term
}

function sideOf({ role }: Rules): Side | undefined {
  return role === 'NONE' ? undefined : role
}

function audit(state: PairState, action: string, why: string, turn: Turn, voices: Vote['voices'] = []): void {
  turn.effects.push({ do: 'audit', action, term: state.term, why, seen: seenOf(state, voices, turn) })
}

function seenOf({ peer }: PairState, witnesses: Vote['voices'], { world, at: now }: Turn): Seen {
  return {
    lastContactMsAgo: peer === undefined ? undefined : now - peer.at,
    peer: peer === undefined ? undefined : { state: peer.state, term: peer.term, unsound: peer.unsound },
    witnesses,
    lag:
      peer?.position.term === world.own.position.term
        ? Math.abs(peer.position.count - world.own.position.count)
        : undefined,
  }
}

function refuse(message: string, hint: string): Reacted {
  return { is: 'refused', why: { message, hint } }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}
