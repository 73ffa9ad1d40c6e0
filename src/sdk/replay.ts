import { checkDeclared } from './declared.ts'
import { StatementRefused, TargetError } from './failure.ts'
import type { AnyMonitor, CollectContext, Gathered } from './monitor.ts'
import { isPlainObject } from './params.ts'
import {
  put,
  withFunctions,
  writeValue,
  type Method,
  type RecordedCall,
  type RecordedObject,
  type RecordedOutcome,
  type RecordedRun,
  type Recording,
  type Written,
} from './recording.ts'

/** The monitor asked something that it did not ask when the recording was made, or the recording is none. */
export class NotRecorded extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotRecorded'
  }
}

const mostRuns = 10

/**
 * Reads a recording that somebody sent. Nothing in it is trusted: what is not of its form is refused, here or where it is played.
 * @throws NotRecorded saying what is wrong with it
 */
export function readRecording(text: string): Recording {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    throw new NotRecorded('this is not a recording: it is not JSON, or a part of it is missing')
  }
  if (!isPlainObject(given) || !('farwatchRecording' in given))
    throw new NotRecorded('this is not a recording of a monitor’s run')
  if (given['farwatchRecording'] !== 1)
    throw new NotRecorded('this recording has a form that this version of Farwatch does not know')
  const text200 = (key: string) => {
    const value = given[key]
    if (typeof value !== 'string' || value.length > 200) throw new NotRecorded(`the recording says no ${key}`)
    return value
  }
  const settings = (key: string) => {
    const value = given[key]
    if (!isPlainObject(value)) throw new NotRecorded(`the recording has no ${key}`)
    return value
  }
  const { runs } = given
  if (!Array.isArray(runs) || runs.length === 0 || runs.length > mostRuns)
    throw new NotRecorded('the recording holds no run')
  return {
    farwatchRecording: 1,
    monitor: text200('monitor'),
    connector: text200('connector'),
    madeAt: text200('madeAt'),
    version: text200('version'),
    settings: settings('settings'),
    connectorSettings: settings('connectorSettings'),
    runs: runs.map(readRun),
    ...(given['isCut'] === true ? { isCut: true } : {}),
  }
}

function readRun(given: unknown): RecordedRun {
  const wrong = new NotRecorded('a run of the recording is not of its form')
  if (!isPlainObject(given)) throw wrong
  const { plannedAt, now, objects } = given
  if (typeof plannedAt !== 'number' || !Array.isArray(now) || !now.every((one) => typeof one === 'number')) throw wrong
  if (!Array.isArray(objects) || objects.length === 0) throw wrong
  return {
    plannedAt,
    now,
    objects: objects.map((one: unknown): RecordedObject => {
      if (!isPlainObject(one) || !isPlainObject(one['properties']) || !Array.isArray(one['calls'])) throw wrong
      for (const call of one['calls'] as unknown[]) {
        const isOne =
          isPlainObject(call) &&
          typeof call['method'] === 'string' &&
          Array.isArray(call['arguments']) &&
          isPlainObject(call['outcome']) &&
          (call['sessions'] === undefined ||
            (Array.isArray(call['sessions']) &&
              call['sessions'].every((session) => isPlainObject(session) && Array.isArray(session['arguments']))))
        if (!isOne) throw wrong
      }
      // Its calls were looked at one by one; every value in them is looked at where it is read.
      return one as unknown as RecordedObject
    }),
  }
}

/**
 * Runs a monitor on a recording, as often in a row as it was run then, with no target and no clock.
 * @returns what the last run gathered @throws what `collect` throws; NotRecorded where it asked something else than it did then
 */
export async function replay(
  monitor: AnyMonitor,
  recording: Recording,
  signal: AbortSignal,
): Promise<{ readonly gathered: Gathered<string>; readonly settings: Readonly<Record<string, unknown>> }> {
  if (recording.monitor !== monitor.id)
    throw new NotRecorded(`this is a recording of ${recording.monitor}, not of ${monitor.id}`)
  const checked = checkDeclared(monitor, recording.settings, 'settings')
  if (!checked.ok)
    throw new NotRecorded(
      `the settings of the recording are not taken any more: ${checked.problems.map((one) => `${one.path} ${one.message}`).join('; ')}`,
    )
  let previous: unknown
  let gathered: Gathered<string> = { metrics: {} }
  for (const run of recording.runs) {
    const player = new Player(run)
    let next: unknown
    const before = previous
    gathered = await monitor.collect(checked.value, {
      // It answers as the client of this type did.
      client: player.client as CollectContext<AnyMonitor['connectors'][number]>['client'],
      signal,
      plannedAt: run.plannedAt,
      now: player.now,
      previous: before,
      remember: (value) => (next = JSON.parse(JSON.stringify(value ?? null))),
    })
    previous = next
  }
  return { gathered, settings: checked.value }
}

const mask = '***'

class Player {
  readonly #run: RecordedRun
  readonly #stands = new Map<number, object>()
  readonly #numbers = new WeakMap<object, number>()
  #asked = 0
  readonly client: object

  constructor(run: RecordedRun) {
    this.#run = run
    this.client = this.#stand(0)
  }

  readonly now = (): number => {
    const { now, plannedAt } = this.#run
    return now[Math.min(this.#asked++, now.length - 1)] ?? plannedAt
  }

  #stand(number: number): object {
    const known = this.#stands.get(number)
    if (known !== undefined) return known
    const recorded = this.#run.objects[number]
    if (recorded === undefined) throw new NotRecorded(`the recording has no object ${number}`)
    const properties: Record<string, unknown> = {}
    const left = [...recorded.calls]
    const stand: object = new Proxy(properties, {
      get: (own, name) => {
        if (name === Symbol.asyncIterator && recorded.calls.some(({ method }) => method === 'next')) return () => stand
        if (typeof name === 'symbol' || name === 'then') return undefined
        if (Object.hasOwn(own, name)) return own[name]
        // Asked for a method that nobody called then, it says so when it is called.
        return (...given: unknown[]) => this.#answer(recorded.calls, left, name, given)
      },
    })
    this.#stands.set(number, stand)
    this.#numbers.set(stand, number)
    for (const [name, value] of Object.entries(recorded.properties)) put(properties, name, this.#read(value))
    // So that a copy of the object has them as well.
    for (const { method } of recorded.calls) {
      if (!Object.hasOwn(properties, method))
        put(properties, method, (...given: unknown[]) => this.#answer(recorded.calls, left, method, given))
    }
    return stand
  }

  #answer(recorded: readonly RecordedCall[], left: RecordedCall[], method: string, given: readonly unknown[]): unknown {
    const asked = given.map((one) => this.#write(one))
    const at = left.findIndex((call) => call.method === method && isSame(call.arguments, asked))
    const call = left[at]
    if (call === undefined) {
      const why = left.some((one) => one.method === method)
        ? 'not with these words, or not so often'
        : 'not at all, or not so often'
      const missing = new NotRecorded(
        `the recording has no answer to ${method}(${JSON.stringify(asked).slice(1, -1).slice(0, 300)}): it was asked ${why}`,
      )
      if (recorded.some((one) => one.method === method && one.isSync === true)) throw missing
      return awaited(Promise.reject(missing))
    }
    left.splice(at, 1)
    const functions: Method[] = []
    withFunctions(given, (act) => {
      functions.push(act)
      return act
    })
    if (call.isSync === true) return this.#outcome(call.outcome, [])
    const answer = async () => {
      const results: Promise<unknown>[] = []
      for (const session of call.sessions ?? []) {
        const act = functions[session.of]
        if (act === undefined) throw new NotRecorded(`${method} was called without the function that it was given then`)
        const result = (async () => act(...session.arguments.map((one) => this.#read(one))))()
        results.push(result)
        // Whether its failure counts is for the outcome to say.
        await result.catch(() => undefined)
        const missing = await result.then(
          () => undefined,
          (thrown: unknown) => (thrown instanceof NotRecorded ? thrown : undefined),
        )
        if (missing !== undefined) throw missing
      }
      return this.#outcome(call.outcome, results)
    }
    return awaited(answer())
  }

  #outcome(outcome: RecordedOutcome, sessions: readonly Promise<unknown>[]): unknown {
    switch (outcome.is) {
      case 'value':
        return this.#read(outcome.value)
      case 'session':
        return sessions[outcome.session]
      case 'failure':
        throw new TargetError(outcome.reason, String(outcome.message))
      case 'refused':
        throw new StatementRefused(String(outcome.code), String(outcome.message))
      case 'error':
        throw new Error(String(outcome.message))
      case 'open':
        throw new TargetError('timed out', 'the run had ended before this was answered')
    }
  }

  #write(value: unknown): Written {
    return writeValue(value, {
      text: (text) => text,
      bytes: (text) => text,
      isMasked: () => false,
      numberOf: (object) => this.#numbers.get(object),
    })
  }

  #read(value: Written): unknown {
    if (Array.isArray(value)) return value.map((one: Written) => this.#read(one))
    if (typeof value !== 'object' || value === null) return value
    const kind = '$' in value ? value.$ : undefined
    if (kind === undefined) {
      const read: Record<string, unknown> = {}
      for (const [key, one] of Object.entries(value)) put(read, key, this.#read(one as Written))
      return read
    }
    const { text, entries, number } = value as { text?: unknown; entries?: unknown; number?: unknown }
    const written = typeof text === 'string' ? text : ''
    const list = Array.isArray(entries) ? (entries as Written[]) : []
    const pairs = () => list.map((one) => (Array.isArray(one) ? one.map((part: Written) => this.#read(part)) : []))
    switch (kind) {
      case 'undefined':
        return undefined
      case 'number':
        return Number(written)
      case 'bigint':
        return BigInt(/^-?\d{1,1000}$/.test(written) ? written : '0')
      case 'date':
        return new Date(written)
      case 'bytes':
        return Uint8Array.from(written, (one) => one.charCodeAt(0))
      case 'map':
        return new Map(pairs().map(([key, one]) => [key, one]))
      case 'set':
        return new Set(list.map((one) => this.#read(one)))
      case 'plain': {
        const read: Record<string, unknown> = {}
        for (const [key, one] of pairs()) put(read, String(key), one)
        return read
      }
      case 'object':
        return this.#stand(typeof number === 'number' ? number : -1)
      case 'masked':
        return mask
      case 'left out':
        throw new NotRecorded('this part was left out of the recording, because it had grown too large')
      default:
        throw new NotRecorded(`the recording holds ${JSON.stringify(kind)}, which this version does not know`)
    }
  }
}

/** A monitor that gave up for another reason before it waited for this answer: that is no failure of the program. */
function awaited<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined)
  return answer
}

/** What was masked when the recording was made may be anything now. */
function isSame(recorded: Written, asked: Written): boolean {
  if (typeof recorded === 'string' && recorded.includes(mask)) return typeof asked === 'string' && fits(recorded, asked)
  if (typeof recorded !== 'object' || recorded === null || typeof asked !== 'object' || asked === null)
    return Object.is(recorded, asked)
  if ('$' in recorded && recorded.$ === 'masked') return true
  if (Array.isArray(recorded) !== Array.isArray(asked)) return false
  const [one, other] = [Object.entries(recorded), new Map(Object.entries(asked))]
  return (
    one.length === other.size &&
    one.every(([key, value]) => {
      const same = other.get(key)
      return same !== undefined && isSame(value as Written, same as Written)
    })
  )
}

function fits(recorded: string, asked: string): boolean {
  const parts = recorded.split(mask)
  let at = 0
  for (const [i, part] of parts.entries()) {
    const found = i === parts.length - 1 ? asked.length - part.length : asked.indexOf(part, at)
    if (found < at || !asked.startsWith(part, found) || (i === 0 && found !== 0)) return false
    at = found + part.length
  }
  return true
}
