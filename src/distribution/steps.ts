/**
 * A long piece of work that pauses now and then, so that its thread may do something else in between. It is the same however long the pauses
 * are, as long as nobody changes what it was given.
 */
export type Steps<T> = Generator<undefined, T, undefined>

/** After so many small things a pause is offered: well below a millisecond of work. */
export const perStep = 500

/** Does it without a pause. */
export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
