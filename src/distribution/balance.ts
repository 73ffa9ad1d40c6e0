import { hash53 } from '../base/index.ts'
import type { Pieces } from '../platform/index.ts'
import type { Kind, PlacementAgent, PlacementConnector } from './eligibility.ts'
import { perStep } from './sorting.ts'

/** A connector on the board. */
export interface Piece {
  readonly connector: PlacementConnector
  readonly kind: Kind
  /** Index of the agent that has it, or will have it when moves under way are done; -1 for none. */
  at: number
  /** `free`: placed just now and running nowhere, so that moving it costs nothing. `movable`: at the price of a move. */
  readonly hold: 'free' | 'movable' | 'fixed'
}

/** Who has how much while a placement is worked out. */
export interface Board {
  readonly agents: readonly PlacementAgent[]
  /** Cost of what each agent has, by index. */
  readonly cost: number[]
  /** May be given work to balance the load: ONLINE, steady, not overdue. By index. */
  readonly isReceiver: readonly boolean[]
  /** Moves under way to each agent, by index. */
  readonly incoming: number[]
  readonly movesAtOnce: number
}

export interface BalanceSettings {
  /** An agent is relieved when its load is above this multiple of the mean. */
  readonly relieveAbove: number
  /** An agent that has less than this multiple of the mean is given more, also where nobody has too much. */
  readonly fillBelow: number
  /** It is relieved down to this multiple, and nobody is filled above it. The distance of the two is what noise may do without a move. */
  readonly relieveTo: number
}

/** A move that gains less than this share of the mean load is not worth it. */
const leastGain = 0.02
/** How often agents are looked at in one go. What is left is done the next time: each move makes the whole more even, so that it ends. */
const roundsPerAgent = 4
const improvementsPerRound = 16

/** Load: cost by capacity. */
export function loadOf(board: Board, agent: number, more = 0): number {
  return (board.cost[agent]! + more) / board.agents[agent]!.capacity
}

/** Whether an agent was seen not to reach the target. */
export function failsToReach(agent: PlacementAgent, connector: PlacementConnector): boolean {
  return connector.reach?.get(agent.id)?.ok === false
}

export function put(board: Board, piece: Piece, agent: number): void {
  if (piece.at >= 0) board.cost[piece.at]! -= piece.connector.cost
  if (agent >= 0) board.cost[agent]! += piece.connector.cost
  piece.at = agent
}

/**
 * The agent for a connector that nobody runs: one that is not known to miss the target before one that is, a steady one before one that
 * came back a moment ago, then the one with the least load. Equal ones are told apart by a hash, so that no agent is everybody's first.
 * @returns its index, -1 where nobody is eligible
 */
export function bestFor(board: Board, piece: Piece, isCandidate: (agent: number) => boolean = () => true): number {
  const { connector } = piece
  let best = -1
  let bestRank = Infinity
  let bestLoad = Infinity
  // Worked out where two are equal, which all of them are when nobody has anything yet.
  let bestTie: number | undefined
  for (const agent of piece.kind.eligible) {
    if (!isCandidate(agent)) continue
    const rank = (failsToReach(board.agents[agent]!, connector) ? 2 : 0) + (board.isReceiver[agent] === true ? 0 : 1)
    const load = loadOf(board, agent, connector.cost)
    if (best >= 0 && rank > bestRank) continue
    if (best >= 0 && rank === bestRank) {
      if (load > bestLoad) continue
      if (load === bestLoad) {
        bestTie ??= tieOf(board, best, connector)
        const tie = tieOf(board, agent, connector)
        if (tie >= bestTie) continue
        best = agent
        bestTie = tie
        continue
      }
    }
    bestTie = undefined
    best = agent
    bestRank = rank
    bestLoad = load
  }
  return best
}

function tieOf(board: Board, agent: number, connector: PlacementConnector): number {
  return hash53(board.agents[agent]!.id + connector.id)
}

/**
 * Takes from agents that have too much, and gives to those with the least, by as few moves as it can: the largest pieces that fit go first.
 *
 * What is too much is measured against the mean of the agents that share work with each other, directly or through others; two customers
 * with agents of their own have nothing to do with each other's load. An agent that nothing can be taken from, because one connector alone
 * is too much, is left out of the mean that the others are brought to.
 * From a state in which this has nothing to do, it does nothing.
 */
export function* balance(board: Board, pieces: readonly Piece[], settings: BalanceSettings): Pieces<void> {
  const level = new Levels(board, pieces)
  const has: Piece[][] = board.agents.map(() => [])
  for (const [i, piece] of pieces.entries()) {
    if (piece.at >= 0 && piece.hold !== 'fixed') has[piece.at]!.push(piece)
    if (i % perStep === 0) yield
  }
  const isDone = board.agents.map(() => false)
  for (let round = 0; round < roundsPerAgent * board.agents.length; round++) {
    yield
    const donor = extreme(board, level, (agent, share) => !isDone[agent] && share > settings.relieveAbove, 1)
    if (donor < 0) break
    // What was given away meanwhile is still in the list of where it was.
    const own = has[donor]!.filter((piece) => piece.at === donor).sort(freeAndLargeFirst)
    const before = own.length
    relieve(board, own, donor, level.of(donor), settings.relieveTo, has)
    if (loadOf(board, donor) > settings.relieveAbove * level.of(donor)) improve(board, own, donor, level.of(donor), has)
    has[donor] = own.filter((piece) => piece.at === donor)
    if (has[donor].length < before) isDone.fill(false)
    else {
      isDone[donor] = true
      // Where moves only wait for their turn, the mean is still within reach.
      if (board.incoming.every((moves) => moves < board.movesAtOnce)) level.leaveOut(donor)
    }
  }
  isDone.fill(false)
  const kinds = new Set(pieces.map(({ kind }) => kind))
  for (;;) {
    yield
    const taker = extreme(board, level, (agent, share) => !isDone[agent] && share < settings.fillBelow, -1)
    if (taker < 0) return
    fill(board, taker, level.of(taker), settings.relieveTo, has, neighboursOf(taker, kinds))
    isDone[taker] = true
  }
}

/** The agent whose share of its level is the largest (sign 1) or smallest (sign -1) of those that are asked for; -1 for none. */
function extreme(
  board: Board,
  level: Levels,
  isAsked: (agent: number, share: number) => boolean,
  sign: 1 | -1,
): number {
  let found = -1
  let worst = -Infinity
  board.agents.forEach((_, agent) => {
    if (!level.has(agent)) return
    const share = loadOf(board, agent) / level.of(agent)
    if (!isAsked(agent, share) || sign * share <= worst) return
    worst = sign * share
    found = agent
  })
  return found
}

function freeAndLargeFirst(a: Piece, b: Piece): number {
  if (a.hold !== b.hold) return a.hold === 'free' ? -1 : 1
  return b.connector.cost - a.connector.cost || (a.connector.id < b.connector.id ? -1 : 1)
}

/** The agent that would best have a piece instead of the one that has it; -1 for none. */
function takerOf(board: Board, piece: Piece): number {
  return bestFor(board, piece, (agent) => couldTake(board, piece, agent))
}

function couldTake(board: Board, piece: Piece, to: number): boolean {
  return to !== piece.at && board.isReceiver[to] === true && !failsToReach(board.agents[to]!, piece.connector)
}

/** Whether there is room on the way to an agent. Where not, the move waits: another agent would only be the second best. */
export function hasTurn(board: Board, piece: Piece, to: number): boolean {
  return piece.hold === 'free' || board.incoming[to]! < board.movesAtOnce
}

function move(board: Board, piece: Piece, to: number, has: Piece[][]): void {
  put(board, piece, to)
  if (piece.hold === 'movable') board.incoming[to]!++
  has[to]!.push(piece)
}

/** Gives away what fits elsewhere without making anybody else too full, and without giving away more than there is too much. */
function relieve(board: Board, own: readonly Piece[], donor: number, mean: number, to: number, has: Piece[][]): void {
  for (const piece of own) {
    if (loadOf(board, donor) <= to * mean) return
    if (loadOf(board, donor, -piece.connector.cost) < (2 - to) * mean) continue
    const taker = takerOf(board, piece)
    if (taker < 0 || loadOf(board, taker, piece.connector.cost) > to * mean) continue
    if (hasTurn(board, piece, taker)) move(board, piece, taker, has)
  }
}

/** Where nothing fits as it should: moves that at least make the fuller of the two less full. */
function improve(board: Board, own: readonly Piece[], donor: number, mean: number, has: Piece[][]): void {
  for (let i = 0; i < improvementsPerRound; i++) {
    const load = loadOf(board, donor)
    let best: Piece | undefined
    let bestTaker = -1
    let bestPeak = load - leastGain * mean
    for (const piece of own) {
      if (piece.at !== donor) continue
      const rest = loadOf(board, donor, -piece.connector.cost)
      if (rest >= bestPeak) continue
      const taker = takerOf(board, piece)
      if (taker < 0 || !hasTurn(board, piece, taker)) continue
      const peak = Math.max(rest, loadOf(board, taker, piece.connector.cost))
      if (peak < bestPeak) {
        best = piece
        bestTaker = taker
        bestPeak = peak
      }
    }
    if (best === undefined) return
    move(board, best, bestTaker, has)
  }
}

/** For agents that have too little while nobody has too much: takes from the fullest, leaving them their share. */
function fill(
  board: Board,
  taker: number,
  mean: number,
  to: number,
  has: Piece[][],
  neighbours: readonly number[],
): void {
  const candidates = neighbours.flatMap((donor) =>
    donor === taker
      ? []
      : has[donor]!.filter(
          (piece) => piece.at === donor && piece.kind.eligible.includes(taker) && couldTake(board, piece, taker),
        ),
  )
  candidates.sort(freeAndLargeFirst)
  for (const piece of candidates) {
    if (loadOf(board, taker) >= (2 - to) * mean) return
    if (loadOf(board, taker, piece.connector.cost) > to * mean) continue
    if (loadOf(board, piece.at, -piece.connector.cost) < (2 - to) * mean) continue
    if (hasTurn(board, piece, taker)) move(board, piece, taker, has)
  }
}

/** Who may have something that an agent may have as well, in ascending order: of a thousand agents most have nothing to do with each other. */
function neighboursOf(agent: number, kinds: ReadonlySet<Kind>): readonly number[] {
  const shared = [...kinds].filter(({ eligible }) => eligible.includes(agent))
  return [...new Set(shared.flatMap(({ eligible }) => eligible))].sort((a, b) => a - b)
}

/** The mean load of the agents that share work. */
class Levels {
  readonly #board: Board
  readonly #root: number[]
  readonly #isIn: boolean[]
  readonly #mean: number[]

  constructor(board: Board, pieces: readonly Piece[]) {
    this.#board = board
    this.#root = board.agents.map((_, i) => i)
    this.#isIn = [...board.isReceiver]
    this.#mean = board.agents.map(() => 0)
    for (const kind of new Set(pieces.map((piece) => piece.kind))) {
      const sharing = kind.eligible.filter((agent) => board.isReceiver[agent])
      for (const agent of sharing) this.#root[this.#find(agent)] = this.#find(sharing[0]!)
    }
    this.#count()
  }

  /** Whether an agent takes part, and there is something to share. */
  has(agent: number): boolean {
    return this.#isIn[agent] === true && this.of(agent) > 0
  }

  of(agent: number): number {
    return this.#mean[this.#find(agent)]!
  }

  leaveOut(agent: number): void {
    this.#isIn[agent] = false
    this.#count()
  }

  #find(agent: number): number {
    let root = agent
    while (this.#root[root] !== root) root = this.#root[root]!
    return root
  }

  #count(): void {
    const cost = this.#mean.map(() => 0)
    const capacity = this.#mean.map(() => 0)
    this.#board.agents.forEach((agent, i) => {
      if (this.#isIn[i] !== true) return
      const root = this.#find(i)
      cost[root]! += this.#board.cost[i]!
      capacity[root]! += agent.capacity
    })
    cost.forEach((sum, i) => {
      this.#mean[i] = capacity[i] === 0 ? 0 : sum / capacity[i]!
    })
  }
}
