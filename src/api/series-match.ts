import { FarwatchError } from '../base/index.ts'
import { matches, parseMatcher, type Matcher } from '../model/index.ts'

/** A selection of series: a matcher for the metric's name and one for each label that was named. */
export interface SeriesMatch {
  readonly name: Matcher | undefined
  readonly labels: ReadonlyMap<string, Matcher>
}

/**
 * Reads `duration{group="acme", system="sho*"}`: the name, the braces and each label may be left out; values are in the matcher
 * grammar, in double quotes with \" and \\ for what they hold themselves.
 * @throws FarwatchError `bad-request`
 */
export function readSeriesMatch(text: string): SeriesMatch {
  const found = /^([^{}"]*)(?:\{([\s\S]*)\})?$/.exec(text.trim())
  if (found === null) throw wrong(`${JSON.stringify(text.slice(0, 100))} is not a selection`)
  const name = found[1]!.trim()
  const labels = new Map<string, Matcher>()
  let rest = (found[2] ?? '').trim()
  while (rest !== '') {
    const pair = /^([A-Za-z_][\w.-]*)\s*=\s*"((?:[^"\\]|\\[\s\S])*)"\s*(?:,\s*|$)/.exec(rest)
    if (pair === null) throw wrong(`${JSON.stringify(rest.slice(0, 100))} is not label="value"`)
    labels.set(pair[1]!, matcher(pair[2]!.replaceAll(/\\(["\\])/g, '$1'), pair[1]!))
    rest = rest.slice(pair[0].length)
  }
  return { name: name === '' ? undefined : matcher(name, 'name'), labels }
}

function matcher(text: string, where: string): Matcher {
  const checked = parseMatcher(text, where)
  if (!checked.ok) throw wrong(`${where} ${checked.problems[0]!.message}`)
  return checked.value
}

function wrong(why: string): FarwatchError {
  return new FarwatchError('bad-request', `match: ${why}`, { hint: 'Such as duration{group="acme",system="sho*"}.' })
}

/** Whether one of several labelled values is taken; a missing label is the empty text. */
export function takes(wanted: Matcher | undefined, text: string | undefined): boolean {
  return wanted === undefined || matches(wanted, text ?? '')
}
