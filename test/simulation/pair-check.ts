import type { ChangePoint } from '../../src/platform/index.ts'
import { check, type Facts, type Law } from './check.ts'
import { isNotable, keyOf, type CountingReceiver } from './notifications.ts'
import type { ActingTime, PairEvidence } from './pair-evidence.ts'
import type { ServerName } from './pair-server.ts'

export type PairLaw =
  | Law
  | 'at most one server acts in a term'
  | 'nobody begins to act beside another in its reach'
  | 'nobody takes over from a server that serves the agents'
  | 'no server acts in a term below one that it knew'
  | 'no agent believes a lower term after a higher'
  | 'exactly one server acts when faults are over'
  | 'every notification arrives once'
  | 'both servers end with the same'

export interface PairViolation {
  readonly law: PairLaw
  /** Of which the story is to be told. */
  readonly about: string
  readonly words: string
}

type Points = { readonly history: ChangePoint; readonly database: ChangePoint } | undefined

export interface PairFacts extends Omit<Facts, 'announced' | 'boundFrom' | 'isServersFault' | 'isSplit'> {
  readonly pairEvidence: PairEvidence
  readonly receiver: CountingReceiver
  /** Who acted, at each look after the bound. */
  readonly acted: readonly string[]
  readonly points: Readonly<Record<ServerName, Points>>
}

export function checkPair(facts: PairFacts): readonly PairViolation[] {
  return [
    ...oneInEachTerm(facts),
    ...notBesideAnother(facts),
    ...notFromOneThatServes(facts),
    ...noLowerTerm(facts),
    ...believed(facts),
    ...exactlyOne(facts),
    ...notifiedOnce(facts),
    ...sameEnd(facts),
    // Each of the two histories announces for itself.
    ...check({
      ...facts,
      announced: new Map(),
      boundFrom: undefined,
      isServersFault: true,
      isSplit: (at) => isSplit(facts, at),
    }),
  ]
}

/** What agents were given while two acted they may run until their lease ends. */
function isSplit({ pairEvidence: { times }, scenario: { lease } }: PairFacts, at: number): boolean {
  const acted = times.filter(({ from, until }) => from <= at && until >= at - lease.offlineTimeoutMs)
  return (
    new Set(acted.map(({ server }) => server)).size > 1 &&
    acted.some((one) => acted.some((other) => overlap(one, other)))
  )
}

function overlap(one: ActingTime, other: ActingTime): boolean {
  return one.server !== other.server && one.from < other.until && other.from < one.until
}

function* oneInEachTerm({ pairEvidence: { took } }: PairFacts): Iterable<PairViolation> {
  for (const [term, all] of Map.groupBy(took, (one) => one.term)) {
    const servers = new Set(all.map(({ server }) => server))
    if (servers.size > 1)
      yield { law: 'at most one server acts in a term', about: 'P', words: `both became active with the term ${term}` }
  }
}

function* notBesideAnother({ pairEvidence: { took } }: PairFacts): Iterable<PairViolation> {
  for (const { server, term, because, isBesideOther } of took)
    if (isBesideOther && because !== 'forced')
      yield {
        law: 'nobody begins to act beside another in its reach',
        about: server,
        words: `${server} became active with the term ${term} (${because}) while the other one acted`,
      }
}

function* notFromOneThatServes({ pairEvidence: { took }, scenario }: PairFacts): Iterable<PairViolation> {
  for (const { server, term, because, servedByOther } of took)
    if (because.startsWith('peer ') && because !== 'peer unsound' && servedByOther.length * 2 > scenario.agents.length)
      yield {
        law: 'nobody takes over from a server that serves the agents',
        about: server,
        words: `${server} became active with the term ${term} (${because}) while the other one served ${servedByOther.join(' and ')}`,
      }
}

function* noLowerTerm({ pairEvidence: { took } }: PairFacts): Iterable<PairViolation> {
  for (const { server, term, known } of took)
    if (term < known)
      yield {
        law: 'no server acts in a term below one that it knew',
        about: server,
        words: `${server} became active with the term ${term}, and knew ${known} before`,
      }
}

function* believed({ pairEvidence: { believedTerms } }: PairFacts): Iterable<PairViolation> {
  for (const [agent, all] of Map.groupBy(believedTerms, (one) => one.agent)) {
    let highest = 0
    for (const { term, what } of all) {
      if (term < highest)
        yield {
          law: 'no agent believes a lower term after a higher',
          about: agent,
          words: `${agent} believed the answer to its ${what} with the term ${term}, after ${highest}`,
        }
      highest = Math.max(highest, term)
    }
  }
}

function* exactlyOne({ acted }: PairFacts): Iterable<PairViolation> {
  if (acted.length !== 1 || acted[0] === 'nobody' || acted[0]!.includes(' and '))
    yield {
      law: 'exactly one server acts when faults are over',
      about: 'P',
      words: `after the bound there acted: ${acted.join(', then ')}`,
    }
}

function* notifiedOnce({
  stored,
  receiver,
  pairEvidence,
  scenario,
  serverEndedAt,
}: PairFacts): Iterable<PairViolation> {
  const law = 'every notification arrives once'
  const byKey = Map.groupBy(receiver.received, ({ key }) => key)
  for (const { tasks } of scenario.connectors)
    for (const { id: task } of tasks)
      for (const { slot, outcome } of stored.get(task)?.bySlot.values() ?? []) {
        const isRunOutcome = outcome === 'ran' || outcome === 'failed' || outcome === 'late'
        if (!isRunOutcome || !isNotable({ slot }) || slot > serverEndedAt - 5_000) continue
        if (!byKey.has(keyOf({ task, slot })))
          yield { law, about: task, words: `of ${task} slot ${slot} nobody was told` }
      }
  for (const [key, all] of byKey) {
    const seen = new Set<number>()
    for (const { acting, by } of all) {
      if (seen.has(acting)) yield { law, about: key, words: `${key} was sent twice by ${by} while it acted` }
      seen.add(acting)
      if (pairEvidence.times.find((time) => time.acting === acting)?.recorded.has(key) === true)
        yield { law, about: key, words: `${key} was sent again by ${by}, whose ledger had it` }
    }
  }
}

function* sameEnd({ points: { P, S } }: PairFacts): Iterable<PairViolation> {
  const words = (points: Points) =>
    points === undefined
      ? 'not there'
      : (['history', 'database'] as const)
          .map((part) => `${part} ${points[part].line} ${points[part].position} ${points[part].checksum.slice(0, 8)}`)
          .join(', ')
  if (P === undefined || words(P) !== words(S))
    yield {
      law: 'both servers end with the same',
      about: 'P',
      words: `P is at ${words(P)}; S is at ${words(S)}`,
    }
}
