import type { Answer } from '../api/call.ts'

/** What a new instance is still to be given. Each is done by what is there, so that it does not matter where or when somebody did it. */
export const firstSteps = ['certificate', 'target', 'plugin', 'agent', 'pair'] as const
export type FirstStep = (typeof firstSteps)[number]

export interface FirstFacts {
  readonly certificates: Answer<'listCertificates'>
  readonly systems: Pick<Answer<'showStatus'>, 'systems'>['systems']
  /** Those that the first start watches by itself. */
  readonly ownSystems: number
  readonly plugins: number
  /** Accepted ones beside this server's own. */
  readonly agents: number
  readonly pairRole: string
}

export function doneSteps(facts: FirstFacts, isLocal: (name: string) => boolean): ReadonlySet<FirstStep> {
  const own = facts.certificates.find(({ use }) => use === 'tls')
  const done: Readonly<Record<FirstStep, boolean>> = {
    certificate: own !== undefined && own.names.some((name) => !isLocal(name)),
    target: facts.systems > facts.ownSystems,
    plugin: facts.plugins > 0,
    agent: facts.agents > 0,
    pair: facts.pairRole !== 'NONE',
  }
  return new Set(firstSteps.filter((step) => done[step]))
}
