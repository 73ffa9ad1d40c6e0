import { StatementRefused } from '../../sdk/index.ts'

/** Reads a target part by part; a part that the target refuses is left out and named, and the others go on. */
export class Parts {
  readonly missing: string[] = []

  /** @returns undefined where this part was refused */
  async read<T>(part: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (thrown) {
      if (!(thrown instanceof StatementRefused)) throw thrown
      this.missing.push(`${part} (${thrown.message})`)
      return undefined
    }
  }

  /** What is said of the run: the message, and what was left out. */
  about(message: string): { message: string; facts: Readonly<Record<string, string>> } {
    if (this.missing.length === 0) return { message, facts: {} }
    const missing = this.missing.join('; ').slice(0, 500)
    return { message: `${message}; left out: ${missing}`, facts: { missing } }
  }
}
