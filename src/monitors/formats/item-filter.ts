import { matches, parseMatcher, type Matcher, type Problem } from '../../sdk/index.ts'

const everything: Matcher = { any: [], none: [] }

/** Which items a monitor reports, in the grammar of rules: `/var*, !/var/tmp`. */
export interface ItemFilter {
  /** Items are picked by name, not only left out. */
  readonly picks: boolean
  /** Whether an item of these names is reported: one of them is wanted, and none is left out. */
  takes(...names: readonly string[]): boolean
}

/** @param text as checked by `filterProblems` */
export function itemFilter(text: string): ItemFilter {
  const read = text.trim() === '' ? undefined : parseMatcher(text, '')
  const { any, none } = read?.ok === true ? read.value : everything
  const isWanted: Matcher = { any, none: [] }
  const isNotOut: Matcher = { any: [], none }
  return {
    picks: any.length > 0,
    takes: (...names) =>
      names.every((name) => matches(isNotOut, name)) &&
      (any.length === 0 || names.some((name) => matches(isWanted, name))),
  }
}

export function filterProblems(text: string, path: string): readonly Problem[] {
  if (text.trim() === '') return []
  const read = parseMatcher(text, path)
  return read.ok ? [] : read.problems
}

/** What the help of a setting says that holds a filter. */
export const filterHelp = '`*` stands for anything, `!` leaves out, commas separate: `a*, !ab*`. Empty: all.'
