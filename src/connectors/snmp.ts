import {
  defineConnector,
  snmpMaker,
  TargetError,
  type OpenCredential,
  type Proposal,
  type SnmpClient,
  type SnmpValue,
} from '../sdk/index.ts'
import { outOfTime } from './network/failures.ts'
import { withinReach } from './network/reach.ts'
import { SignIn } from './network/sign-in.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { hostPort } from './network/target.ts'
import { askUdp } from './network/udp.ts'
import { engineIn, engineQuestion } from './snmp/engine.ts'
import { openSession, SnmpRefusal, type RawValue, type SnmpPlace, type SnmpSession } from './snmp/session.ts'
import { readValue } from './snmp/values.ts'

/** A device by SNMP, read only. */
export default defineConnector({
  id: 'snmp',
  title: 'SNMP',
  summary: 'A device that answers to SNMP version 1, 2c or 3. Nothing is ever set on it.',
  settings: {
    host: hostSetting,
    port: portSetting(161),
    version: {
      kind: 'choice',
      label: 'Version with a community',
      help: 'A credential of type snmp-user speaks version 3 whatever is said here. Version 1 knows no counters of 64 bits.',
      of: ['2c', '1'],
      default: '2c',
    },
    context: {
      kind: 'text',
      label: 'Context (version 3)',
      help: 'Few devices have more than the empty one.',
      default: '',
      maxLength: 255,
    },
    answerWithin: {
      kind: 'duration',
      label: 'Wait for an answer',
      help: 'Then the question is sent again. Too small: a busy device is asked twice. Too large: a lost packet costs the run.',
      default: '2s',
      min: '100ms',
      max: '30s',
    },
    retries: { kind: 'number', label: 'Questions sent again', integer: true, min: 0, max: 5, default: 1 },
  },
  credentials: ['snmp-community', 'snmp-user'],
  credentialRequired: true,
  target: ({ host, port }) => hostPort(host, port),
  reach: reachAgent,
  discovery: { at: { udp: [161] }, identify: proposed },
  open: ({ host, port, version, context, answerWithin, retries }, credential) =>
    new Device({ host, port, target: hostPort(host, port), version, context, answerWithin, retries }, credential),
})

/** Values asked for at once: what fits into a packet that no network cuts in pieces. */
const perRequest = 20

class Device implements SnmpClient {
  readonly target: string
  readonly #place: SnmpPlace
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()
  #session: Promise<SnmpSession> | undefined

  constructor(place: SnmpPlace, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = place.target
  }

  async get(oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, SnmpValue>> {
    const found = new Map<string, SnmpValue>()
    for (let i = 0; i < oids.length; i += perRequest) {
      for (const raw of await this.#getSome(oids.slice(i, i + perRequest), signal)) {
        const value = readValue(raw.oid, raw.type, raw.value)
        if (value !== undefined) found.set(value.oid, value)
      }
    }
    return found
  }

  async walk(oid: string, maxValues: number, signal: AbortSignal) {
    const values: SnmpValue[] = []
    let at = oid
    let atOnce = perRequest
    for (;;) {
      let raw: readonly RawValue[]
      try {
        const [from, many] = [at, atOnce]
        raw = await this.#ask(signal, (session) => session.after(from, session.canBulk ? many : 1))
      } catch (thrown) {
        if (!(thrown instanceof SnmpRefusal)) throw thrown
        // noSuchName is how version 1 says that nothing follows; tooBig asks for less.
        if (thrown.status === 2) return { values, more: false }
        if (thrown.status !== 1 || atOnce === 1) throw this.#refused(thrown)
        atOnce = Math.ceil(atOnce / 2)
        continue
      }
      if (raw.length === 0) return { values, more: false }
      for (const one of raw) {
        if (!one.oid.startsWith(`${oid}.`) || one.type === endOfView) return { values, more: false }
        if (!follows(one.oid, at)) throw new TargetError('protocol', `${this.target} answers in circles below ${oid}`)
        if (values.length >= maxValues) return { values, more: true }
        at = one.oid
        const value = readValue(one.oid, one.type, one.value)
        if (value !== undefined) values.push(value)
      }
    }
  }

  close(): void {
    const session = this.#session
    this.#session = undefined
    void session?.then(
      (open) => open.close(),
      () => undefined,
    )
  }

  /** Version 1 refuses all where one is missing; then each is asked for by itself. */
  async #getSome(oids: readonly string[], signal: AbortSignal): Promise<readonly RawValue[]> {
    try {
      return await this.#ask(signal, (session) => session.get(oids))
    } catch (thrown) {
      if (!(thrown instanceof SnmpRefusal)) throw thrown
      if (oids.length === 1) {
        if (thrown.status === 2) return []
        throw this.#refused(thrown)
      }
      const middle = Math.ceil(oids.length / 2)
      return [
        ...(await this.#getSome(oids.slice(0, middle), signal)),
        ...(await this.#getSome(oids.slice(middle), signal)),
      ]
    }
  }

  #ask<T>(signal: AbortSignal, question: (session: SnmpSession) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal.aborted) return reject(outOfTime(this.target, 'was not asked'))
      const stop = () => reject(outOfTime(this.target, 'sent no answer'))
      signal.addEventListener('abort', stop, { once: true })
      this.#signIn
        .try(() => this.#inSession(signal, question))
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', stop))
    })
  }

  async #inSession<T>(signal: AbortSignal, question: (session: SnmpSession) => Promise<T>): Promise<T> {
    const opening = (this.#session ??= openSession(this.#place, this.#credential, signal))
    try {
      return await question(await opening)
    } catch (thrown) {
      // A socket that failed, or an engine that restarted meanwhile, is begun anew by the next question.
      if (!(thrown instanceof SnmpRefusal) && this.#session === opening) this.close()
      throw thrown
    }
  }

  #refused({ status }: SnmpRefusal): TargetError {
    return new TargetError('protocol', `${this.target} refused the question (SNMP error ${status})`)
  }
}

const endOfView = 130

/** Whether an OID comes after another in the order of the protocol: number by number. */
function follows(oid: string, before: string): boolean {
  const [a, b] = [oid.split('.').map(Number), before.split('.').map(Number)]
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! > b[i]!
  return a.length > b.length
}

async function reachAgent(place: Place, signal: AbortSignal): Promise<void> {
  // A device without version 3 keeps silent, and is no worse for that: only what says that nobody is there counts.
  const patience = AbortSignal.timeout(1_500)
  await whoIsThere(place, AbortSignal.any([withinReach(signal), patience])).catch((thrown: unknown) => {
    if (!(thrown instanceof TargetError) || thrown.reason !== 'timed out' || signal.aborted) throw thrown
  })
}

type Place = { readonly host: string; readonly port: number }

async function proposed(place: Place, signal: AbortSignal): Promise<readonly Proposal[]> {
  const answer = await whoIsThere(place, signal)
  const engine = engineIn(answer)
  if (engine === undefined) return []
  const { host, port } = place
  // The first four bytes are the maker's number with the first bit set, as RFC 3411 has it.
  const maker = snmpMaker(`1.3.6.1.4.1.${engine.readUInt32BE(0) & 0x7fffffff}`)
  return [
    {
      name: port === 161 ? 'snmp' : `snmp-${port}`,
      title: `SNMP agent${maker === undefined ? '' : ` of a device by ${maker}`}, port ${port}`,
      settings: port === 161 ? { host } : { host, port },
      seen: `port ${port} answered the question of SNMP version 3 for who is there`,
      certainty: 'identified',
      credential: 'snmp-user',
    },
  ]
}

function whoIsThere(place: Place, signal: AbortSignal): Promise<Buffer> {
  return askUdp(
    place,
    () => engineQuestion,
    (answer) => answer,
    signal,
  )
}
