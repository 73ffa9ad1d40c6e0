import type { Clock } from '../base/index.ts'

/**
 * Something that takes a second to find out and is not much different a moment later. Found out again after `keepMs`; whoever asks
 * meanwhile, or while that is under way, is given what is known, at most ten times as old. The first one waits, as does who asks after a long
 * silence.
 * @param find may reject: whoever waits for it hears so, and the next one to ask begins anew
 */
export function remembered<T>(clock: Clock, keepMs: number, find: () => Promise<T>): () => Promise<T> {
  let known: { readonly value: T; readonly at: number } | undefined
  let finding: Promise<T> | undefined
  const begin = (): Promise<T> => {
    const mine = find()
      .then((value) => {
        known = { value, at: clock.elapsed() }
        return value
      })
      .finally(() => {
        finding = undefined
      })
    // Those who are given what is known do not wait for it; a failure comes back with the next question.
    mine.catch(() => undefined)
    return mine
  }
  return async () => {
    const age = known === undefined ? Infinity : clock.elapsed() - known.at
    if (known !== undefined && age < keepMs) return known.value
    finding ??= begin()
    return known !== undefined && age < 10 * keepMs ? known.value : finding
  }
}

/**
 * Waits for an answer, but not for longer than `waitMs`.
 * @returns undefined where it did not come in time: its failure is then nobody's here @throws what `answer` rejects with in time
 */
export function inTime<T>(clock: Clock, waitMs: number, answer: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(waitMs, () => resolve(undefined))
    answer.then(resolve, reject).finally(cancel)
  })
}
