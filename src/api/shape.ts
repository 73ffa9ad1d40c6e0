/** Epoch milliseconds as answers show time: ISO 8601 UTC with milliseconds. */
export function iso(at: number): string {
  return new Date(at).toISOString()
}

export function isoOrNull(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : iso(at)
}
