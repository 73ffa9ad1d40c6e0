import type { Clock } from '../../base/index.ts'
import { TargetError, type SapControlRead, type SapRow } from '../../sdk/index.ts'
import { outOfTime } from '../network/failures.ts'
import { pauseAfter, type Methods } from './ask.ts'

interface Pause {
  readonly faults: number
  readonly until: number
  readonly failure: TargetError
}

/**
 * One start service as all tasks of this process know it. A start service that is asked several things at once, or again and again for
 * what it cannot answer, has been seen to hang and to take the cluster around it down: so everybody waits for their turn, and what failed is
 * left alone for a while.
 */
export class StartService {
  readonly target: string
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #busy = false
  readonly #pauses = new Map<SapControlRead, Pause>()
  #processes: { readonly at: number; readonly rows: readonly SapRow<'GetProcessList'>[] } | undefined
  #methods: { readonly at: number; readonly methods: Methods | undefined } | undefined

  constructor(target: string, clock: Clock) {
    this.target = target
    this.#clock = clock
  }

  /** Runs `act` when nobody else is talking to this start service; gives up waiting when the signal aborts. */
  async alone<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    if (this.#busy) await this.#turn(signal)
    this.#busy = true
    try {
      return await act()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy = false
      else next()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1)
        reject(outOfTime(this.target, 'is asked one thing after another, and this one had no turn'))
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(begin)
    })
  }

  /** Fails with the words of the last fault while the operation is left alone. */
  throwIfPaused(operation: SapControlRead): void {
    const pause = this.#pauses.get(operation)
    if (pause !== undefined && this.#clock.elapsed() < pause.until)
      throw new TargetError(pause.failure.reason, pause.failure.message, { cause: pause.failure })
  }

  failed(operation: SapControlRead, failure: TargetError): void {
    const faults = (this.#pauses.get(operation)?.faults ?? 0) + 1
    this.#pauses.set(operation, { faults, until: this.#clock.elapsed() + pauseAfter(operation, faults), failure })
  }

  succeeded(operation: SapControlRead): void {
    this.#pauses.delete(operation)
  }

  /** The process list of at most `maxAgeMs` ago. */
  processes(maxAgeMs: number): readonly SapRow<'GetProcessList'>[] | undefined {
    const known = this.#processes
    return known !== undefined && this.#clock.elapsed() - known.at < maxAgeMs ? known.rows : undefined
  }

  noteProcesses(rows: readonly SapRow<'GetProcessList'>[]): void {
    const allGreen = (list: readonly SapRow<'GetProcessList'>[]) =>
      list.length > 0 && list.every(({ dispstatus }) => dispstatus === 'SAPControl-GREEN')
    // Started again: what could not be answered before may be answered now, and by another kernel.
    if (this.#processes !== undefined && !allGreen(this.#processes.rows) && allGreen(rows)) {
      this.#pauses.clear()
      this.#methods = undefined
    }
    this.#processes = { at: this.#clock.elapsed(), rows }
  }

  /** What was learned of its methods at most `maxAgeMs` ago; undefined where it has to be asked. */
  methods(maxAgeMs: number): { readonly methods: Methods | undefined } | undefined {
    const known = this.#methods
    return known !== undefined && this.#clock.elapsed() - known.at < maxAgeMs ? known : undefined
  }

  noteMethods(methods: Methods | undefined): void {
    this.#methods = { at: this.#clock.elapsed(), methods }
  }
}

const services = new Map<string, { readonly service: StartService; users: number }>()

/** The one start service of an address in this process. Give it back with `leave`. */
export function enter(target: string, clock: Clock): StartService {
  let known = services.get(target)
  if (known === undefined) services.set(target, (known = { service: new StartService(target, clock), users: 0 }))
  known.users++
  return known.service
}

export function leave(service: StartService): void {
  const known = services.get(service.target)
  if (known !== undefined && --known.users === 0) services.delete(service.target)
}
