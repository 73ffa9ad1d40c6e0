import type { FailureReason } from '../model/index.ts'
import { StatementRefused, TargetError } from './failure.ts'

/**
 * What a monitor and its target said to each other, taken down between the monitor and its connector's client, so that no client needs code
 * for it. Played back by replay.ts with no target. JSON.
 */
export interface Recording {
  readonly farwatchRecording: 1
  readonly monitor: string
  readonly connector: string
  /** ISO 8601. */
  readonly madeAt: string
  /** Of the program that made it. */
  readonly version: string
  /** Settings as they were given; what is secret is masked. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly connectorSettings: Readonly<Record<string, unknown>>
  /** One for each time the monitor was run in a row: one of rates is run twice. */
  readonly runs: readonly RecordedRun[]
  /** It grew too large: the last answers are left out. */
  readonly isCut?: true
}

export interface RecordedRun {
  readonly plannedAt: number
  /** What the clock said, in the order in which the monitor asked it. */
  readonly now: readonly number[]
  /** The client is the first; then whatever it handed out that can be called: sessions, answers. By number. */
  readonly objects: readonly RecordedObject[]
  /** What came of it then, for people; a replay finds that out anew. */
  readonly gathered?: unknown
  readonly failed?: string
}

export interface RecordedObject {
  /** What the monitor read of it. */
  readonly properties: Readonly<Record<string, Written>>
  readonly calls: readonly RecordedCall[]
}

export interface RecordedCall {
  readonly method: string
  readonly arguments: readonly Written[]
  /** Absent: it gave a promise. */
  readonly isSync?: true
  /** A function among the arguments that the client called with something to work with: the monitor's part of a session. */
  readonly sessions?: readonly { readonly of: number; readonly arguments: readonly Written[] }[]
  readonly outcome: RecordedOutcome
}

export type RecordedOutcome =
  | { readonly is: 'value'; readonly value: Written }
  /** What the monitor's own function gave in the session of that number, given or thrown. */
  | { readonly is: 'session'; readonly session: number }
  | { readonly is: 'failure'; readonly reason: FailureReason; readonly message: string }
  | { readonly is: 'refused'; readonly code: string; readonly message: string }
  | { readonly is: 'error'; readonly message: string }
  /** The run ended before it did. */
  | { readonly is: 'open' }

/** A value as JSON can hold it. An object with the key `$` stands for what JSON has no form for. */
export type Written =
  | null
  | boolean
  | number
  | string
  | readonly Written[]
  | { readonly [key: string]: Written }
  | { readonly $: 'undefined' | 'signal' | 'function' | 'masked' | 'left out' }
  | { readonly $: 'number' | 'bigint' | 'date' | 'bytes'; readonly text: string }
  | { readonly $: 'object'; readonly number: number }
  | { readonly $: 'map' | 'set' | 'plain'; readonly entries: readonly Written[] }

/** Takes secrets out of what is written down. */
export interface RecordingMask {
  (text: string): string
  /** The same for bytes, each of them one character of code 0 to 255. */
  bytes(text: string): string
}

/** Characters of all that was said; a recording is made to be sent. */
const mostCharacters = 16 * 1024 * 1024
const deepest = 100

interface Call {
  method: string
  arguments: readonly Written[]
  isSync?: true
  sessions?: { of: number; arguments: readonly Written[] }[]
  outcome: RecordedOutcome
}

/** Takes down one run. `client` is handed to the monitor instead of the real one, `now` instead of the clock. */
export class RunRecorder {
  readonly #mask: RecordingMask
  readonly #now: () => number
  readonly #nows: number[] = []
  readonly #objects: { properties: Record<string, Written>; calls: Call[] }[] = []
  readonly #numbers = new WeakMap<object, number>()
  readonly #stands = new WeakMap<object, object>()
  #left: number
  isCut = false

  /** @param most how many characters there is room for */
  constructor(parts: { readonly mask: RecordingMask; readonly now: () => number; readonly most?: number }) {
    this.#mask = parts.mask
    this.#now = parts.now
    this.#left = parts.most ?? mostCharacters
  }

  readonly now = (): number => {
    const at = this.#now()
    this.#nows.push(at)
    return at
  }

  /** Stands for an object: what is read of it and what its methods are asked and answer is written down. */
  wrap<T extends object>(real: T): T {
    const known = this.#stands.get(real)
    // It was made from this very object.
    if (known !== undefined) return known as T
    const number = this.#objects.length
    const node = { properties: {} as Record<string, Written>, calls: [] as Call[] }
    this.#objects.push(node)
    const stand: T = new Proxy({} as T, {
      get: (_, name) => {
        const value: unknown = Reflect.get(real, name, real)
        if (typeof name === 'symbol') return value
        if (typeof value === 'function') return this.#method(node.calls, real, name, value as Method)
        // A promise asks every value whether it is one as well; that is no reading of it.
        if (name === 'then') return value
        if (!Object.hasOwn(node.properties, name)) put(node.properties, name, this.#write(value))
        return this.#shown(value)
      },
      has: (_, name) => Reflect.has(real, name),
      ownKeys: () => Reflect.ownKeys(real),
      getOwnPropertyDescriptor: (_, name): PropertyDescriptor | undefined => {
        const own = Reflect.getOwnPropertyDescriptor(real, name)
        return own === undefined
          ? undefined
          : { value: Reflect.get(stand, name) as unknown, enumerable: own.enumerable === true, configurable: true }
      },
    })
    this.#numbers.set(real, number)
    this.#numbers.set(stand, number)
    this.#stands.set(real, stand)
    return stand
  }

  /** What was taken down, for `Recording.runs`. */
  done(about: { readonly plannedAt: number; readonly gathered?: unknown; readonly failed?: string }): RecordedRun {
    return {
      plannedAt: about.plannedAt,
      now: this.#nows,
      objects: this.#objects.map(({ properties, calls }) => ({ properties, calls: [...calls] })),
      ...(about.gathered === undefined ? {} : { gathered: this.#write(about.gathered) }),
      ...(about.failed === undefined ? {} : { failed: this.#mask(about.failed) }),
    }
  }

  #method(calls: Call[], real: object, method: string, act: Method): Method {
    return (...given: unknown[]) => {
      const call: Call = { method, arguments: [], outcome: { is: 'open' } }
      // Before anything is asked: calls stand in the order in which they were begun.
      calls.push(call)
      const results: { value?: unknown; thrown?: unknown; isThrown: boolean }[] = []
      let functions = 0
      const replaced = withFunctions(given, (act) => this.#callback(call, functions++, act, results))
      call.arguments = given.map((one) => this.#write(one, 'what the monitor gave'))
      const settle = (value: unknown): unknown => {
        const session = results.findIndex((one) => !one.isThrown && one.value === value)
        call.outcome = session === -1 ? { is: 'value', value: this.#write(value) } : { is: 'session', session }
        return session === -1 ? this.#shown(value) : value
      }
      const fail = (thrown: unknown): void => {
        const session = results.findIndex((one) => one.isThrown && one.thrown === thrown)
        call.outcome = session === -1 ? this.#failure(thrown) : { is: 'session', session }
      }
      try {
        const answer = act.apply(real, replaced)
        if (isPromise(answer)) {
          return answer.then(settle, (thrown: unknown) => {
            fail(thrown)
            throw thrown
          })
        }
        call.isSync = true
        return settle(answer)
      } catch (thrown) {
        call.isSync = true
        fail(thrown)
        throw thrown
      }
    }
  }

  /** A function of the monitor's. Handed something that can be called, it is its part of a session; else it only judges what came. */
  #callback(
    call: Call,
    of: number,
    act: Method,
    results: { value?: unknown; thrown?: unknown; isThrown: boolean }[],
  ): Method {
    return (...given: unknown[]) => {
      if (!given.some(canBeCalled)) return act(...given)
      const at = results.length
      results.push({ isThrown: false, value: results })
      call.sessions = [...(call.sessions ?? []), { of, arguments: given.map((one) => this.#write(one)) }]
      const answer = act(...given.map((one) => this.#shown(one)))
      if (!isPromise(answer)) {
        results[at] = { isThrown: false, value: answer }
        return answer
      }
      return answer.then(
        (value) => {
          results[at] = { isThrown: false, value }
          return value
        },
        (thrown: unknown) => {
          results[at] = { isThrown: true, thrown }
          throw thrown
        },
      )
    }
  }

  /** As the monitor sees it: what can be called is taken down from then on, everything else is handed over as it is. */
  #shown(value: unknown): unknown {
    if (Array.isArray(value) && value.some(canBeCalled)) return value.map((one) => this.#shown(one))
    return canBeCalled(value) ? this.wrap(value) : value
  }

  #failure(thrown: unknown): RecordedOutcome {
    if (thrown instanceof TargetError)
      return { is: 'failure', reason: thrown.reason, message: this.#mask(thrown.message) }
    if (thrown instanceof StatementRefused)
      return { is: 'refused', code: thrown.code, message: this.#mask(thrown.message) }
    return { is: 'error', message: this.#mask(thrown instanceof Error ? thrown.message : String(thrown)) }
  }

  /** What the monitor gives is data with functions of its own in it, but for what it was handed out before. */
  #write(value: unknown, from: 'what the client gave' | 'what the monitor gave' = 'what the client gave'): Written {
    return writeValue(value, {
      text: (text) => this.#take(this.#mask(text)),
      bytes: (text) => this.#take(this.#mask.bytes(text)),
      isMasked: (number) => this.#mask(number) !== number,
      numberOf: (object) => {
        if (from === 'what the client gave' && canBeCalled(object)) this.wrap(object)
        return this.#numbers.get(object)
      },
    })
  }

  /** Undefined where there is no more room. */
  #take(text: string): string | undefined {
    this.#left -= text.length + 8
    if (this.#left >= 0) return text
    this.isCut = true
    return undefined
  }
}

// What is called is not known here; both sides of it were checked by the compiler where they stand.
export type Method = (...given: unknown[]) => unknown

export interface Writing {
  /** Undefined: it is left out. */
  text(text: string): string | undefined
  bytes(text: string): string | undefined
  isMasked(number: string): boolean
  /** The number of an object that can be called; undefined for values. */
  numberOf(object: object): number | undefined
}

/** Writes any value down as JSON. What cannot be written (symbols, what lies too deep) is left out. */
export function writeValue(value: unknown, writing: Writing, depth = 0): Written {
  const leftOut = { $: 'left out' } as const
  if (depth > deepest) return leftOut
  const inner = (one: unknown) => writeValue(one, writing, depth + 1)
  switch (typeof value) {
    case 'string':
      return writing.text(value) ?? leftOut
    case 'boolean':
      return value
    case 'number':
      if (writing.isMasked(String(value))) return { $: 'masked' }
      if (writing.text('') === undefined) return leftOut
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $: 'number', text: numberText(value) }
    case 'bigint':
      return writing.isMasked(String(value)) ? { $: 'masked' } : { $: 'bigint', text: String(value) }
    case 'undefined':
      return { $: 'undefined' }
    case 'function':
      return { $: 'function' }
    case 'symbol':
      return leftOut
    case 'object': {
      if (value === null) return null
      if (value instanceof Date) return { $: 'date', text: Number.isFinite(value.getTime()) ? value.toISOString() : '' }
      if (isSignal(value)) return { $: 'signal' }
      if (value instanceof Uint8Array) {
        const text = writing.bytes(latin1(value))
        return text === undefined ? leftOut : { $: 'bytes', text }
      }
      if (Array.isArray(value)) return value.map(inner)
      if (value instanceof Map) return { $: 'map', entries: [...value].map(([key, one]) => [inner(key), inner(one)]) }
      if (value instanceof Set) return { $: 'set', entries: [...value].map(inner) }
      const number = writing.numberOf(value)
      if (number !== undefined) return { $: 'object', number }
      const entries = Object.entries(value)
      const keys = entries.map(([key]) => writing.text(key))
      if (keys.some((key) => key === undefined)) return leftOut
      if (keys.some((key) => key === '$' || key === '__proto__'))
        return { $: 'plain', entries: entries.map(([, one], i) => [keys[i] ?? '', inner(one)]) }
      return Object.fromEntries(entries.map(([, one], i) => [keys[i] ?? '', inner(one)]))
    }
  }
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** One character for each byte. */
function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let from = 0; from < bytes.length; from += 8_192)
    text += String.fromCharCode(...bytes.subarray(from, from + 8_192))
  return text
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** The arguments of a call with other functions in the place of those that are among them, or in objects among them, in that order. */
export function withFunctions(given: readonly unknown[], other: (act: Method) => Method): unknown[] {
  const replaced = (value: unknown): unknown => {
    if (typeof value === 'function') return other(value as Method)
    if (isBare(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one)]))
    return value
  }
  return given.map(replaced)
}

/** An object literal. */
function isBare(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Known by its form: the platform's class is no part of pure code. */
function isSignal(value: object): boolean {
  return 'aborted' in value && 'throwIfAborted' in value
}

/** Whether a value has methods of its own kind, so that what it says depends on what it is asked. */
function canBeCalled(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || isSignal(value) || isPromise(value)) return false
  if (
    Array.isArray(value) ||
    value instanceof Date ||
    value instanceof Uint8Array ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Error
  )
    return false
  for (let one: unknown = value; one !== null && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(one))) {
      if (name !== 'constructor' && typeof property.value === 'function') return true
    }
  }
  return false
}

/** Also where the name is one that reaches into the prototype. */
export function put(into: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true })
}
