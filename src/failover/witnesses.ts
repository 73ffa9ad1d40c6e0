/**
 * What an agent said of the other server when it called. Being served counts, not being answered: a server that is held, or stands by,
 * answers agents too, and tells them to go elsewhere.
 */
export interface Statement {
  /** When it was heard, on the clock of the one who heard it. */
  readonly at: number
  /** How long ago the other server last dealt with it as the active one; undefined: never, as far as it remembers. */
  readonly servedMsAgo: number | undefined
  /** The highest term it has seen. */
  readonly term: number
}

export type Statements = ReadonlyMap<string, Statement>

/** How one agent counts in the question whether the other server is lost. */
export type Voice = 'lost' | 'served' | 'silent' | 'knows a higher term'

export interface Vote {
  /** `nobody`: there is no agent to ask. `lost`: more than half have lost it. `open`: neither that nor the contrary. */
  readonly verdict: 'nobody' | 'lost' | 'served' | 'open'
  readonly voices: readonly { readonly agent: string; readonly says: Voice }[]
}

/** Agents that were heard within this time are asked. */
export const witnessMs = 60_000

/**
 * Whether the other server is lost, by those who see both: agents heard within the last minute that the other server has ever served. One that
 * has gone silent itself counts, as one that did not say `lost`, until the minute is over: who loses its peer and its agents at once is
 * rather cut off than left over.
 *
 * @param term the highest known here; an agent that knows a higher one was with somebody newer, and is no witness of a loss
 */
export function ask(statements: Statements, term: number, timeoutMs: number, at: number): Vote {
  const voices = heard(statements, at)
    .filter(([, { servedMsAgo, term: seen }]) => servedMsAgo !== undefined || seen > term)
    .map(([agent, statement]) => ({ agent, says: voiceOf(statement, term, timeoutMs, at) }))
    .sort((a, b) => (a.agent < b.agent ? -1 : 1))
  const count = (wanted: Voice) => voices.filter(({ says }) => says === wanted).length
  if (voices.length === 0) return { verdict: 'nobody', voices }
  if (count('lost') * 2 > voices.length) return { verdict: 'lost', voices }
  return { verdict: count('served') > 0 ? 'served' : 'open', voices }
}

/** Agents poll three times within the timeout: one that was not served for two thirds of it has lost the server. */
function voiceOf(
  { at: saidAt, servedMsAgo, term: seen }: Statement,
  term: number,
  timeoutMs: number,
  at: number,
): Voice {
  if (seen > term) return 'knows a higher term'
  if (at - saidAt > timeoutMs) return 'silent'
  return (servedMsAgo ?? Infinity) >= (timeoutMs * 2) / 3 ? 'lost' : 'served'
}

/** The agents that know a term above `term`, of those heard within the last minute. */
export function knowingHigher(statements: Statements, term: number, at: number): readonly string[] {
  return heard(statements, at)
    .filter(([, statement]) => statement.term > term)
    .map(([agent]) => agent)
}

/**
 * A term above `term` that enough agents know of to be believed without the other server: more than half of those heard within the last
 * minute, and two at least. One agent may be wrong, or lie; it fences itself by refusing what is lower, and ends nobody's work by it.
 */
export function believedTerm(statements: Statements, term: number, at: number): number | undefined {
  const all = heard(statements, at)
  const needed = Math.max(2, Math.floor(all.length / 2) + 1)
  const claims = all.map(([, statement]) => statement.term).sort((a, b) => b - a)
  const believed = claims[needed - 1]
  return believed !== undefined && believed > term ? believed : undefined
}

/** A claim that is higher by more is not believed from a single agent, so that none can use up the numbers. */
const plausibleStep = 1_000

/** The highest term that any agent may well have seen: what a server that is forced to act must lie above. */
export function highestClaim(statements: Statements, term: number): number {
  const plausible = [...statements.values()].map((one) => one.term).filter((claim) => claim <= term + plausibleStep)
  return Math.max(term, ...plausible)
}

/** Without those whose minute is over. The same map where nothing changes. */
export function current(statements: Statements, at: number): Statements {
  for (const statement of statements.values()) if (at - statement.at > witnessMs) return new Map(heard(statements, at))
  return statements
}

/** How many agents were heard within the last minute, whatever they said. */
export function heardWithin(statements: Statements, at: number): number {
  return heard(statements, at).length
}

function heard(statements: Statements, at: number): readonly (readonly [string, Statement])[] {
  return [...statements].filter(([, statement]) => at - statement.at <= witnessMs)
}
