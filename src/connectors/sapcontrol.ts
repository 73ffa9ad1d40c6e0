import type { CancelTimer } from '../base/index.ts'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  sapControlReads,
  TargetError,
  type Closable,
  type FailureReason,
  type OpenCredential,
  type SapAnswer,
  type SapControlClient,
  type SapControlRead,
  type SapRead,
  type SapRow,
  type WhyNotAsked,
} from '../sdk/index.ts'
import { exchange, readPlace, type HttpExchanged, type HttpPlace, type HttpWay } from './network/http-exchange.ts'
import { outOfTime } from './network/failures.ts'
import { reachPort } from './network/reach.ts'
import { SignIn } from './network/sign-in.ts'
import { escaped, nodesIn, readSoap, textIn, type XmlNode } from './network/soap.ts'
import { hostSetting, trustedSetting } from './network/settings.ts'
import { hostPort } from './network/target.ts'
import { secureContext, trustedProblems } from './network/trust.ts'
import { decide, locked, methodsOf, signIn, whyPaused, type Methods } from './sapcontrol/ask.ts'
import { sapDiscovery } from './sapcontrol/discovery.ts'
import { enter, leave, type StartService } from './sapcontrol/start-service.ts'

const maxAnswerBytes = 4 * 1024 * 1024
const maxRows = 20_000
const maxText = 16_000
/** How old the process list may be by which it is decided whether to ask for more. */
const processesHoldMs = 15_000
const methodsHoldMs = 600_000
/** What an operation is left alone for afterwards. */
const faults: readonly FailureReason[] = ['assertion', 'protocol', 'too large', 'timed out']

/** The start service of one SAP instance. */
export default defineConnector({
  id: 'sapcontrol',
  title: 'SAP start service',
  summary:
    'An instance of an SAP system, asked by its start service (SAPControl): reading operations alone, one at a time.',
  settings: {
    host: {
      ...hostSetting,
      help: 'Name or address of the instance’s host; for the central services the virtual one.',
      example: 'sapapp1.example',
    },
    instance: {
      kind: 'number',
      label: 'Instance number',
      help: 'NN: the port follows from it, 5NN14 with TLS and 5NN13 without.',
      min: 0,
      max: 99,
      integer: true,
      default: 0,
    },
    port: {
      kind: 'number',
      label: 'Port',
      help: 'Where it is not the usual one (sapctrlNN or sapctrlsNN in the services file of the host).',
      min: 1,
      max: 65535,
      integer: true,
      optional: true,
    },
    tls: {
      kind: 'choice',
      label: 'TLS',
      help: 'verify: always, with a trusted certificate for this host. require: always, whatever the certificate. off: never; a password then crosses the network readable.',
      of: ['verify', 'require', 'off'],
      default: 'verify',
    },
    trustedCertificates: {
      ...trustedSetting,
      help: 'Trusted for this connector besides those of the agent’s machine. Start services often show a self-signed certificate: put it here.',
    },
    ignoredProcesses: {
      kind: 'list',
      label: 'Processes whose state does not count',
      help: 'While a process of the instance is not GREEN nothing but the process list is asked for. One that never is (a disabled igswd_mt) belongs here, else most monitors stay silent for ever.',
      of: { kind: 'text', label: 'Process', maxLength: 100 },
      maxItems: 50,
      default: [],
    },
  },
  credentials: ['basic'],
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: (settings) => hostPort(settings.host, portOf(settings)),
  reach: (settings, signal) => reachPort({ host: settings.host, port: portOf(settings) }, signal),
  open: (settings, credential) => new Instance(settings, credential),
  discovery: sapDiscovery(
    (way) => new Instance({ ...way, port: undefined, trustedCertificates: undefined, ignoredProcesses: [] }, undefined),
  ),
})

interface Place {
  readonly host: string
  readonly instance: number
  readonly port: number | undefined
  readonly tls: string
  readonly trustedCertificates: string | undefined
  readonly ignoredProcesses: readonly string[]
}

function portOf({ instance, port, tls }: Pick<Place, 'instance' | 'port' | 'tls'>): number {
  return port ?? 50_000 + 100 * instance + (tls === 'off' ? 13 : 14)
}

type Answered<O extends SapControlRead> = Extract<SapAnswer<O>, { readonly is: 'answered' }>

class Instance implements SapControlClient, Closable {
  readonly target: string
  readonly signsIn: boolean
  readonly #place: HttpPlace
  readonly #way: HttpWay
  readonly #ignored: readonly string[]
  readonly #user: { readonly username: string; readonly secret: string } | undefined
  readonly #service: StartService
  /** Answers that may be shared, by operation. By connector: what one user may see is nothing for the next. */
  readonly #shared = new Map<SapControlRead, { readonly answer: unknown; readonly forget: CancelTimer }>()
  /** Operations that turned out to want a user. */
  readonly #locked = new Set<SapControlRead>()
  readonly #signIn = new SignIn()

  constructor(settings: Place, credential: OpenCredential | undefined) {
    const { host, tls, trustedCertificates } = settings
    this.target = hostPort(host, portOf(settings))
    this.#place = readPlace(new URL(`${tls === 'off' ? 'http' : 'https'}://${this.target}/SAPControl.cgi`))
    this.#way = {
      verify: tls === 'verify',
      context: () => secureContext(trustedCertificates),
      connectTo: undefined,
      proxy: undefined,
    }
    this.#ignored = settings.ignoredProcesses
    this.#user = credential?.type === 'basic' ? credential.fields : undefined
    this.signsIn = this.#user !== undefined
    this.#service = enter(this.target, systemClock)
  }

  close(): void {
    for (const { forget } of this.#shared.values()) forget()
    this.#shared.clear()
    leave(this.#service)
  }

  async read<O extends SapControlRead>(operation: O, signal: AbortSignal): Promise<SapAnswer<O>> {
    refuseUnknown(operation)
    return this.#service.alone(signal, async () => {
      // Somebody may have asked the same while this one waited.
      const shared = this.#sharedAnswer(operation)
      if (shared !== undefined) return shared
      if (operation === 'GetProcessList') return this.#ask(operation, this.#needsSignIn(operation), signal)
      const processes =
        this.#service.processes(processesHoldMs) ??
        (await this.#ask('GetProcessList', this.#needsSignIn('GetProcessList'), signal)).rows
      const paused = whyPaused(operation, processes, this.#ignored)
      if (paused !== undefined) return notAsked(paused)
      const methods = operation === 'GetInstanceProperties' ? undefined : await this.#methods(signal)
      const decision = decide(operation, { processes, methods, signsIn: this.signsIn })
      switch (decision.is) {
        case 'do not ask':
          return notAsked(decision)
        case 'ask':
          return this.#ask(operation, decision.signIn || this.#locked.has(operation), signal)
      }
    })
  }

  #needsSignIn(operation: SapControlRead): boolean {
    const decision = signIn(operation, this.#service.methods(methodsHoldMs)?.methods, this.signsIn)
    return (decision.is === 'ask' && decision.signIn) || this.#locked.has(operation)
  }

  #share(operation: SapControlRead, answer: unknown): void {
    const { sharedMs }: SapRead = sapControlReads[operation]
    if (sharedMs === undefined) return
    this.#shared.get(operation)?.forget()
    // A tree of alerts is megabytes: it goes as soon as nobody may have it any more.
    const forget = systemClock.after(sharedMs, () => this.#shared.delete(operation))
    this.#shared.set(operation, { answer, forget })
  }

  #sharedAnswer<O extends SapControlRead>(operation: O): Answered<O> | undefined {
    // It was kept under its own operation.
    return this.#shared.get(operation)?.answer as Answered<O> | undefined
  }

  /** What the service says it offers and protects; where it does not say, what is usual is taken to be so. */
  async #methods(signal: AbortSignal): Promise<Methods | undefined> {
    const known = this.#service.methods(methodsHoldMs)
    if (known !== undefined) return known.methods
    try {
      await this.#ask('GetInstanceProperties', this.#needsSignIn('GetInstanceProperties'), signal)
    } catch (thrown) {
      if (!(thrown instanceof TargetError) || !['assertion', 'protocol', 'credentials'].includes(thrown.reason))
        throw thrown
      this.#service.noteMethods(undefined)
    }
    return this.#service.methods(methodsHoldMs)?.methods
  }

  /** One question, and what is to be remembered of it. Called in a turn of one's own. */
  async #ask<O extends SapControlRead>(operation: O, withUser: boolean, signal: AbortSignal): Promise<Answered<O>> {
    // Before anything is sent nothing can be the fault of the operation.
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    this.#service.throwIfPaused(operation)
    let answer: Answered<O>
    try {
      answer = withUser
        ? await this.#signIn.try(() => this.#answer(operation, true, signal), signal)
        : await this.#answer(operation, false, signal)
    } catch (thrown) {
      if (thrown instanceof WantsUser && !withUser) {
        if (this.#user === undefined) throw new TargetError('credentials', `${this.target}: ${locked(operation)}`)
        this.#locked.add(operation)
        return this.#ask(operation, true, signal)
      }
      const failure =
        thrown instanceof WantsUser
          ? new TargetError('credentials', `${this.target} knows and refused ${this.#userWords(thrown)}`)
          : thrown
      // Nobody there, no trust, a wrong password: none of them is a fault of the operation.
      if (failure instanceof TargetError && (thrown instanceof WantsUser || faults.includes(failure.reason)))
        this.#service.failed(operation, failure)
      throw failure
    }
    this.#service.succeeded(operation)
    this.#share(operation, answer)
    const { rows } = answer
    // The rows are those of their operation.
    if (operation === 'GetProcessList') this.#service.noteProcesses(rows as readonly SapRow<'GetProcessList'>[])
    if (operation === 'GetInstanceProperties')
      this.#service.noteMethods(methodsOf(rows as readonly SapRow<'GetInstanceProperties'>[]))
    return answer
  }

  /** One exchange. Throws WantsUser where one is needed that was not sent, and where the one that was sent is known and may not. */
  async #answer<O extends SapControlRead>(operation: O, withUser: boolean, signal: AbortSignal): Promise<Answered<O>> {
    const seen = await this.#send(operation, withUser, signal)
    try {
      return {
        is: 'answered',
        rows: await this.#rowsOf(operation, seen),
        phases: seen.phases,
        ...(seen.certificate === undefined ? {} : { certificate: seen.certificate }),
      }
    } catch (thrown) {
      if (thrown instanceof WantsUser && withUser && !thrown.denied)
        throw new TargetError('credentials', `${this.target} refused ${this.#userWords(thrown)}`, { cause: thrown })
      throw thrown
    }
  }

  async #send(operation: SapControlRead, withUser: boolean, signal: AbortSignal): Promise<HttpExchanged> {
    const body = envelope(operation)
    const user = withUser ? this.#user : undefined
    const headers = {
      'user-agent': 'Farwatch',
      'content-type': 'text/xml; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      soapaction: '""',
      ...(user === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${user.username}:${user.secret}`).toString('base64')}` }),
    }
    return exchange(this.#place, this.#way, { method: 'POST', headers, body, maxBodyBytes: maxAnswerBytes }, signal)
  }

  async #rowsOf<O extends SapControlRead>(
    operation: O,
    { status, body }: HttpExchanged,
  ): Promise<readonly SapRow<O>[]> {
    if (status === 401 || status === 403) throw new WantsUser(`${operation} (HTTP ${status})`, false)
    // A fault comes as 500; any other status was not sent by a start service.
    if (status !== 200 && status !== 500)
      throw new TargetError('protocol', `${this.target} answered HTTP ${status}, which no start service does`)
    const text = body.toString('utf8')
    if (status === 500 && !/<[\w-]*:?Envelope/.test(text))
      throw new TargetError('protocol', `${this.target} answered HTTP 500 without saying why`)
    const read = await readSoap(text, this.target)
    if (read.is === 'fault') {
      const words = this.#masked(read.text)
      if (/invalid credentials|unauthori[sz]ed/i.test(words)) throw new WantsUser(`${operation} (${words})`, false)
      if (/permission denied/i.test(words)) throw new WantsUser(`${operation} (${words})`, true)
      throw new TargetError(
        'assertion',
        `the start service ${this.target} answers, but what is behind ${operation} does not: ${words}`,
      )
    }
    const { list, fields, element }: SapRead = sapControlReads[operation]
    const items = list === 'single' ? [read.content] : itemsOf(read.content, list)
    if (read.name !== (element ?? `${operation}Response`))
      throw new TargetError('protocol', `${this.target} answered something else than ${operation}`)
    if (items.length > maxRows)
      throw new TargetError('too large', `the answer of ${this.target} to ${operation} has more than ${maxRows} items`)
    return items.map(
      (item) =>
        // Every field of the operation's declaration is there, which is what SapRow says.
        Object.fromEntries(fields.map((field) => [field, textIn(item, field, maxText)?.trim() ?? null])) as SapRow<O>,
    )
  }

  /** Targets repeat what they were sent, in the worst case. */
  #masked(text: string): string {
    const secret = this.#user?.secret ?? ''
    return secret === '' ? text : text.replaceAll(secret, '•••')
  }

  #userWords({ message }: WantsUser): string {
    return `the user ${this.#user?.username ?? ''} for ${message}: it must be an operating-system user of the SAP host that may administer the instance (<sid>adm, or one of service/admin_users)`
  }
}

/** The answer was that a user is needed, or another one. `denied`: who the user is was believed. */
class WantsUser extends Error {
  readonly denied: boolean

  constructor(what: string, denied: boolean) {
    super(what)
    this.denied = denied
  }
}

function notAsked({ why, message }: { readonly why: WhyNotAsked; readonly message: string }) {
  return { is: 'not asked', why, message } as const
}

function itemsOf(content: XmlNode, list: string): readonly XmlNode[] {
  const items: XmlNode[] = []
  for (const holder of nodesIn(content, list)) {
    if (typeof holder === 'string') continue
    // An item without elements is one of which nothing is known.
    for (const item of nodesIn(holder, 'item')) items.push(typeof item === 'string' ? {} : item)
  }
  return items
}

/** The last door before the wire: whoever gets a text past the types gets it no further. */
function refuseUnknown(operation: string): void {
  if (!Object.hasOwn(sapControlReads, operation))
    throw new TargetError(
      'configuration',
      `${JSON.stringify(operation.slice(0, 60))} is not an operation that reads, and is never sent`,
    )
}

/** @throws TargetError for anything that is not in the list of reading operations */
export function envelope(operation: SapControlRead): string {
  refuseUnknown(operation)
  const { argument }: SapRead = sapControlReads[operation]
  const inner = argument === undefined ? '' : `<${argument.name}>${escaped(argument.value)}</${argument.name}>`
  return (
    '<?xml version="1.0" encoding="utf-8"?>' +
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:s="urn:SAPControl"><SOAP-ENV:Body>' +
    `<s:${operation}>${inner}</s:${operation}>` +
    '</SOAP-ENV:Body></SOAP-ENV:Envelope>'
  )
}
