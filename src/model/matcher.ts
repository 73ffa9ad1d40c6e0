import { RE2JS } from 're2js'
import type { Checked, Problem } from '../base/index.ts'

/**
 * The one grammar by which names and label values are picked, in rules, in metric selections, in the API:
 *
 *   `/var`            exactly this
 *   `/var*` `db?`     `*` stands for any characters, `?` for one
 *   `/^data\d+$/`     a regular expression (RE2 syntax), found anywhere in the text
 *   `a, b*, /c/`      any of them
 *   `!tmp*`           not this; `*, !tmp*` and `!tmp*` alike: everything but
 *   `["a, b", "c"]`   a list; commas in its entries are part of the text
 *
 * A comma within one text separates, but for the `{2,3}` of a regular expression; `\,` is a comma. A `\` before any of `* ? , ! / \`
 * takes its meaning away; before other characters it is a character itself (`C:\temp`). Letters are compared as they are written.
 * A missing label is the empty text. The parsed form is plain JSON, so that it may travel to worker threads.
 */
export interface Matcher {
  /** Any of these; none given: everything. */
  readonly any: readonly MatcherTerm[]
  /** …but none of these. */
  readonly none: readonly MatcherTerm[]
}

export type MatcherTerm =
  | { readonly is: 'exact'; readonly text: string }
  /** The fixed parts between the stars; in each part a null stands for one character. */
  | { readonly is: 'glob'; readonly parts: readonly (readonly (string | null)[])[] }
  | { readonly is: 'regex'; readonly pattern: string }

const maxLength = 2_000
const maxTerms = 200

/** Reads a matcher from configuration or a query. A problem's `path` says which entry is meant. */
export function parseMatcher(given: unknown, path: string): Checked<Matcher> {
  const problem = (message: string, hint?: string): { ok: false; problems: readonly Problem[] } => ({
    ok: false,
    problems: [{ path, message, ...(hint === undefined ? {} : { hint }) }],
  })
  let texts: readonly string[]
  if (typeof given === 'string') {
    if (given.length > maxLength) return problem(`is ${given.length} characters long; at most ${maxLength} are allowed`)
    texts = splitAtCommas(given)
  } else if (Array.isArray(given) && given.every((entry) => typeof entry === 'string')) {
    texts = given
  } else {
    return problem('must be a text or a list of texts', 'Such as "db*", "/^web/", "a, b" or "!tmp*".')
  }
  if (texts.length > maxTerms) return problem(`has ${texts.length} entries; at most ${maxTerms} are allowed`)
  const any: MatcherTerm[] = []
  const none: MatcherTerm[] = []
  for (const text of texts) {
    const trimmed = text.trim()
    if (trimmed.length > maxLength)
      return problem(`has an entry of ${trimmed.length} characters; at most ${maxLength} are allowed`)
    const negated = trimmed.startsWith('!')
    const body = negated ? trimmed.slice(1).trim() : trimmed
    if (body === '') return problem('has an empty entry', 'Write "*" for everything.')
    const term = parseTerm(body)
    if ('why' in term) return problem(term.why, term.hint)
    ;(negated ? none : any).push(term)
  }
  if (any.length + none.length === 0) return problem('is an empty list', 'Leave it out, or write "*" for everything.')
  return { ok: true, value: { any, none } }
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = []
  let from = ''
  for (let i = 0; i < text.length; i++) {
    const quantifier = text[i] === '{' ? /^\{\d*,\d*\}/.exec(text.slice(i, i + 12)) : null
    if (quantifier !== null) {
      from += quantifier[0]
      i += quantifier[0].length - 1
    } else if (text[i] === '\\' && i + 1 < text.length) {
      // Taken over with its backslash, so that the term's reader sees what was escaped.
      from += text[i]! + text[++i]!
    } else if (text[i] === ',') {
      parts.push(from)
      from = ''
    } else from += text[i]
  }
  parts.push(from)
  return parts
}

function parseTerm(body: string): MatcherTerm | { why: string; hint: string } {
  if (body.length > 2 && body.startsWith('/') && body.endsWith('/') && !body.endsWith('\\/')) {
    const pattern = body.slice(1, -1).replaceAll('\\/', '/').replaceAll('\\,', ',')
    try {
      RE2JS.compile(pattern)
    } catch (thrown) {
      return {
        why: `"${short(body)}" is not a regular expression: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        hint: 'RE2 syntax: no back-references and no look-around; a comma in it is written "\\,". A text that begins and ends with a slash is written "\\/var/".',
      }
    }
    return { is: 'regex', pattern }
  }
  const parts: (string | null)[][] = [[]]
  for (let i = 0; i < body.length; i++) {
    const part = parts.at(-1)!
    const literal = (text: string) => {
      const last = part.at(-1)
      if (typeof last === 'string') part[part.length - 1] = last + text
      else part.push(text)
    }
    if (body[i] === '\\' && i + 1 < body.length && '*?,!/\\'.includes(body[i + 1]!)) literal(body[++i]!)
    else if (body[i] === '*') parts.push([])
    else if (body[i] === '?') part.push(null)
    else literal(body[i]!)
  }
  const only = parts.length === 1 && parts[0]!.length === 1 ? parts[0]![0] : undefined
  return typeof only === 'string' ? { is: 'exact', text: only } : { is: 'glob', parts }
}

const short = (text: string) => (text.length > 60 ? `${text.slice(0, 57)}…` : text)

/** A matcher in words for people, close to how it was written: `db*, /^web/, !tmp`. */
export function formatMatcher({ any, none }: Matcher): string {
  return [...any.map(formatTerm), ...none.map((term) => `!${formatTerm(term)}`)].join(', ') || '*'
}

function formatTerm(term: MatcherTerm): string {
  switch (term.is) {
    case 'exact':
      return term.text
    case 'glob':
      return term.parts.map((part) => part.map((piece) => piece ?? '?').join('')).join('*')
    case 'regex':
      return `/${term.pattern}/`
  }
}

const compiled = new WeakMap<Matcher, (text: string) => boolean>()

/** Whether a matcher takes a text. Compiles on first use, and remembers as long as the matcher lives. */
export function matches(matcher: Matcher, text: string): boolean {
  let test = compiled.get(matcher)
  if (test === undefined) {
    const any = matcher.any.map(compileTerm)
    const none = matcher.none.map(compileTerm)
    test = (given) => (any.length === 0 || any.some((takes) => takes(given))) && !none.some((takes) => takes(given))
    compiled.set(matcher, test)
  }
  return test(text)
}

function compileTerm(term: MatcherTerm): (text: string) => boolean {
  switch (term.is) {
    case 'exact':
      return (text) => text === term.text
    case 'glob':
      return (text) => globTakes(term.parts, text)
    case 'regex': {
      const regex = RE2JS.compile(term.pattern)
      return (text) => regex.test(text)
    }
  }
}

/** The parts must follow one another; each is taken where it is found first, so the time is bounded by text × pattern. */
function globTakes(parts: readonly (readonly (string | null)[])[], text: string): boolean {
  const first = partAt(parts[0]!, text, 0)
  if (parts.length === 1) return first === text.length
  if (first === undefined) return false
  let from = first
  for (const part of parts.slice(1, -1)) {
    let end: number | undefined
    for (; from <= text.length && (end = partAt(part, text, from)) === undefined; from++);
    if (end === undefined) return false
    from = end
  }
  const last = parts.at(-1)!
  for (; from <= text.length; from++) if (partAt(last, text, from) === text.length) return true
  return false
}

/** Where a part that begins at `from` ends, or undefined where it does not stand there. */
function partAt(part: readonly (string | null)[], text: string, from: number): number | undefined {
  let place = from
  for (const piece of part) {
    if (piece === null) {
      const code = text.codePointAt(place)
      if (code === undefined) return undefined
      place += code > 0xffff ? 2 : 1
    } else if (text.startsWith(piece, place)) place += piece.length
    else return undefined
  }
  return place
}

/** Whether a matcher names a text itself, not merely by a pattern. */
export function names(matcher: Matcher, text: string): boolean {
  return matcher.any.some((term) => term.is === 'exact' && term.text === text)
}
