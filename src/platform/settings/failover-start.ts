import { suggest, type Problem } from '../../base/index.ts'
import type { SettingDeclaration } from './declarations.ts'
import { invalidSetting } from './invalid-setting.ts'
import { readSetting } from './value.ts'

const common = { scope: 'local', change: 'start' } as const

/**
 * How an instance stands in a pair, given at its start. These are no settings among the others: what holds is kept in the pair's own file,
 * changed by `PUT /failover`, and checked as a whole against what is going on. What is given here is such a change, made at each start.
 */
export const failoverDeclarations = {
  role: {
    ...common,
    kind: 'choice',
    of: ['NONE', 'PRIMARY', 'SECONDARY'],
    default: 'NONE',
    variable: 'FARWATCH_FAILOVER_ROLE',
    help: 'Which half of a pair of servers this one is.',
  },
  mode: {
    ...common,
    kind: 'choice',
    of: ['OFF', 'ACTIVE', 'STANDBY'],
    default: 'OFF',
    variable: 'FARWATCH_FAILOVER_MODE',
    help: '`ACTIVE` switches the mechanism on on a PRIMARY, `STANDBY` on a SECONDARY; `OFF` switches it off. Who is active at the moment is decided between the two, and not by this.',
  },
  peerUrl: {
    ...common,
    kind: 'text',
    default: '',
    maxLength: 2_000,
    variable: 'FARWATCH_FAILOVER_PEER_URL',
    help: 'On the SECONDARY: the URL of the PRIMARY, as `https://name:port`.',
  },
  peerUuid: {
    ...common,
    kind: 'text',
    default: '',
    maxLength: 200,
    variable: 'FARWATCH_FAILOVER_PEER_UUID',
    help: 'On the PRIMARY: the UUID of the SECONDARY, as `farwatch status` shows it there.',
  },
  timeoutMs: {
    ...common,
    kind: 'number',
    unit: 'ms',
    default: 15_000,
    min: 5_000,
    max: 3_600_000,
    variable: 'FARWATCH_FAILOVER_TIMEOUT',
    help: 'Silent for so long the other server counts as lost.',
    tooSmall: 'A busy moment or a slow line becomes a takeover.',
    tooLarge: 'Nobody watches for so long after a server was lost.',
  },
  pollMs: {
    ...common,
    kind: 'number',
    unit: 'ms',
    default: 2_000,
    min: 250,
    max: 1_800_000,
    variable: 'FARWATCH_FAILOVER_POLL',
    help: 'How often the SECONDARY polls the PRIMARY. At most half of the timeout.',
    tooSmall: 'Load for nothing.',
    tooLarge: 'One lost poll is already half of the timeout.',
  },
} as const satisfies Record<string, SettingDeclaration>

export type FailoverName = keyof typeof failoverDeclarations
export const failoverNames = Object.keys(failoverDeclarations) as readonly FailoverName[]

type ChoiceOf<N extends 'role' | 'mode'> = (typeof failoverDeclarations)[N]['of'][number]

/** What was given; what was not is left as it is stored. */
export interface FailoverGiven {
  readonly role?: ChoiceOf<'role'>
  readonly mode?: ChoiceOf<'mode'>
  readonly peerUrl?: string
  readonly peerUuid?: string
  readonly timeoutMs?: number
  readonly pollMs?: number
}

/**
 * Reads `FARWATCH_FAILOVER_…`; an empty variable is one that is not set.
 * @throws FarwatchError `invalid-setting` with every problem
 */
export function failoverGiven(environment: Readonly<Record<string, string | undefined>>): FailoverGiven {
  const problems: Problem[] = []
  const given: Partial<Record<FailoverName, unknown>> = {}
  for (const name of failoverNames) {
    const declaration: SettingDeclaration = failoverDeclarations[name]
    const text = environment[declaration.variable]
    if (text === undefined || text === '') continue
    const read = readSetting(declaration, declaration.kind === 'choice' ? text.toUpperCase() : text)
    if (read.ok) given[name] = read.value
    else
      problems.push({
        path: declaration.variable,
        message: `${JSON.stringify(text.slice(0, 60))} ${read.why}; it must be ${read.allowed}`,
        ...(declaration.kind === 'choice' ? { hint: suggest(text.toUpperCase(), declaration.of) } : {}),
      })
  }
  if (problems.length > 0) throw invalidSetting(problems)
  // Each was read by the reader of its own declaration.
  return given as FailoverGiven
}
