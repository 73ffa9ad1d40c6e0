import type { Facts, FoundConnector } from '../model/index.ts'
import { isPlainObject, type Proposal } from '../sdk/index.ts'
import type { Mask } from './mask.ts'

/** A HANA has a few tenants; more than so many are no choice any more. */
const mostNeighbours = 100
/** What a fact may hold on its way between instances, with some room. */
const longest = 60_000

/**
 * What a connector's target knows of beside itself, as the facts of a run: so it travels as every run does. Each is JSON; the name of the fact
 * is nothing but its place in the row.
 */
export function neighbourFacts(found: readonly Proposal[], mask: Mask): Facts {
  const texts = found.slice(0, mostNeighbours).map((one) => mask(JSON.stringify(one)))
  return Object.fromEntries(texts.filter((text) => text.length <= longest).map((text, i) => [String(i), text]))
}

/** Such facts as connectors of `type` that were found; what is none is left out. */
export function neighboursIn(type: string, facts: Facts | undefined): readonly FoundConnector[] {
  return Object.values(facts ?? {}).flatMap((text) => {
    const one = typeof text === 'string' ? parsed(text) : undefined
    if (!isPlainObject(one)) return []
    const { name, title, settings, seen, certainty, credential, system } = one
    if (typeof name !== 'string' || typeof title !== 'string' || typeof seen !== 'string' || !isPlainObject(settings))
      return []
    return [
      {
        type,
        name,
        title: title.slice(0, 1_000),
        settings,
        seen: seen.slice(0, 1_000),
        certainty: certainty === 'identified' ? 'identified' : 'guessed',
        ...(typeof credential === 'string' ? { credential } : {}),
        ...(typeof system === 'string' ? { system } : {}),
      },
    ]
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
