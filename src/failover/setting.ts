import { formatDuration, type Checked, type Problem } from '../base/index.ts'
import { actsIn, type PairState, type Rules } from './state.ts'
import type { Side } from './terms.ts'

export const pairRoles = ['NONE', 'PRIMARY', 'SECONDARY'] as const
export const pairModes = ['OFF', 'ACTIVE', 'STANDBY'] as const
export type PairRole = (typeof pairRoles)[number]
export type PairMode = (typeof pairModes)[number]

/** How an instance stands in a pair. Stored on each side for itself; nothing of it is replicated. */
export interface PairSettings {
  readonly role: PairRole
  /**
   * `OFF` switches the mechanism off. What is stored is `ACTIVE` for a PRIMARY and `STANDBY` for a SECONDARY that is switched on; what is shown is
   * `shownMode`, since a SECONDARY that took over is ACTIVE until it is set to STANDBY.
   */
  readonly mode: PairMode
  /** Of the PRIMARY; on the SECONDARY only. */
  readonly peerUrl: string
  /** Of the SECONDARY, on the PRIMARY. On the SECONDARY it may be given, and is then checked. */
  readonly peerUuid: string
  /**
   * Silent for so long the other side counts as lost. Too small: a busy moment or a slow line becomes a takeover. Too large: nobody watches for
   * so long. At least `shortestTimeoutMs`.
   */
  readonly timeoutMs: number
  /** How often the SECONDARY polls. Too small: load for nothing. Too large: one lost poll is already half of the timeout. */
  readonly pollMs: number
}

export const shortestTimeoutMs = 5_000
export const longestTimeoutMs = 3_600_000
export const shortestPollMs = 250

export const defaultPairSettings: PairSettings = {
  role: 'NONE',
  mode: 'OFF',
  peerUrl: '',
  peerUuid: '',
  timeoutMs: 15_000,
  pollMs: 2_000,
}

/** What the check has to know beside what was given. */
export interface SettingFacts {
  readonly ownUuid: string
  /** URLs at which this instance is reached itself. */
  readonly ownUrls: readonly string[]
  /** It has the role of a central server. */
  readonly isServer: boolean
  readonly state: PairState
  /** Of the other side, where it was in contact just now with its mechanism on; undefined where nothing is known. */
  readonly peerRole?: PairRole | undefined
}

export function rulesOf({ role, mode, timeoutMs }: PairSettings): Rules {
  return { role, isOn: mode !== 'OFF', timeoutMs }
}

/** The mode as users see it. */
export function shownMode(settings: PairSettings, state: PairState): PairMode {
  if (settings.mode === 'OFF' || settings.role !== 'SECONDARY') return settings.mode
  return actsIn(state) ? 'ACTIVE' : 'STANDBY'
}

/** What an accepted change comes to: other settings, or a wish that leaves them as they are. */
export interface SettingChange {
  readonly settings: PairSettings
  /** A SECONDARY that is active was set to STANDBY. */
  readonly handsOver: boolean
}

/**
 * Checks what an administrator gave against what there is. Only what was given counts as asked for: who changes the timeout of a held PRIMARY
 * leaves the mode out, and does not set it to ACTIVE.
 * @returns every problem that was found, or what is to be done
 */
export function changeSettings(
  before: PairSettings,
  given: Partial<PairSettings>,
  facts: SettingFacts,
): Checked<SettingChange> {
  const wanted = { ...before, ...given, peerUuid: (given.peerUuid ?? before.peerUuid).trim().toLowerCase() }
  const problems = [
    ...problemsOfValues(wanted),
    ...problemsOfRole(wanted, facts),
    ...problemsOfMode(before, given, wanted, facts),
  ]
  if (problems.length > 0) return { ok: false, problems }
  const handsOver =
    given.mode === 'STANDBY' &&
    before.role === 'SECONDARY' &&
    before.mode !== 'OFF' &&
    facts.state.standing.is === 'active'
  // Kept as it is meant for good: who is active at the moment is no setting.
  const mode = wanted.role === 'SECONDARY' && wanted.mode === 'ACTIVE' ? 'STANDBY' : wanted.mode
  return { ok: true, value: { settings: { ...wanted, mode }, handsOver } }
}

function problemsOfValues({ peerUrl, peerUuid, timeoutMs, pollMs }: PairSettings): readonly Problem[] {
  const problems: Problem[] = []
  const add = (path: string, message: string, hint: string) => problems.push({ path, message, hint })
  if (peerUrl !== '' && !isHttps(peerUrl))
    add(
      'peerUrl',
      `\`${shortened(peerUrl)}\` is not an https:// URL`,
      'Give the URL at which agents reach the PRIMARY, for example `https://farwatch-a.example:8443`.',
    )
  if (peerUuid !== '' && !isUuid(peerUuid))
    add(
      'peerUuid',
      `\`${shortened(peerUuid)}\` is not a UUID`,
      'Copy the UUID that the other instance shows: `farwatch status` there.',
    )
  if (!(timeoutMs >= shortestTimeoutMs))
    add(
      'timeoutMs',
      `the timeout must be at least ${formatDuration(shortestTimeoutMs)}`,
      'A shorter one makes takeovers of pauses that every server has now and then.',
    )
  else if (timeoutMs > longestTimeoutMs)
    add(
      'timeoutMs',
      `the timeout must be at most ${formatDuration(longestTimeoutMs)}`,
      'For so long nobody would watch.',
    )
  if (!(pollMs >= shortestPollMs))
    add('pollMs', `the poll interval must be at least ${formatDuration(shortestPollMs)}`, 'The default is 2s.')
  else if (pollMs * 2 > timeoutMs && timeoutMs >= shortestTimeoutMs)
    add(
      'pollMs',
      `the poll interval of ${formatDuration(pollMs)} fits less than twice into the timeout of ${formatDuration(timeoutMs)}`,
      'One lost poll would be a takeover: make it shorter, or the timeout longer.',
    )
  return problems
}

function problemsOfRole(wanted: PairSettings, facts: SettingFacts): readonly Problem[] {
  const { role, mode, peerUrl, peerUuid } = wanted
  const problems: Problem[] = []
  const add = (path: string, message: string, hint: string) => problems.push({ path, message, hint })
  if (role !== 'NONE' && !facts.isServer)
    add(
      'role',
      'this instance is an agent only, and cannot be half of a pair of servers',
      'Give it the role of a central server first, or leave the role at NONE. Agents learn both servers of a pair by themselves.',
    )
  if (role === 'NONE' && mode !== 'OFF')
    add(
      'mode',
      `the mode ${mode} needs a role: this instance is neither PRIMARY nor SECONDARY`,
      'Set the role along with the mode, or the mode to OFF.',
    )
  if (role !== 'NONE' && facts.peerRole === role)
    add(
      'role',
      `the other instance is the ${role} already, and is switched on`,
      `A pair has one PRIMARY and one SECONDARY: set this one to ${otherSide(role)}. To exchange them set the mode of the other one to OFF first.`,
    )
  if (peerUuid !== '' && peerUuid === facts.ownUuid)
    add(
      'peerUuid',
      'this is the UUID of this very instance',
      'Give the UUID of the other instance. Where both have the same one, a data directory was copied: start the second with one of its own.',
    )
  if (role === 'PRIMARY' && mode !== 'OFF' && peerUuid === '')
    add(
      'peerUuid',
      'a PRIMARY needs the UUID of its SECONDARY',
      'Copy the UUID that the SECONDARY shows: `farwatch status` there.',
    )
  if (role === 'SECONDARY' && mode !== 'OFF' && peerUrl === '')
    add(
      'peerUrl',
      'a SECONDARY needs the URL of its PRIMARY',
      'Only the SECONDARY opens connections: give the URL at which it reaches the PRIMARY.',
    )
  if (role === 'SECONDARY' && isHttps(peerUrl) && facts.ownUrls.some((url) => sameOrigin(url, peerUrl)))
    add('peerUrl', 'this is the URL of this very instance', 'Give the URL of the PRIMARY.')
  return problems
}

function problemsOfMode(
  before: PairSettings,
  given: Partial<PairSettings>,
  wanted: PairSettings,
  { state }: SettingFacts,
): readonly Problem[] {
  const { role, mode } = wanted
  const isNew = role !== before.role || before.mode === 'OFF'
  const problems: Problem[] = []
  const add = (path: string, message: string, hint: string) => problems.push({ path, message, hint })
  if (role === 'PRIMARY' && mode === 'STANDBY')
    add(
      'mode',
      'a PRIMARY cannot be set to STANDBY',
      'Its mode is ACTIVE or OFF. To have the SECONDARY take over, ask for a hand-over: `farwatch failover handover`.',
    )
  if (role === 'PRIMARY' && given.mode === 'ACTIVE' && !isNew && !actsIn(state))
    add(
      'mode',
      'this PRIMARY is held, and cannot be set to ACTIVE by hand',
      state.peer?.acts === true
        ? 'Set the SECONDARY to STANDBY, or run `farwatch failover handover` here: the SECONDARY hands over as soon as this server has everything, and this one becomes active by itself.'
        : 'It becomes active by itself when the SECONDARY, or the silence of the agents, shows that it may. Where the SECONDARY is gone for good: `farwatch failover force`.',
    )
  if (role === 'SECONDARY' && given.mode === 'ACTIVE' && (isNew || !actsIn(state)))
    add(
      'mode',
      'a SECONDARY cannot be set to ACTIVE by hand',
      'Set it to STANDBY: it becomes active by itself when the PRIMARY is lost. To switch now: `farwatch failover handover`, or `farwatch failover force` where the PRIMARY is gone.',
    )
  if (given.role !== undefined && given.role !== before.role && before.mode !== 'OFF' && given.role !== 'NONE')
    add(
      'role',
      `a ${before.role} that is switched on cannot become ${given.role}`,
      'Set the mode to OFF on both sides first, exchange the roles, and switch both on again.',
    )
  return problems
}

// --- what is still missing

/** One line of the set-up check: what has to be done, and on which side. */
export interface SetUpStep {
  readonly on: Side | 'agents'
  readonly isDone: boolean
  readonly message: string
}

/** What is known of the other side for the check. */
export interface SetUpFacts {
  readonly ownUuid: string
  /** Of the other's key: seen here, as it signed its polls; undefined where it never polled. Known on the PRIMARY only. */
  readonly peerFingerprint: string | undefined
  /** Why the last poll failed; undefined where it did not, or there was none. Known on the SECONDARY only. */
  readonly pollProblem: string | undefined
  readonly remoteAgents: number
  readonly ways: SetUpWays
}

/** Whether agents find both servers: tried by the agents themselves, and by the SECONDARY. */
export interface SetUpWays {
  /** Of the side that does not act: its address as agents are given it, how many work with the other one, and how many of them call this one. */
  readonly idle: { readonly url: string; readonly agents: number; readonly calling: number } | undefined
  /** What the SECONDARY found at the address that agents are given of the PRIMARY; undefined where it polls it there. */
  readonly tried: { readonly url: string; readonly problem: string | undefined } | undefined
}

/**
 * What a pair needs until it can take over, in the order in which it is done, seen from one side. What only the other side can know is said as
 * something to do there.
 */
export function checkSetUp(settings: PairSettings, state: PairState, facts: SetUpFacts): readonly SetUpStep[] {
  const { role, mode, peerUuid, peerUrl } = settings
  if (role === 'NONE')
    return [
      {
        on: 'PRIMARY',
        isDone: false,
        message: 'Set the role of one server to PRIMARY, and of the other to SECONDARY.',
      },
    ]
  const { peer } = state
  const isInContact = peer !== undefined && facts.pollProblem === undefined
  const steps: SetUpStep[] = []
  const add = (on: SetUpStep['on'], isDone: boolean, message: string) => steps.push({ on, isDone, message })
  if (role === 'PRIMARY') {
    add('PRIMARY', peerUuid !== '', 'The PRIMARY has the UUID of the SECONDARY.')
    add('PRIMARY', mode === 'ACTIVE', 'The mode of the PRIMARY is ACTIVE.')
    add(
      'SECONDARY',
      isInContact,
      isInContact
        ? `The SECONDARY polls, with the key ${facts.peerFingerprint ?? 'that it has'}.`
        : 'The SECONDARY has not polled since this server was started: set its role to SECONDARY, its peer URL to this server, and its mode to STANDBY.',
    )
  } else {
    add('SECONDARY', peerUrl !== '', 'The SECONDARY has the URL of the PRIMARY.')
    add('SECONDARY', mode !== 'OFF', 'The mode of the SECONDARY is STANDBY.')
    add(
      'PRIMARY',
      isInContact,
      isInContact
        ? 'The PRIMARY answers.'
        : `The PRIMARY does not answer as one: ${facts.pollProblem ?? 'it was not asked yet'}. It needs the role PRIMARY, the mode ACTIVE, and the peer UUID ${facts.ownUuid}.`,
    )
  }
  const other: Side = otherSide(role)
  if (peer !== undefined && !peer.isOn) add(other, false, `The mode of the ${other} is OFF.`)
  if (peer !== undefined && actsIn(state))
    add(
      other,
      peer.isWhole,
      peer.isWhole ? `The ${other} has a complete copy.` : `The first copy to the ${other} is under way.`,
    )
  add(
    'agents',
    facts.remoteAgents > 0,
    facts.remoteAgents > 0
      ? 'There are agents elsewhere, which see both servers.'
      : 'There is no agent elsewhere: nobody can tell a dead server from a cut line between the two. Then the timeout alone decides.',
  )
  if (isInContact) addWays(facts.ways, actsIn(state) ? other : role, add)
  return steps
}

/** @param idle the side that does not act */
function addWays(
  { idle: called, tried }: SetUpWays,
  idle: Side,
  add: (on: SetUpStep['on'], isDone: boolean, message: string) => void,
): void {
  if (called !== undefined && called.agents > 0) {
    const { url, agents, calling } = called
    const isDone = calling >= agents
    const found = isDone
      ? `The agents call the ${idle} as well, at ${url}.`
      : `Of ${agents} agents that work with the ${otherSide(idle)} ${calling === 0 ? 'none calls' : `only ${calling} call`} the ${idle} at ${url}, the address that they are given: the others would not find it when it takes over, and are no witnesses there. Is the address right (setting publicUrl of the ${idle}, or the names of its certificate), do they trust its certificate, and is nothing in between?`
    add('agents', isDone, found)
  }
  if (tried === undefined) return
  const { url, problem } = tried
  const found =
    problem === undefined
      ? `The PRIMARY is there at ${url}, the address that agents are given.`
      : `The SECONDARY does not find the PRIMARY at ${url}, the address that agents are given: ${problem}. Set publicUrl on the PRIMARY, unless only agents can reach it there.`
  add('agents', problem === undefined, found)
}

function otherSide(role: Side): Side {
  return role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}

function sameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
