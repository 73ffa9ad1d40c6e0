/**
 * Looks up one key after the other in a map. As long as they are asked for in the order in which the map was filled, and that is an ascending
 * one, nothing is searched: with a hundred thousand keys that is several times as fast. In any other order it finds the same.
 */
export class Walk<V> {
  readonly #map: ReadonlyMap<string, V>
  readonly #entries: Iterator<[string, V], undefined>
  #next: [string, V] | undefined

  constructor(map: ReadonlyMap<string, V>) {
    this.#map = map
    this.#entries = map.entries()
    this.#next = this.#entries.next().value
  }

  get(key: string): V | undefined {
    while (this.#next !== undefined && this.#next[0] < key) this.#next = this.#entries.next().value
    if (this.#next?.[0] !== key) return this.#map.get(key)
    const [, value] = this.#next
    this.#next = this.#entries.next().value
    return value
  }
}
