/** What to do with a result that says a target is out of reach. `hold` means: ask again with `settle` before it is reported. */
export type IsolationVerdict = 'report' | 'isolated' | 'hold'

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

/**
 * Whether it is the targets that are away or we ourselves. We are, where our own uplink is seen to be down and at least half of the
 * targets, three or more, that were fine went out of reach together. Without a sign from the uplink nothing is held back.
 * Reads no clock and looks at no network.
 */
export class Isolation {
  readonly #targets = new Map<string, Target>()
  #isolated = false

  get isolated(): boolean {
    return this.#isolated
  }

  /** One result came in. `cut`: it was `unreachable` or `timed out`. */
  judge(target: string, cut: boolean, uplinkDown: boolean, at: number): IsolationVerdict {
    let known = this.#targets.get(target)
    if (known === undefined) {
      if (this.#targets.size >= maxTargets) this.#forgetOld(at)
      if (this.#targets.size >= maxTargets) return 'report'
      known = { cutSince: cut ? -Infinity : undefined, seenAt: at }
      this.#targets.set(target, known)
    }
    known.seenAt = at
    if (!cut) known.cutSince = undefined
    const turned = cut && known.cutSince === undefined
    if (turned) known.cutSince = at
    if (!uplinkDown) this.#isolated = false
    else if (!this.#isolated && turned) this.#isolated = this.#isQuorum(at)
    if (!cut || !uplinkDown) return 'report'
    if (this.#isolated) return 'isolated'
    return known.cutSince !== undefined && at - known.cutSince < longestHoldMs ? 'hold' : 'report'
  }

  /** What becomes of a result that was held since `heldSince`. */
  settle(heldSince: number, uplinkDown: boolean, at: number): IsolationVerdict {
    if (this.#isolated) return 'isolated'
    return uplinkDown && at - heldSince < longestHoldMs ? 'hold' : 'report'
  }

  #isQuorum(at: number): boolean {
    let recent = 0
    let together = 0
    for (const { cutSince, seenAt } of this.#targets.values()) {
      if (at - seenAt > recentMs || cutSince === -Infinity) continue
      recent++
      if (cutSince !== undefined && at - cutSince <= windowMs) together++
    }
    return together >= quorum && together * 2 >= recent
  }

  #forgetOld(at: number): void {
    for (const [name, { seenAt }] of this.#targets) if (at - seenAt > recentMs) this.#targets.delete(name)
  }
}
