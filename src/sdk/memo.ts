/**
 * Remembers what a pure function made of a text. Monitors compile the same few patterns at every run; more than `most` of them are
 * not kept, so that texts nobody foresaw cannot fill the memory.
 */
export function rememberedByText<T>(make: (text: string) => T, most = 500): (text: string) => T {
  const made = new Map<string, T>()
  return (text) => {
    const known = made.get(text)
    if (known !== undefined) return known
    const fresh = make(text)
    if (made.size >= most) made.clear()
    made.set(text, fresh)
    return fresh
  }
}
