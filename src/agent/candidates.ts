import type { Sample } from '../model/index.ts'
import { isPlainObject, textProblem, type Params } from '../sdk/index.ts'
import type { Mask } from './mask.ts'

/** So many for one setting: more are no choice any more. */
const mostForOne = 2_000
const longest = 1_000

/** The label that holds what there is to choose; the name of the sample is the setting's. */
export const candidateLabel = 'candidate'

/**
 * What a monitor found to choose from, as the samples of a run: so it travels as every run does, and an agent or a server that knows nothing
 * of candidates sees a run. What cannot be a setting's value is left out; each one once, in the order of the alphabet.
 */
export function candidateSamples(params: Params, found: unknown, mask: Mask): readonly Sample[] {
  if (!isPlainObject(found)) return []
  return Object.entries(found).flatMap(([setting, given]) => {
    const param = Object.hasOwn(params, setting) ? params[setting] : undefined
    if (param === undefined || !('candidates' in param) || !Array.isArray(given)) return []
    const texts = (given as readonly unknown[]).filter(
      (one): one is string =>
        typeof one === 'string' && one !== '' && textProblem(one, { maxLength: longest }) === undefined,
    )
    return [...new Set(texts.map(mask))]
      .sort()
      .slice(0, mostForOne)
      .map((candidate): Sample => ({ name: setting, labels: { [candidateLabel]: candidate }, value: 1 }))
  })
}
