import type { AgentHost } from './agent-host.ts'
import type { Evidence } from './evidence.ts'
import type { Network } from './network.ts'
import type { PairEvidence } from './pair-evidence.ts'
import type { PairHost } from './pair-simulate.ts'
import type { World } from './world.ts'

export interface PairParts {
  readonly world: World
  readonly network: Network
  readonly agents: readonly AgentHost[]
  readonly servers: readonly PairHost[]
  readonly evidence: Evidence
  readonly pairEvidence: PairEvidence
}

export function planPairFaults(
  { world, servers }: PairParts,
  _: { count: number; withinMs: number; longestMs: number },
): { end(): void } {
  world.after(3_000, () => servers[0]!.kill('kill'))
  return { end: () => servers[0]!.start() }
}
