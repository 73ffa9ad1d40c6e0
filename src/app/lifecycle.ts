import { messageOf } from '../base/index.ts'

/** How long one part may take to close before the next one is closed all the same. */
const longestMs = 6_000

/** What was opened, by name; stopping closes it backwards, goes on after failures, is bounded, and may be called twice. */
export class Lifecycle {
  readonly #closers: { readonly name: string; readonly close: () => unknown }[] = []
  #stopping: Promise<void> | undefined

  onStop(name: string, close: () => unknown): void {
    this.#closers.push({ name, close })
  }

  /** @throws Error naming every part that did not close, when all were tried */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  async #stop(): Promise<void> {
    const failures: string[] = []
    for (const { name, close } of this.#closers.reverse()) {
      let timer: NodeJS.Timeout | undefined
      try {
        await Promise.race([
          close(),
          new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`took longer than ${longestMs} ms`)), longestMs)
          }),
        ])
      } catch (thrown) {
        failures.push(`${name}: ${messageOf(thrown)}`)
      } finally {
        clearTimeout(timer)
      }
    }
    if (failures.length > 0) throw new Error(`not everything was closed: ${failures.join('; ')}`)
  }
}
