import type { HeardReport, PairProblem, PairState, World } from './state.ts'
import { ask, knowingHigher } from './witnesses.ts'

/**
 * What is wrong with the pair as this side sees it, for as long as it is. Words say nothing that changes from second to second, so that a
 * problem that stands is told once. A side that does not act cannot raise alarms of its own; what it finds is logged and shown there.
 */
export function problemsOf(state: PairState, world: World, at: number): readonly PairProblem[] {
  const { rules } = world
  if (rules.role === 'NONE') return []
  const { standing, peer } = state
  switch (standing.is) {
    case 'off':
      return standing.acts ? [] : problemsOfFrozen(peer)
    case 'active':
      return [...problemsOfActive(state, standing, world, at), ...problemsOfOwn(world)]
    case 'giving':
      return []
    case 'held':
    case 'standby':
      return [...problemsOfIdle(state, standing.since, standing.why, world, at), ...problemsOfOwn(world)]
  }
}

function problemsOfFrozen(peer: HeardReport | undefined): readonly PairProblem[] {
  if (peer?.acts === true) return []
  return [
    {
      key: 'failover: off',
      severity: 'WARNING',
      message:
        'The failover mechanism is off on this server, and it does not act. It stays so until the mode is set again, or the role to NONE',
    },
  ]
}

type Active = Extract<PairState['standing'], { is: 'active' }>

function problemsOfActive(state: PairState, standing: Active, world: World, at: number): readonly PairProblem[] {
  const { rules, own } = world
  const { peer } = state
  const found: PairProblem[] = []
  const isSilent = at - Math.max(state.contactAt ?? standing.since, standing.since) > rules.timeoutMs
  const other = rules.role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
  // It said so before it fell silent, and is silent because of it.
  if (peer?.isOn === false)
    found.push({
      key: 'failover: off there',
      severity: 'WARNING',
      message: `The failover mechanism is off on the ${other}: should this server fail now, nobody takes over`,
    })
  else if (isSilent && standing.because === 'peer silent' && own.followers === 0)
    found.push({
      key: 'failover: alone',
      severity: 'MAJOR',
      message: `This server took over because the ${other} was silent and no agent was there to ask. It is alone: neither the ${other} nor any agent elsewhere reaches it. Check its own network first`,
    })
  else if (isSilent)
    found.push({
      key: 'failover: no standby',
      severity: 'MAJOR',
      message: `The ${other} is not in contact: should this server fail now, nobody takes over`,
    })
  else if (peer?.unsound !== undefined)
    found.push({
      key: 'failover: standby unsound',
      severity: 'MAJOR',
      message: `The ${other} cannot take over: ${peer.unsound}`,
    })
  if (rules.role === 'SECONDARY')
    found.push({
      key: 'failover: secondary active',
      severity: 'MAJOR',
      message: `The SECONDARY is active (${standing.because}), with term ${state.term}. When the PRIMARY is well again, set the SECONDARY to STANDBY: it hands over as soon as the PRIMARY has everything`,
    })
  const higher = knowingHigher(state.statements, state.term, at)
  if (higher.length > 0)
    found.push({
      key: 'failover: higher term',
      severity: 'WARNING',
      message: `Agents name a higher term than this server's ${state.term}, and do not work with it: ${[...higher].sort().slice(0, 10).join(', ')}. The other server, or most of the agents, would have to confirm it`,
    })
  if (standing.because === 'hand-over not taken')
    found.push({
      key: 'failover: hand-over not taken',
      severity: 'WARNING',
      message: `The ${other} did not take the hand-over within five seconds after everything was stopped for it, and this server went on. Ask for it again when the lag is small`,
    })
  if (standing.handOver !== undefined && at - standing.handOver.since > rules.timeoutMs * 4)
    found.push({
      key: 'failover: hand-over waits',
      severity: 'WARNING',
      message: `The hand-over to the ${other} waits until that one has everything and is in contact. This server goes on until then`,
    })
  return found
}

function problemsOfIdle(
  state: PairState,
  since: number,
  why: string,
  world: World,
  at: number,
): readonly PairProblem[] {
  const { rules, own } = world
  const { peer, statements, term } = state
  const found: PairProblem[] = []
  const other = rules.role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
  if (why === 'rolled back')
    found.push({
      key: 'failover: rolled back',
      severity: 'CRITICAL',
      message:
        'The data of this server is older than it was once: its data directory was replaced or restored. It does not act',
    })
  const isSilent = at - Math.max(state.contactAt ?? since, since) > rules.timeoutMs
  if (state.turnedAway !== undefined && !isSilent)
    found.push({
      key: 'failover: turned away',
      severity: 'MAJOR',
      message: `The ${other} is there, and does not take this server for its other half: ${state.turnedAway}. This server does not follow it, and does not take over`,
    })
  if (!isSilent) return found
  const vote = ask(statements, term, rules.timeoutMs, at)
  if (peer?.isOn === false)
    found.push({
      key: 'failover: off there',
      severity: 'WARNING',
      message: `The ${other} was last heard with the mechanism off, and is silent: this server does not take over`,
    })
  else if (!own.isWhole || why === 'joins')
    found.push({
      key: 'failover: no copy',
      severity: 'CRITICAL',
      message: `The ${other} is silent, and this server cannot take over: it has no complete copy yet`,
    })
  else if (vote.voices.some(({ says }) => says === 'knows a higher term'))
    found.push({
      key: 'failover: higher term',
      severity: 'CRITICAL',
      message: `This server does not act: agents have worked with a server of a higher term than ${term}, which is silent. Start that one, or force the take-over here, which does without what it knew`,
    })
  else if (vote.verdict === 'served')
    found.push({
      key: 'failover: link cut',
      severity: 'MAJOR',
      message: `The two servers do not reach each other, but agents still work with the ${other}: this server does not take over`,
    })
  return found
}

function problemsOfOwn({ own }: World): readonly PairProblem[] {
  if (own.unsound === undefined) return []
  return [{ key: 'failover: unsound', severity: 'CRITICAL', message: `${own.unsound.why}: ${own.unsound.message}` }]
}
