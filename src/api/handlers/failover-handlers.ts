import { iso } from '../../base/index.ts'
import type { Drill, Failover, ForcePrice } from '../../contract/index.ts'
import type { DrillReport, ForcePrice as PriceFacts, PairStatus } from '../../failover/index.ts'
import type { FailoverFacts, FailoverQuestions, PairNow } from '../failover.ts'
import { demand, type Handlers } from '../route.ts'

type Names = 'showFailover' | 'changeFailover' | 'handOver' | 'forceTakeover' | 'runDrill' | 'listDrills'

export interface FailoverParts {
  readonly failover: FailoverQuestions
  readonly agentName: (id: string) => string | undefined
}

/** The pair of servers: how it stands, its settings, and who is to act. */
export function failoverHandlers({ failover, agentName }: FailoverParts): Handlers<Names> {
  const show = async () => shownFailover(failover.now(), await failover.status(), agentName)
  return {
    showFailover: ({ caller }) => {
      demand(caller, 'viewer', null)
      return show()
    },
    changeFailover: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      await failover.set(body, caller.username)
      return show()
    },
    handOver: ({ caller }) => {
      demand(caller, 'admin', null)
      return failover.handOver(caller.username)
    },
    forceTakeover: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      const price = shownPrice(failover.forcePrice())
      if (body.confirm !== true) return { forced: false, price }
      await failover.force(caller.username)
      return { forced: true, price }
    },
    runDrill: async ({ caller }) => {
      demand(caller, 'admin', null)
      return shownDrill(await failover.drill(caller.username))
    },
    listDrills: async ({ caller }) => {
      demand(caller, 'viewer', null)
      return (await failover.drills()).map(shownDrill)
    },
  }
}

function shownFailover(now: PairNow, facts: FailoverFacts, nameOf: FailoverParts['agentName']): Failover {
  const { pair, setUp, ownUuid, peerFingerprint } = facts
  const parts = Object.entries(facts.parts).map(shownPart)
  const { role, peerUrl, peerUuid, timeoutMs, pollMs } = pair.settings
  return {
    role,
    mode: pair.mode,
    peerUrl,
    peerUuid,
    timeoutMs,
    pollMs,
    state: pair.state,
    acts: now.notActive === undefined,
    term: pair.term,
    activeUrl: now.activeUrl ?? null,
    uuid: ownUuid,
    lag: { changes: pair.lag ?? sumOf(parts), seconds: secondsOf(parts) },
    parts,
    peer: shownPeer(pair.peer),
    peerFingerprint: peerFingerprint ?? null,
    pollProblem: pair.pollProblem ?? null,
    handsOver: pair.handsOver,
    witnesses: pair.witnesses.map(({ agent, says }) => ({ agent, name: nameOf(agent) ?? null, says })),
    setUp: setUp.map(({ on, isDone, message }) => ({ on, done: isDone, message })),
    problems: pair.problems.map(({ key, severity, message }) => ({ key, severity, message })),
  }
}

type ShownPart = Failover['parts'][number]

function shownPart([name, part]: [string, FailoverFacts['parts'][string]]): ShownPart {
  switch (part.is) {
    case 'following': {
      const { changes, seconds, waits } = part
      return { name, state: waits === undefined ? 'following' : 'waiting', changes, seconds, why: waits ?? null }
    }
    case 'copying':
      return { name, state: 'copying', changes: null, seconds: null, why: part.why ?? null }
    case 'unknown':
      return { name, state: 'unknown', changes: null, seconds: null, why: null }
  }
}

/** A part that is copied, or of which nothing is known, may lack any number of changes. */
function sumOf(parts: readonly ShownPart[]): number | null {
  return parts.reduce<number | null>(
    (sum, { changes }) => (sum === null || changes === null ? null : sum + changes),
    parts.length === 0 ? null : 0,
  )
}

function secondsOf(parts: readonly ShownPart[]): number | null {
  return parts.reduce<number | null>(
    (most, { seconds }) => (most === null || seconds === null ? null : Math.max(most, seconds)),
    parts.length === 0 ? null : 0,
  )
}

function shownPeer(peer: PairStatus['peer']): Failover['peer'] {
  if (peer === undefined) return null
  const { state, isOn, acts, term, isWhole, unsound, heardMsAgo } = peer
  return { state, on: isOn, acts, term, complete: isWhole, unsound: unsound ?? null, heardMsAgo }
}

function shownPrice({ missingChanges, lastContactMsAgo, configuration: { here, there } }: PriceFacts): ForcePrice {
  return {
    missingChanges: missingChanges ?? null,
    lastContactMsAgo: lastContactMsAgo ?? null,
    configuration: { here, there: there ?? null, same: there === undefined ? null : here === there },
  }
}

function shownDrill({ startedAt, endedAt, there, back, problems, ...rest }: DrillReport): Drill {
  return {
    ...rest,
    startedAt: iso(startedAt),
    endedAt: iso(endedAt),
    there: there ?? null,
    back: back ?? null,
    problems: [...problems],
  }
}
