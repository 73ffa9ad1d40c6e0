/** What runs hand to the next of their task: JSON texts, bounded in total; the ones used longest ago are forgotten first. */
export class Memory {
  readonly #maxCharacters: number
  readonly #texts = new Map<string, string>()
  #characters = 0

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters
  }

  get(task: string): string | undefined {
    return this.#texts.get(task)
  }

  set(task: string, text: string): void {
    this.forget(task)
    this.#texts.set(task, text)
    this.#characters += text.length
    for (const [oldest] of this.#texts) {
      if (this.#characters <= this.#maxCharacters) return
      this.forget(oldest)
    }
  }

  forget(task: string): void {
    const known = this.#texts.get(task)
    if (known === undefined) return
    this.#characters -= known.length
    this.#texts.delete(task)
  }
}
