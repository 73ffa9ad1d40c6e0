import { FarwatchError, type Clock } from '../base/index.ts'

/** So many messages are verified and read at the same time. */
const mostEntering = 32
/** Beyond so many that wait, agents are asked to come again: each has two connections at most that wait for an answer. */
const mostWaiting = 10_000
const comeAgainMs = 5_000

/**
 * Lets messages of agents in a few at a time, in the order in which they came, and the next one in a turn of the event loop of its own.
 *
 * The runtime accepts one connection in each turn of the loop (libuv 1.52, `uv__server_io`). A server that takes up all that is there at
 * once, as after its restart, has turns of a quarter of a second: it accepts four agents a second, the others give up after their fifteen
 * seconds and come again, and most of a thousand are still not back two minutes later. With short turns all of them get in.
 */
export class Intake {
  readonly #clock: Clock
  readonly #waiting: { readonly since: number; readonly enter: () => void }[] = []
  /** Before it they have entered; cut off now and then. */
  #first = 0
  #entering = 0
  #isTurnComing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long whoever waits the longest has waited: 0 where nobody does. Silence of an agent may be no more than that. */
  get backlogMs(): number {
    const first = this.#waiting[this.#first]
    return first === undefined ? 0 : this.#clock.elapsed() - first.since
  }

  /** @returns to be called when the message was read, or is refused; may be called again @throws FarwatchError `overloaded` */
  async enter(): Promise<() => void> {
    if (this.#waiting.length - this.#first >= mostWaiting)
      throw new FarwatchError('overloaded', `${mostWaiting} messages of agents wait already`, {
        retryAfterMs: comeAgainMs,
      })
    await new Promise<void>((enter) => {
      this.#waiting.push({ since: this.#clock.elapsed(), enter })
      this.#goOn()
    })
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#entering--
      this.#goOn()
    }
  }

  #goOn(): void {
    if (this.#isTurnComing || this.#entering >= mostEntering || this.#first === this.#waiting.length) return
    this.#isTurnComing = true
    setImmediate(() => {
      this.#isTurnComing = false
      while (this.#entering < mostEntering && this.#first < this.#waiting.length) {
        this.#entering++
        this.#waiting[this.#first++]!.enter()
      }
      if (this.#first < 1_000 && this.#first < this.#waiting.length) return
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    })
  }
}
