import { Type, type Static } from 'typebox'
import { reader } from '../platform/wire/index.ts'
import type { Report } from './state.ts'

/**
 * What the two servers of a pair say to each other. Only the SECONDARY begins: a POST with a JSON body, signed as the messages of agents are
 * (platform/wire). What changes at the PRIMARY travels by messages of its own; this one says who is what, and is the sign of life.
 *
 *   poll       what the SECONDARY is; answered at once with what the PRIMARY is, and has made of it.
 *   exchange   bytes that mean nothing to the failover: what changed at the one who acts, on its way to the one who follows. Whichever of the
 *              two acts, the SECONDARY asks. Taken only from the key of a poll that was believed since the PRIMARY was started.
 *
 * Objects may say more than is written here: a newer side adds, an older one reads over it. That, and the version that both agree on, is how
 * a pair is upgraded one side at a time.
 */
export const pairPath = '/pair/v1/poll'
export const exchangePath = '/pair/v1/exchange'

/**
 * The versions of the messages that this program speaks, of what an exchange carries as well as of the polls by which the two agree. It goes on speaking
 * the one before its newest.
 */
export const spoken = { min: 1, max: 1 } as const

/** Bytes of a poll, and of an answer, as sent and as unpacked. */
export const pairLimit = 65_536
/** Bytes of an exchange: what replication puts into one message, and its frame. */
export const exchangeLimit = 80 * 2 ** 20

const text = (maxLength: number, minLength = 0) => Type.String({ maxLength, minLength })
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Terms grow by one or two with a takeover; beyond this they are no terms. */
const term = Type.Integer({ minimum: 0, maximum: 2 ** 40 })
const moment = Type.Number({ minimum: 0, maximum: 2 ** 43 })
const uuid = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' })
const range = Type.Object({
  min: Type.Integer({ minimum: 1, maximum: 10_000 }),
  max: Type.Integer({ minimum: 1, maximum: 10_000 }),
})
export type ProtocolRange = Static<typeof range>

const wireReport = Type.Object({
  state: Type.Enum(['off', 'held', 'standby', 'active']),
  isOn: Type.Boolean(),
  acts: Type.Boolean(),
  term,
  position: Type.Object({ term, count }),
  isWhole: Type.Boolean(),
  unsound: Type.Optional(text(100, 1)),
  followers: count,
  configuration: text(200),
  /** `none`, `catching up`, `yours`; what else a newer side may say is no hand-over to this one. */
  handOver: Type.Optional(text(40)),
  asksForHandOver: Type.Optional(Type.Boolean()),
})

/** Whether agents find both servers, as far as the one who speaks knows: for the set-up check, and for nothing that is decided. */
const ways = Type.Object({
  /** Agents elsewhere that called it within the last minute. */
  agents: count,
  /** What the SECONDARY found at the address that the PRIMARY gives to agents; left out where it did not try. */
  tried: Type.Optional(Type.Object({ url: text(2_000), problem: Type.Optional(text(4_000)) })),
})
export type Ways = Static<typeof ways>

export const PairPoll = Type.Object({
  protocol: range,
  role: Type.Enum(['NONE', 'PRIMARY', 'SECONDARY']),
  version: text(100),
  /** Ed25519, SPKI as PEM: what this poll is signed with. */
  publicKey: text(1_000, 50),
  /** Grows by one with each poll of one start of the program: what was overtaken on the way is not believed. */
  sequence: count,
  /** Where agents and people reach it, as far as it knows. */
  url: Type.Optional(text(2_000)),
  ways: Type.Optional(ways),
  report: wireReport,
})
export type PairPoll = Static<typeof PairPoll>

/**
 * Why a poll was not taken, as a program reads it.
 *
 *   clock      your time is too far from mine; mine stands in this answer: try once more
 *   stranger   this server has no SECONDARY, or another one
 *   key        the SECONDARY was first seen with another key
 *   overtaken  a later poll was here before
 *   versions   there is no version of the messages that both speak
 *   poll       this server has been started since, and has to be polled first
 *   refused    do not try again unchanged
 */
export const pairRefusals = ['clock', 'stranger', 'key', 'overtaken', 'versions', 'poll', 'refused'] as const
export type PairRefusal = (typeof pairRefusals)[number]

/** The frame of every answer. Exactly one of `result` and `refused` is there. */
export const PairAnswer = Type.Object({
  /** What the PRIMARY's wall clock showed when the poll came in. */
  receivedAt: moment,
  /** Who answers, also where it refuses. */
  uuid: Type.Optional(uuid),
  result: Type.Optional(
    Type.Object({
      /** The version of what both say from now on. */
      protocol: Type.Integer({ minimum: 1, maximum: 10_000 }),
      uuid,
      role: Type.Enum(['NONE', 'PRIMARY', 'SECONDARY']),
      version: text(100),
      url: Type.Optional(text(2_000)),
      ways: Type.Optional(ways),
      report: wireReport,
    }),
  ),
  refused: Type.Optional(Type.Object({ reason: text(40), code: text(100), message: text(4_000), hint: text(4_000) })),
})
export type PairAnswer = Static<typeof PairAnswer>

export const readPairPoll = reader(PairPoll, 'the poll of the SECONDARY')
export const readPairAnswer = reader(PairAnswer, 'the answer of the PRIMARY')

/** Which message a path is, whatever a proxy put before it; undefined for none of the pair's. */
export function pairMessageOf(path: string): { readonly path: string; readonly limit: number } | undefined {
  if (path.endsWith(pairPath)) return { path: pairPath, limit: pairLimit }
  return path.endsWith(exchangePath) ? { path: exchangePath, limit: exchangeLimit } : undefined
}

export function wireOf({ unsound, ...rest }: Report): Static<typeof wireReport> {
  return unsound === undefined ? rest : { ...rest, unsound }
}

export function reportFrom(wire: Static<typeof wireReport>): Report {
  const { handOver, asksForHandOver = false, unsound, ...rest } = wire
  return {
    state: rest.state,
    isOn: rest.isOn,
    acts: rest.acts,
    term: rest.term,
    position: { term: rest.position.term, count: rest.position.count },
    isWhole: rest.isWhole,
    unsound,
    followers: rest.followers,
    configuration: rest.configuration,
    handOver: handOver === 'catching up' || handOver === 'yours' ? handOver : 'none',
    asksForHandOver,
  }
}

/** The highest version that both speak, or undefined. */
export function agreedVersion(a: ProtocolRange, b: ProtocolRange): number | undefined {
  const highest = Math.min(a.max, b.max)
  return highest >= Math.max(a.min, b.min) ? highest : undefined
}
