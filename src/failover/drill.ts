import { FarwatchError, messageOf } from '../base/index.ts'
import type { PairStatus } from './pair.ts'
import type { SetUpStep } from './setting.ts'
import { pass, switchOver, type Switched, type SwitchParts } from './switch-over.ts'

/** One switch of a drill, as the side that ran it saw it. */
export interface DrillSwitch {
  /** From when it was asked for until the other acted, in milliseconds. */
  readonly ms: number
  /** Of these, how long neither acted at most. */
  readonly idleMs: number
}

/** What was found afterwards of the time between two moments. */
export interface DrillCounts {
  /** Results that were acknowledged to an agent, and are not there any more. */
  readonly resultsLost: number
  /** Results that count twice. */
  readonly duplicates: number
  /** Slots that nobody ran. */
  readonly runsMissed: number
  /** Notifications that went out more often than once. */
  readonly notificationsRepeated: number
}

/** A planned switch to the other side and back, and what it cost. Moments are epoch milliseconds. */
export interface DrillReport extends DrillCounts {
  readonly startedAt: number
  readonly endedAt: number
  /** A user, or `schedule`. */
  readonly by: string
  /** Undefined where it did not come so far. */
  readonly there: DrillSwitch | undefined
  readonly back: DrillSwitch | undefined
  /** What did not go as it should, in words; none where all is well. */
  readonly problems: readonly string[]
}

export interface DrillParts extends SwitchParts {
  /** `checkSetUp`, as of now. */
  readonly setUp: () => readonly SetUpStep[]
  /**
   * Asked once, on this side, when it acts again: what became of the slots from one moment on and before the other, in epoch milliseconds.
   * It waits itself until that can be said.
   */
  readonly count: (from: number, to: number) => Promise<DrillCounts>
}

/** Long enough for the agents to have moved, and to have worked for the other side. */
const stayMs = 10_000
const boundMs = 60_000

const nothing: DrillCounts = { resultsLost: 0, duplicates: 0, runsMissed: 0, notificationsRepeated: 0 }

/**
 * Switches over to the other side and back, and says what that cost. It runs on the side that acts. Where it does not come back, the other side
 * goes on: nobody is made active by force for an exercise.
 * @param by who asked for it
 * @throws FarwatchError `conflict` where it cannot begin, with what is missing; `shutting-down`
 */
export async function runDrill(parts: DrillParts, by: string): Promise<DrillReport> {
  const { clock, pair, signal } = parts
  refuseUnready(pair.status(), parts.setUp())
  const startedAt = clock.now()
  const problems: string[] = []
  const attempt = async (what: string, act: () => Promise<Switched>): Promise<DrillSwitch | undefined> => {
    try {
      const { ms, idleMs } = await act()
      return { ms, idleMs }
    } catch (thrown) {
      if (signal.aborted) throw thrown
      problems.push(`${what}: ${messageOf(thrown)}`)
      return undefined
    }
  }
  const there = await attempt('not handed over', () => switchOver(parts, boundMs))
  if (there !== undefined) await pass(clock, stayMs, signal)
  const back = there === undefined ? undefined : await attempt('not taken back', () => switchOver(parts, boundMs))
  const counts = await parts.count(startedAt, clock.now()).catch((thrown: unknown) => {
    problems.push(`not counted what became of the slots: ${messageOf(thrown)}`)
    return nothing
  })
  return { startedAt, endedAt: clock.now(), by, there, back, ...counts, problems }
}

function refuseUnready({ settings, mode, state, peer, handsOver }: PairStatus, setUp: readonly SetUpStep[]): void {
  const refuse = (message: string, hint: string) => {
    throw new FarwatchError('conflict', `no drill: ${message}`, { hint })
  }
  if (settings.role === 'NONE' || mode === 'OFF')
    refuse(
      'there is no pair, or its mechanism is off',
      'Set up the pair first: `farwatch failover status` says what is missing.',
    )
  // That no agent is elsewhere keeps nobody from handing over.
  const missing = setUp.filter(({ on, isDone }) => !isDone && on !== 'agents')
  if (missing.length > 0)
    refuse(
      `the set-up is not complete. ${missing.map(({ message }) => message).join(' ')}`,
      'See to that first; `farwatch failover status` says what is missing.',
    )
  if (state !== 'active') refuse('this side does not act', 'A drill runs on the side that is active: ask that one.')
  if (handsOver) refuse('a hand-over is under way', 'Wait until it has ended.')
  if (peer === undefined || peer.heardMsAgo > settings.timeoutMs)
    refuse('the other server is not in contact', 'Start it, or see to the line between the two.')
  if (peer?.unsound !== undefined)
    refuse(`the other server cannot take over: ${peer.unsound}`, 'See to what is wrong there first.')
}
