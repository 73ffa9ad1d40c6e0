import { RE2JS } from 're2js'
import type { Problem } from '../base/index.ts'
import { rememberedByText } from './memo.ts'

/** A regular expression that takes time in proportion to the text, whatever either of them is. */
export interface Regex {
  /** Whether it occurs anywhere in the text. */
  foundIn(text: string): boolean
}

/**
 * Compiles a user's regular expression (RE2 syntax: no back-references, no look-around). JavaScript's own engine can be made to run
 * for hours by a pattern and a hostile answer, so it never sees one.
 */
export function compileRegex(pattern: string, path = ''): Regex | Problem {
  const compiled = compile(pattern)
  return 'why' in compiled
    ? {
        path,
        message: `is not a regular expression: ${compiled.why}`,
        hint: 'RE2 syntax: no back-references and no look-around.',
      }
    : compiled
}

const compile = rememberedByText((pattern): Regex | { readonly why: string } => {
  try {
    const compiled = RE2JS.compile(pattern)
    return { foundIn: (text) => compiled.matcher(text).find() }
  } catch (thrown) {
    return { why: thrown instanceof Error ? thrown.message : String(thrown) }
  }
})
