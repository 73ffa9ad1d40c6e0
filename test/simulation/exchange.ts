import type { ServerClock } from '../../src/link/index.ts'
import type { Program } from './machine.ts'
import type { Network } from './network.ts'

/** One life of a program that takes calls. */
export interface Answerer {
  readonly program: Program
  /** `hangUp` is called when the program ends, unless the call is over by then. */
  onEnd(hangUp: () => void, isOver: () => boolean): void
}

/** Where calls are made to: a line of the network, and whoever takes calls behind it now. */
export interface Door<A extends Answerer> {
  readonly line: string
  now(): A | undefined
}

export interface Call {
  readonly patienceMs: number
  readonly signal: AbortSignal
  /** For the story. */
  readonly what: string
}

/** Of one exchange, as a clock of server time takes them. */
export type ExchangeTimes = Parameters<ServerClock['observe']>[0]

export interface Exchanged<T> {
  readonly value: T
  readonly times: ExchangeTimes
}

/** Open connections, by what tells their callers that the answerer is gone. */
export class OpenCalls {
  readonly #open = new Set<{ readonly hangUp: () => void; readonly isOver: () => boolean }>()

  onEnd(hangUp: () => void, isOver: () => boolean): void {
    for (const one of this.#open) if (one.isOver()) this.#open.delete(one)
    this.#open.add({ hangUp, isOver })
  }

  /** The program has ended, and its system closes what was open. */
  hangUp(): void {
    for (const { hangUp, isOver } of this.#open) if (!isOver()) hangUp()
  }
}

/**
 * One call of a program and its answer. What is lost on the way is noticed at once or only when patience ends; what the other did stays done.
 */
export function exchange<A extends Answerer, T>(
  program: Program,
  network: Network,
  { line, now }: Door<A>,
  { patienceMs, signal, what }: Call,
  act: (answerer: A) => Promise<T>,
): Promise<Exchanged<T>> {
  const { world } = program.machine
  const sentAt = program.elapsed()
  return new Promise((resolve, reject) => {
    let isSettled = false
    const settle = (how: () => void) => {
      if (isSettled) return
      isSettled = true
      cancelPatience()
      signal.removeEventListener('abort', abort)
      how()
    }
    const abort = () => settle(() => reject(new Error('aborted')))
    const cancelPatience = program.after(patienceMs, () =>
      settle(() => reject(new Error(`no answer to the ${what} within ${patienceMs / 1_000} s`))),
    )
    signal.addEventListener('abort', abort, { once: true })
    const fail = (words: string) => program.do(() => settle(() => reject(new Error(words))))
    const perhapsNotice = () => {
      if (world.chance(0.5)) world.after(world.between(1, 2_000), () => fail('the connection was reset'))
    }
    const answer = (give: () => void) => {
      if (!network.carry(line, 'down', () => program.do(() => settle(give)))) perhapsNotice()
    }
    const isOut = network.carry(line, 'up', () => {
      const answerer = now()
      if (answerer === undefined) return answer(() => reject(new Error('connection refused')))
      answerer.program.do(() => {
        const receivedAt = answerer.program.now()
        answerer.onEnd(
          () => answer(() => reject(new Error('the connection was closed'))),
          () => isSettled,
        )
        act(answerer).then(
          (value) => {
            const answeredAt = answerer.program.now()
            answer(() => resolve({ value, times: { sentAt, receivedAt, answeredAt, gotAt: program.elapsed() } }))
          },
          (thrown: unknown) => answer(() => reject(thrown)),
        )
      })
    })
    if (!isOut) perhapsNotice()
  })
}
