import { MessagePort, Worker, parentPort, workerData, type Transferable } from 'node:worker_threads'
import {
  FarwatchError,
  errorCatalogue,
  messageOf,
  type CancelTimer,
  type Clock,
  type ErrorCode,
} from '../base/index.ts'

/**
 * A thread that answers calls. Used to keep databases and compression off the main event loop.
 * Methods of the thread are called by name; each call is one message there and one back, answered in order.
 */
export type Methods = Record<string, (input: never) => unknown>

/** Wraps an answer whose buffers move to the other thread instead of being copied. */
export class Moved<T> {
  readonly value: T
  readonly transfer: readonly Transferable[]

  constructor(value: T, transfer: readonly Transferable[]) {
    this.value = value
    this.transfer = transfer
  }
}

interface Call {
  readonly id: number
  readonly method: string
  readonly input: unknown
}

type Reply =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number
      readonly error: { readonly code: string | undefined; readonly message: string; readonly hint: string }
    }

/** The near end of a thread. */
export class WorkerClient<M extends Methods> {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (reason: unknown) => void }>()
  #next = 1
  #ended: Error | undefined

  /**
   * @param module URL of a module that calls `serveWorker` @param data handed to it @param name for messages and thread lists
   */
  constructor(module: URL, data: unknown, name: string) {
    this.#worker = new Worker(module, { workerData: data, name })
    this.#worker.on('message', (reply: Reply) => this.#settle(reply))
    this.#worker.on('error', (thrown) =>
      this.#fail(new Error(`the ${name} thread failed: ${messageOf(thrown)}`, { cause: thrown })),
    )
    this.#worker.on('exit', (code) =>
      this.#fail(new FarwatchError('shutting-down', `the ${name} thread has ended (exit code ${code})`)),
    )
  }

  call<K extends keyof M & string>(
    method: K,
    input: Parameters<M[K]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<Awaited<ReturnType<M[K]>> extends Moved<infer T> ? T : Awaited<ReturnType<M[K]>>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      const id = this.#next++
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, method, input } satisfies Call, transfer)
    })
  }

  /** Ends the thread at once. Whoever needs an orderly end calls a closing method of the thread first. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if ('error' in reply) {
      const { code, message, hint } = reply.error
      waiting?.reject(
        code !== undefined && code in errorCatalogue
          ? new FarwatchError(code as ErrorCode, message, { hint })
          : new Error(message),
      )
    } else {
      // The thread runs the method that `call` named, so the value has its type.
      waiting?.resolve(reply.value as never)
    }
  }

  #fail(reason: Error): void {
    this.#ended ??= reason
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended)
    this.#waiting.clear()
  }
}

/** Methods of a thread that holds something open; it ends after `close`. */
type ClosingMethods = Methods & { close(input: undefined): unknown }

/**
 * The near end of a thread that is there while somebody has something to ask: it starts with the first call, and ends when nobody has called for
 * `restMs`. A thread that waits for questions keeps 17 MiB.
 */
export class OccasionalWorker<M extends ClosingMethods> {
  readonly #start: () => WorkerClient<M>
  readonly #clock: Clock
  readonly #restMs: number
  #worker: WorkerClient<M> | undefined
  #calls = 0
  #cancelRest: CancelTimer = () => undefined
  /** Threads that are about to end; never rejects. */
  #ending: Promise<unknown> = Promise.resolve()
  #ended = false

  /**
   * @param restMs what a thread costs to be kept, against a tenth of a second by which the next answer comes later
   */
  constructor(options: { readonly start: () => WorkerClient<M>; readonly clock: Clock; readonly restMs: number }) {
    this.#start = options.start
    this.#clock = options.clock
    this.#restMs = options.restMs
  }

  /** @throws FarwatchError `shutting-down` after `end` */
  async call<K extends keyof M & string>(
    method: K,
    input: Parameters<M[K]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<Awaited<ReturnType<M[K]>> extends Moved<infer T> ? T : Awaited<ReturnType<M[K]>>> {
    if (this.#ended) throw new FarwatchError('shutting-down', 'the thread that would answer has ended')
    this.#cancelRest()
    this.#calls++
    try {
      return await (this.#worker ??= this.#start()).call(method, input, transfer)
    } finally {
      if (--this.#calls === 0 && !this.#ended) this.#cancelRest = this.#clock.after(this.#restMs, () => this.#rest())
    }
  }

  /** What it holds open is closed; calls that wait are answered before. */
  async end(): Promise<void> {
    this.#ended = true
    this.#rest()
    await this.#ending
  }

  #rest(): void {
    this.#cancelRest()
    const worker = this.#worker
    this.#worker = undefined
    if (worker === undefined) return
    const close: ReturnType<M['close']> | Promise<unknown> = worker.call('close', undefined)
    const ended = Promise.resolve(close)
      // One that has failed holds nothing any more.
      .catch(() => undefined)
      .then(() => worker.end())
    this.#ending = Promise.all([this.#ending, ended])
  }
}

/** The far end: makes the methods from the data the thread was started with, then answers calls one after another. */
export function serveWorker<D>(make: (data: D) => Methods): void {
  const port: MessagePort | null = parentPort
  if (port === null) throw new Error('serveWorker is called in a worker thread only')
  const methods = startedOrWhy(() => make(workerData as D))
  let chain = Promise.resolve()
  port.on('message', (call: Call) => {
    chain = chain.then(async () => {
      try {
        // `call.method` comes from WorkerClient.call, which is typed by these very methods.
        const value = await methods()[call.method]!(call.input as never)
        if (value instanceof Moved) port.postMessage({ id: call.id, value: value.value }, value.transfer)
        else port.postMessage({ id: call.id, value })
      } catch (thrown) {
        const known = thrown instanceof FarwatchError
        port.postMessage({
          id: call.id,
          error: { code: known ? thrown.code : undefined, message: messageOf(thrown), hint: known ? thrown.hint : '' },
        } satisfies Reply)
      }
    })
  })
}

/** A thread that could not start answers every call with the reason: an uncaught error would lose its code on the way. */
function startedOrWhy(make: () => Methods): () => Methods {
  try {
    const methods = make()
    return () => methods
  } catch (thrown) {
    return () => {
      throw thrown
    }
  }
}
