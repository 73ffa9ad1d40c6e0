import { parseDocument, stringify } from 'yaml'

/** What a pasted document says, or where it cannot be read, in words that name the line. */
export type ReadDocument =
  | { readonly ok: true; readonly document: unknown }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Reads YAML or JSON, which is a kind of YAML. */
export function readDocument(text: string): ReadDocument {
  const parsed = parseDocument(text, { uniqueKeys: true, prettyErrors: true })
  if (parsed.errors.length > 0) return { ok: false, problems: parsed.errors.map((error) => error.message) }
  try {
    // Aliases are bounded: a short text must not grow into a document that fills the memory.
    return { ok: true, document: parsed.toJS({ maxAliasCount: 100 }) as unknown }
  } catch (error) {
    return { ok: false, problems: [error instanceof Error ? error.message : String(error)] }
  }
}

export function writeDocument(document: unknown): string {
  return stringify(document, { lineWidth: 120, aliasDuplicateObjects: false })
}

/** A value of a difference as people read it. */
export function writeValue(value: unknown): string {
  return typeof value === 'string' ? value : writeDocument(value).trimEnd()
}
