import { Heap } from '../../base/index.ts'

/** One ping as it is asked for: so many packets, one after another. */
export interface PingPlan {
  readonly id: number
  readonly count: number
  /** From one packet to the next. */
  readonly intervalMs: number
  /** How long an answer may take. */
  readonly timeoutMs: number
}

/** How a ping ended. `refused`: no packet could be sent, and why the first one was not. */
export type PingEnd =
  | { readonly id: number; readonly roundTrips: readonly number[] }
  | { readonly id: number; readonly refused: string }

/**
 * One packet of a ping.
 *
 *   waiting ──due, sent──▶ under way ──answered in time──▶ over (a round trip)
 *    │   ▲                     └───────time is up────────▶ over (lost)
 *    │   └─due, postponed─┐
 *    ├────────────────────┘
 *    └──due, refused─────────────────────────────────────▶ over (lost, with a reason)
 */
export class Packet<P extends PingPlan = PingPlan> {
  readonly plan: P
  /** Which of its ping, from 0. */
  readonly index: number
  /** When it was to be sent. */
  readonly dueAt: number
  /** Of 32 bits; no other packet that is under way has it. */
  readonly number: number
  is: 'waiting' | 'under way' | 'over' = 'waiting'
  sentAt = NaN
  /** The same moment by the wall clock, in which kernels say when an answer arrived. */
  sentAtWall = NaN

  constructor(plan: P, index: number, dueAt: number, number: number) {
    this.plan = plan
    this.index = index
    this.dueAt = dueAt
    this.number = number
  }

  /** When its answer comes too late. */
  get lateAt(): number {
    return this.sentAt + this.plan.timeoutMs
  }
}

interface ToSend<P extends PingPlan> {
  readonly at: number
  readonly packet: Packet<P>
  /** It was postponed: its successor is planned already. */
  readonly again: boolean
}

interface Progress {
  readonly roundTrips: (number | undefined)[]
  /** Packets that are not over. */
  left: number
  refused: number
  why: string | undefined
}

/**
 * Which packet is due when, and which is lost when. It reads no clock and sends nothing; times are milliseconds from any beginning.
 *
 * Moments are rounded to a grid, so that packets that fall due within a few milliseconds are sent in one turn: a turn costs more than a packet.
 */
export class Schedule<P extends PingPlan = PingPlan> {
  readonly #gridMs: number
  readonly #mostPerTurn: number
  readonly #pings = new Map<number, Progress>()
  readonly #toSend = new Heap<ToSend<P>>(({ at }) => at)
  readonly #underWay = new Map<number, Packet<P>>()
  readonly #toExpire = new Heap<Packet<P>>(({ lateAt }) => lateAt)
  #number: number
  /** Nothing is sent before: the last turn was full. */
  #pausedUntil = -Infinity
  #ended: PingEnd[] = []

  /** @param gridMs also the time from one full turn to the next @param firstNumber of 32 bits; packets are numbered on from it */
  constructor(gridMs: number, mostPerTurn: number, firstNumber: number) {
    this.#gridMs = gridMs
    this.#mostPerTurn = mostPerTurn
    this.#number = firstNumber
  }

  /** Pings that have not ended. */
  get open(): number {
    return this.#pings.size
  }

  /** The first packet is due at once. */
  add(plan: P, at: number): void {
    this.#pings.set(plan.id, {
      roundTrips: Array.from({ length: plan.count }, () => undefined),
      left: plan.count,
      refused: 0,
      why: undefined,
    })
    this.#plan(plan, 0, at)
  }

  /** Nobody wants to know any more: nothing more is sent, and its end is not told. */
  cancel(id: number): void {
    this.#pings.delete(id)
  }

  /** The packets to be sent now, as many as a turn may; what remains is due in the next one. */
  take(at: number): Packet<P>[] {
    const taken: Packet<P>[] = []
    if (at < this.#pausedUntil) return taken
    while (taken.length < this.#mostPerTurn) {
      const next = this.#toSend.peek()
      if (next === undefined || next.at > at) break
      this.#toSend.pop()
      const { packet } = next
      const { plan, index } = packet
      if (!this.#pings.has(plan.id)) continue
      taken.push(packet)
      // From now on and not from when this one was due: after a turn that came late nothing is made up for.
      if (!next.again && index + 1 < plan.count) {
        const gridMs = Math.min(this.#gridMs, plan.intervalMs)
        const dueAt = Math.round((at + plan.intervalMs) / gridMs) * gridMs
        this.#plan(plan, index + 1, dueAt)
      }
    }
    if (taken.length === this.#mostPerTurn) this.#pausedUntil = at + this.#gridMs
    return taken
  }

  sent(packet: Packet<P>, at: number, atWall: number): void {
    packet.is = 'under way'
    packet.sentAt = at
    packet.sentAtWall = atWall
    this.#underWay.set(packet.number, packet)
    this.#toExpire.push(packet)
  }

  /** There was no room for it: it is tried again in the next turn, until it has waited for as long as for an answer. */
  postponed(packet: Packet<P>, at: number, why: string): void {
    if (at - packet.dueAt >= packet.plan.timeoutMs) this.refused(packet, why)
    else this.#toSend.push({ at: this.#onGridAfter(at + 1), packet, again: true })
  }

  /** The machine does not send it. */
  refused(packet: Packet<P>, why: string): void {
    packet.is = 'over'
    const ping = this.#pings.get(packet.plan.id)
    if (ping === undefined) return
    ping.refused++
    ping.why ??= why
    this.#over(packet.plan, ping)
  }

  /** The packet of a number, while it may be answered. */
  underWay(number: number): Packet<P> | undefined {
    return this.#underWay.get(number)
  }

  /** An answer. A second one finds nothing under way; one that was longer under way than it may is as good as none. */
  answered(packet: Packet<P>, roundTripMs: number): void {
    if (!this.#underWay.delete(packet.number)) return
    packet.is = 'over'
    const ping = this.#pings.get(packet.plan.id)
    if (ping === undefined) return
    if (roundTripMs <= packet.plan.timeoutMs) ping.roundTrips[packet.index] = roundTripMs
    this.#over(packet.plan, ping)
  }

  /** Gives up what has had its time. Answers that have arrived are told before. */
  expire(at: number): void {
    for (let first = this.#toExpire.peek(); first !== undefined && first.lateAt <= at; first = this.#toExpire.peek()) {
      this.#toExpire.pop()
      this.answered(first, Infinity)
    }
  }

  /** The pings that ended since this was asked last. */
  ended(): readonly PingEnd[] {
    const ended = this.#ended
    if (ended.length > 0) this.#ended = []
    return ended
  }

  /** When there is something to do next; undefined where nothing is open. */
  nextAt(): number | undefined {
    while (this.#toExpire.peek()?.is === 'over') this.#toExpire.pop()
    const sendAt = Math.max(this.#toSend.peek()?.at ?? Infinity, this.#pausedUntil)
    const lateAt = this.#toExpire.peek()?.lateAt ?? Infinity
    const at = Math.min(sendAt, this.#onGridAfter(lateAt))
    return at === Infinity ? undefined : at
  }

  #plan(plan: P, index: number, at: number): void {
    this.#number = (this.#number + 1) >>> 0
    this.#toSend.push({ at, packet: new Packet(plan, index, at, this.#number), again: false })
  }

  #onGridAfter(at: number): number {
    return Math.ceil(at / this.#gridMs) * this.#gridMs
  }

  #over(plan: P, ping: Progress): void {
    if (--ping.left > 0) return
    this.#pings.delete(plan.id)
    this.#ended.push(
      ping.refused === plan.count
        ? { id: plan.id, refused: ping.why ?? '' }
        : { id: plan.id, roundTrips: ping.roundTrips.filter((trip) => trip !== undefined) },
    )
  }
}
