import { matches, parseMatcher, type Matcher, type Param, type Problem } from '../../sdk/index.ts'

/** The settings by which a monitor takes some of many items; spread under names of the monitor's own. */
export function includeSetting(label: string, help: string) {
  return {
    kind: 'list',
    label,
    help,
    of: { kind: 'text', label: 'Name or pattern' },
    maxItems: 200,
    default: ['*'],
  } as const satisfies Param
}

export function excludeSetting(label: string, help: string) {
  return { ...includeSetting(label, help), default: [] } as const satisfies Param
}

const everything: Matcher = { any: [], none: [] }

/** A list of names and patterns as a test; an empty one takes everything where it includes, and nothing where it excludes. */
export function selects(include: readonly string[], exclude: readonly string[]): (name: string) => boolean {
  const included = matcherOf(include)
  const excluded = exclude.length === 0 ? undefined : matcherOf(exclude)
  return (name) => matches(included, name) && !(excluded !== undefined && matches(excluded, name))
}

function matcherOf(given: readonly string[]): Matcher {
  const checked = given.length === 0 ? undefined : parseMatcher([...given], '')
  // Patterns that cannot be read were refused by the monitor's `check`.
  return checked?.ok === true ? checked.value : everything
}

/** What is wrong with such lists, by the name of their setting. */
export function selectionProblems(lists: Readonly<Record<string, readonly string[]>>, path: string): Problem[] {
  return Object.entries(lists).flatMap(([name, given]) => {
    const checked = given.length === 0 ? undefined : parseMatcher([...given], `${path}.${name}`)
    return checked?.ok === false ? [...checked.problems] : []
  })
}
