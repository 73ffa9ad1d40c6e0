/** What to do with a result that says a target is out of reach. `hold` means: ask again with `settle` before it is reported. */
export type IsolationVerdict = 'report' | 'isolated' | 'hold'

/** Whether the server is in reach. `unknown`: nothing was heard from it since the result came in. */
export type Uplink = 'up' | 'down' | 'unknown'

interface Target {
  /** Undefined while it is fine. */
  cutSince: number | undefined
  seenAt: number
}

/** Targets that turned within this time count together. */
const windowMs = 30_000
/** Targets that were not looked at for longer say nothing about the present. */
const recentMs = 300_000
/** Fewer targets than this are never taken for a cut of our own. */
const quorum = 3
const maxTargets = 20_000
/** How long a result may be held until others say the same. */
export const longestHoldMs = 5_000
/** Looking at all targets for every result of thousands would take longer than the results. */
const lookMs = 100

/**
 * Whether it is the targets that are away or we ourselves. We are, where our own uplink is seen to be down and at least half of the
 * targets, three or more, that were fine went out of reach together; and we remain so until the uplink is back, or most targets are.
 * A result that says a target is out of reach is held until it is known whether the uplink is there: both are cut in the same moment, and
 * the target is often noticed first. Reads no clock and looks at no network.
 */
export class Isolation {
  readonly #targets = new Map<string, Target>()
  #isolated = false
  #lookedAt = -Infinity

  get isolated(): boolean {
    return this.#isolated
  }

  /** One result came in. `cut`: it was `unreachable` or `timed out`. `uplinkNow` is asked only where it matters, which is seldom. */
  judge(target: string, cut: boolean, uplinkNow: () => Uplink, at: number): IsolationVerdict {
    let known = this.#targets.get(target)
    if (known === undefined) {
      if (this.#targets.size >= maxTargets) this.#forgetOld(at)
      if (this.#targets.size >= maxTargets) return 'report'
      known = { cutSince: cut ? -Infinity : undefined, seenAt: at }
      this.#targets.set(target, known)
    }
    known.seenAt = at
    if (!cut) known.cutSince = undefined
    else known.cutSince ??= at
    if (!cut && !this.#isolated) return 'report'
    const uplink = uplinkNow()
    this.#look(uplink, at)
    if (!cut || uplink === 'up') return 'report'
    if (this.#isolated) return 'isolated'
    return at - known.cutSince! < longestHoldMs ? 'hold' : 'report'
  }

  /** What becomes of a result that was held since `heldSince`. */
  settle(heldSince: number, uplink: Uplink, at: number): IsolationVerdict {
    this.#look(uplink, at)
    if (this.#isolated) return 'isolated'
    return uplink !== 'up' && at - heldSince < longestHoldMs ? 'hold' : 'report'
  }

  #look(uplink: Uplink, at: number): void {
    switch (uplink) {
      case 'up':
        this.#isolated = false
        return
      case 'unknown':
        return
      case 'down':
        if (at - this.#lookedAt < lookMs) return
        this.#lookedAt = at
        this.#isolated = this.#isQuorum(at)
    }
  }

  /** Once isolated only those count that are still out of reach, whenever they turned. */
  #isQuorum(at: number): boolean {
    let recent = 0
    let together = 0
    for (const { cutSince, seenAt } of this.#targets.values()) {
      if (at - seenAt > recentMs || cutSince === -Infinity) continue
      recent++
      if (cutSince !== undefined && (this.#isolated || at - cutSince <= windowMs)) together++
    }
    return together >= quorum && together * 2 >= recent
  }

  #forgetOld(at: number): void {
    for (const [name, { seenAt }] of this.#targets) if (at - seenAt > recentMs) this.#targets.delete(name)
  }
}
