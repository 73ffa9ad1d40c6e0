import { closeSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { messageOf, type Clock } from '../../base/index.ts'
import { siblingModule, type FoundAddress } from '../../platform/index.ts'
import { TargetError, type PingRequest } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from '../network/failures.ts'
import type { Ask, FromThread, ThreadStart, ToThread } from './messages.ts'
import type { Family } from './packet.ts'
import type { PingEnd } from './schedule.ts'
import type { SocketKind } from './system.ts'

/** Pings asked within so long are handed over together: a message and a wake-up cost as much as a packet. */
const gatherMs = 20
/** As many as runs may be under way at once. */
const mostOpen = 10_000
/** Whether the system permits it is looked at again after so long: somebody may have granted it. */
const lookAgainMs = 60_000
/** A thread that failed is started anew after so long, twice as long after each failure in a row. */
const backoffMs = { first: 1_000, longest: 15 * 60_000 }
/** A thread that held for so long had no part in the failures before. */
const soundMs = 60_000

/** Lines for the log, for the life of a process. */
const mostSaid = 10

const notHere = Symbol('this way is not open')

/** One ping that somebody waits for. */
interface Waiting {
  settle(end: PingEnd | typeof notHere): void
}

/**
 *   none ──first ping──▶ starting ──ready──▶ up
 *     ▲                      │                │
 *     └──── after a while ── away ◀──failed───┴──stopped──▶ none
 */
type State =
  | { readonly is: 'none' }
  | { readonly is: 'starting' | 'up'; readonly thread: Thread }
  | { readonly is: 'away'; readonly until: number }

interface Thread {
  readonly worker: Worker
  readonly stop: Int32Array
  readonly startedAt: number
  readonly exited: Promise<void>
  ready: Extract<FromThread, { kind: 'ready' }> | undefined
  /** Whether it keeps the process alive. */
  holds: boolean
  /** Why it could not begin, as it said itself. */
  why: string | undefined
}

export interface SocketPingerOptions {
  readonly clock: Clock
  /** The kinds of sockets that this process may open now. */
  kinds(): readonly SocketKind[]
  /** Told once of each failure of a kind, in a line for the log. */
  say(line: string): void
}

/**
 * Pings through ICMP sockets of this process, in a thread of their own that is started by the first ping. It does not keep the process alive
 * while nobody waits. Where the system does not permit the sockets, or the thread failed, the caller has to go another way.
 */
export class SocketPinger {
  readonly #options: SocketPingerOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #said = new Set<string>()
  #state: State = { is: 'none' }
  #kinds: { readonly found: readonly SocketKind[]; readonly at: number } | undefined
  #asks: Ask[] = []
  #drops: number[] = []
  #gathering = false
  #next = 1
  #failures = 0

  constructor(options: SocketPingerOptions) {
    this.#options = options
  }

  /**
   * @returns the round trips of the answers in the order of sending, or undefined where this way is not open
   * @throws TargetError where nothing could be sent, or the signal aborts
   */
  async ping(
    host: string,
    { address, family }: FoundAddress,
    request: PingRequest,
    signal: AbortSignal,
  ): Promise<readonly number[] | undefined> {
    if (!this.#isOpen(family)) return undefined
    if (this.#waiting.size >= mostOpen)
      throw new TargetError('configuration', `${mostOpen} pings are under way, which is the most at once`)
    const id = this.#next++
    const end = await new Promise<PingEnd | typeof notHere>((resolve, reject) => {
      const settle = (act: () => void) => {
        this.#waiting.delete(id)
        signal.removeEventListener('abort', stop)
        this.#hold()
        act()
      }
      const stop = () => {
        this.#drops.push(id)
        this.#handOver()
        settle(() => reject(outOfTime(host, 'sent no answers')))
      }
      if (signal.aborted) return reject(outOfTime(host, 'was not asked'))
      signal.addEventListener('abort', stop, { once: true })
      this.#waiting.set(id, { settle: (ended) => settle(() => resolve(ended)) })
      this.#asks.push({
        id,
        address: thisMachine[address] ?? address,
        family,
        count: request.count,
        intervalMs: Math.max(10, request.intervalMs),
        timeoutMs: request.timeoutMs,
        size: request.size,
      })
      this.#hold()
      this.#handOver()
    })
    // The thread was still starting, and has no socket for this family.
    if (end === notHere || ('refused' in end && end.refused === 'EAFNOSUPPORT')) return undefined
    if ('refused' in end) throw refusal(end.refused, host, request.size)
    return end.roundTrips
  }

  /** Ends the thread; whoever still waits is told that this way is not open. It may be called again, and a later ping starts a new thread. */
  async stop(): Promise<void> {
    if (this.#state.is !== 'starting' && this.#state.is !== 'up') return
    const { thread } = this.#state
    this.#state = { is: 'none' }
    this.#release()
    end(thread)
    // Whoever waits for its end is not to find the process ended first.
    thread.worker.ref()
    await thread.exited
  }

  /** Whether there are sockets for the family, or may be: a thread that starts is waited for. */
  #isOpen(family: Family): boolean {
    const state = this.#state
    if (state.is === 'starting') return true
    if (state.is === 'up') return state.thread.ready?.families.includes(family) ?? false
    const at = this.#options.clock.elapsed()
    if (state.is === 'away' && at < state.until) return false
    if (this.#kinds === undefined || at - this.#kinds.at >= lookAgainMs)
      this.#kinds = { found: this.#options.kinds(), at }
    if (this.#kinds.found.length === 0) return false
    try {
      this.#state = { is: 'starting', thread: this.#start(this.#kinds.found, at) }
      return true
    } catch (thrown) {
      this.#failed(messageOf(thrown), at)
      return false
    }
  }

  #start(kinds: readonly SocketKind[], at: number): Thread {
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(siblingModule(import.meta.url, 'icmp-thread'), {
      name: 'icmp',
      workerData: { kinds, stop } satisfies ThreadStart,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
    })
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const thread: Thread = { worker, stop, startedAt: at, exited, ready: undefined, holds: true, why: undefined }
    // A thread that blocks in a call of the system is not ended by the process, which would wait for it.
    const onProcessExit = () => end(thread)
    process.once('exit', onProcessExit)
    worker.on('message', (message: FromThread) => this.#hear(thread, message))
    worker.on('error', (thrown) => (thread.why ??= messageOf(thrown)))
    worker.once('exit', () => {
      process.off('exit', onProcessExit)
      // Not before, or the bell would be rung on what somebody else has opened under its number.
      for (const descriptor of thread.ready?.descriptors ?? []) closeSync(descriptor)
      thread.ready = undefined
      this.#gone(thread)
    })
    return thread
  }

  #hear(thread: Thread, message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        thread.ready = message
        if (this.#state.is !== 'starting' || this.#state.thread !== thread) return end(thread)
        this.#state = { is: 'up', thread }
        this.#hold()
        return this.#send()
      case 'unavailable':
        thread.why = message.why
        return
      case 'ended':
        for (const ping of message.pings) this.#waiting.get(ping.id)?.settle(ping)
    }
  }

  /** It ended. By itself it does so only where it failed. */
  #gone(thread: Thread): void {
    if ((this.#state.is === 'starting' || this.#state.is === 'up') && this.#state.thread === thread)
      this.#failed(thread.why ?? 'its thread ended', thread.startedAt)
  }

  #failed(why: string, startedAt: number): void {
    const at = this.#options.clock.elapsed()
    if (at - startedAt >= soundMs) this.#failures = 0
    const pauseMs = Math.min(backoffMs.longest, backoffMs.first * 2 ** this.#failures)
    this.#failures++
    this.#state = { is: 'away', until: at + pauseMs }
    if (!this.#said.has(why) && this.#said.size < mostSaid) {
      this.#said.add(why)
      this.#options.say(`ping goes without ICMP sockets of its own for now: ${why}`)
    }
    this.#release()
  }

  #release(): void {
    this.#asks = []
    this.#drops = []
    for (const waiting of [...this.#waiting.values()]) waiting.settle(notHere)
  }

  #handOver(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#options.clock.after(gatherMs, () => {
      this.#gathering = false
      this.#send()
    })
  }

  #send(): void {
    if (this.#state.is !== 'up' || (this.#asks.length === 0 && this.#drops.length === 0)) return
    const { thread } = this.#state
    const message: ToThread = { asks: this.#asks, drops: this.#drops }
    this.#asks = []
    this.#drops = []
    thread.worker.postMessage(message)
    ring(thread)
  }

  /** The thread keeps the process alive while somebody waits, and no longer. */
  #hold(): void {
    if (this.#state.is !== 'up') return
    const { thread } = this.#state
    const isWanted = this.#waiting.size > 0
    if (isWanted === thread.holds) return
    thread.holds = isWanted
    if (isWanted) thread.worker.ref()
    else thread.worker.unref()
  }
}

/** The system takes these as itself, and answers come from there. */
const thisMachine: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

const one = new Uint8Array(new BigUint64Array([1n]).buffer)

function ring({ ready }: Thread): void {
  if (ready === undefined) return
  try {
    writeSync(ready.bell, one)
  } catch {
    // EAGAIN: it was rung so often that it does not count on; it rings.
  }
}

function end(thread: Thread): void {
  Atomics.store(thread.stop, 0, 1)
  ring(thread)
}

/** Why nothing could be sent, by the name of the system's error. */
function refusal(code: string, host: string, size: number): TargetError {
  switch (code) {
    case 'EINVAL':
      return new TargetError('unreachable', `no route to ${host}`)
    case 'EACCES':
    case 'EPERM':
      return new TargetError('unreachable', `this machine does not allow pings to ${host} (${code})`)
    case 'EMSGSIZE':
      return new TargetError('configuration', `packets of ${size} bytes are too large for the way to ${host}`)
    case 'EAGAIN':
    case 'ENOBUFS':
    case 'ENOMEM':
      return new TargetError('configuration', `this machine had no room to send pings to ${host} (${code})`)
    default:
      return targetFailure(Object.assign(new Error(code), { code }), host)
  }
}
