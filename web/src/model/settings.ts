/** How a setting's value is written into a field of a form. */
export function writeSetting(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * Reads what was typed for a setting as the kind of thing it is now; the server checks what it means.
 * @returns the value, or which kind was expected
 */
export function readSetting(
  typed: string,
  like: unknown,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly wants: 'number' | 'json' } {
  if (typeof like === 'number') {
    const value = Number(typed.trim())
    return typed.trim() === '' || !Number.isFinite(value) ? { ok: false, wants: 'number' } : { ok: true, value }
  }
  if (typeof like === 'object' && like !== null) {
    try {
      return { ok: true, value: JSON.parse(typed) as unknown }
    } catch {
      return { ok: false, wants: 'json' }
    }
  }
  return { ok: true, value: typed }
}
