import { FarwatchError, errorCatalogue, type Clock, type ErrorCode } from '../base/index.ts'
import {
  StaleConnection,
  pack,
  signRequest,
  signatureHeader,
  unpack,
  type Got,
  type Sent,
  type Signer,
} from '../platform/wire/index.ts'
import {
  exchangeLimit,
  exchangePath,
  pairLimit,
  pairPath,
  pairRefusals,
  readPairAnswer,
  reportFrom,
  spoken,
  wireOf,
  type PairAnswer,
  type PairPoll,
  type PairRefusal,
  type ProtocolRange,
  type Ways,
} from './protocol.ts'
import type { Report } from './state.ts'

export interface PollingOptions {
  readonly clock: Clock
  /** Asked each time: keys are exchanged now and then. */
  readonly signer: () => Signer
  /** Of the signer, SPKI as PEM. */
  readonly publicKey: () => string
  readonly version: string
  /** One for each start of the program. */
  readonly boot: string
  /** Where agents and people reach this server, as far as it knows. */
  readonly url?: () => string
  readonly ways?: () => Ways
  readonly peerUrl: () => string
  /** UUID of the PRIMARY; empty: whoever answers behind its URL and certificate. */
  readonly peerUuid: () => string
  /** `Connections.send`: HTTPS, with the certificate judged by what is trusted here. */
  readonly send: (sent: Sent, signal: AbortSignal) => Promise<Got>
  readonly protocol?: ProtocolRange
}

/** What the PRIMARY answered. */
export interface Answered {
  readonly uuid: string
  readonly version: string
  /** Where agents and people reach it, as far as it says. */
  readonly url: string | undefined
  readonly ways: Ways | undefined
  /** Of the messages, as agreed. */
  readonly protocol: number
  readonly report: Report
}

/** The PRIMARY is there, and does not take the poll. */
export class RefusedByPeer extends FarwatchError {
  readonly reason: PairRefusal

  constructor(reason: PairRefusal, code: ErrorCode, message: string, hint: string) {
    super(code, message, { hint })
    this.reason = reason
  }
}

/** The SECONDARY's half of the protocol. One poll at a time; an answer is that to the newest, or none. */
export class Polling {
  readonly #options: PollingOptions
  #sequence = 0
  /** What the PRIMARY's wall clock shows beyond this one's. */
  #offsetMs = 0

  constructor(options: PollingOptions) {
    this.#options = options
  }

  /**
   * @param silentMs how long nothing may come
   * @throws FarwatchError `unreachable`, `untrusted-certificate`; `RefusedByPeer` where the PRIMARY is there and does not take it
   */
  async poll(report: Report, silentMs: number, signal: AbortSignal): Promise<Answered> {
    try {
      return await this.#exchange(report, silentMs, signal)
    } catch (thrown) {
      const isMended =
        thrown instanceof StaleConnection || (thrown instanceof RefusedByPeer && thrown.reason === 'clock')
      if (!isMended || signal.aborted) throw thrown
      return this.#exchange(report, silentMs, signal)
    }
  }

  async #exchange(report: Report, silentMs: number, signal: AbortSignal): Promise<Answered> {
    const { publicKey, version, url: ownUrl, ways, protocol = spoken } = this.#options
    const poll: PairPoll = {
      protocol,
      role: 'SECONDARY',
      version,
      publicKey: publicKey(),
      sequence: ++this.#sequence,
      ...(ownUrl === undefined ? {} : { url: ownUrl() }),
      ...(ways === undefined ? {} : { ways: ways() }),
      report: wireOf(report),
    }
    const { bytes } = await pack(poll, 'identity')
    const { got, url, sentAt } = await this.#send(
      pairPath,
      bytes,
      report.term,
      { silentMs, maxAnswerBytes: pairLimit },
      signal,
    )
    const answer = await readAnswer(got, url)
    if (answer.refused !== undefined) {
      if (answer.refused.reason === 'clock') this.#offsetMs = answer.receivedAt - sentAt
      throw refusedBy(answer.refused)
    }
    if (answer.result === undefined)
      throw new FarwatchError('unreachable', `${url.origin} answered neither yes nor no`, {
        hint: 'Check that both servers have versions that go together.',
      })
    return this.#believed(answer.result, url)
  }

  /**
   * Sends an exchange; polls go on beside it.
   * @param silentMs how long nothing may come
   * @throws as `poll`
   */
  async exchange(message: Uint8Array, term: number, silentMs: number, signal: AbortSignal): Promise<Uint8Array> {
    const about = { silentMs, maxAnswerBytes: exchangeLimit }
    const { got, url } = await this.#send(exchangePath, message, term, about, signal)
    if (got.status === 200) return got.body
    const { refused } = await readAnswer(got, url)
    throw refused === undefined
      ? new FarwatchError('unreachable', `${url.origin} answered HTTP ${got.status}`)
      : refusedBy(refused)
  }

  /**
   * Asks who is behind an address, as one that is not known there: whoever answers as a server of a pair does may be the PRIMARY.
   * @param silentMs how long nothing may come
   * @returns the UUID of who answers; undefined where it is of a version that does not say
   * @throws FarwatchError `unreachable`, `untrusted-certificate`
   */
  async reach(address: string, silentMs: number, signal: AbortSignal): Promise<string | undefined> {
    const url = new URL(`${address.replace(/\/+$/, '')}${pairPath}`)
    const headers = { 'content-type': 'application/json' }
    const sent = { url, headers, body: new Uint8Array(), silentMs, maxAnswerBytes: pairLimit }
    return (await readAnswer(await this.#options.send(sent, signal), url)).uuid
  }

  async #send(
    path: string,
    body: Uint8Array,
    term: number,
    about: Pick<Sent, 'silentMs' | 'maxAnswerBytes'>,
    signal: AbortSignal,
  ): Promise<{ readonly got: Got; readonly url: URL; readonly sentAt: number }> {
    const { clock, signer, boot, peerUrl, send, protocol = spoken } = this.#options
    const sentAt = clock.now()
    const signature = await signRequest(signer(), {
      boot,
      path,
      at: Math.max(0, sentAt + this.#offsetMs),
      protocol: protocol.max,
      term,
      body,
    })
    const url = new URL(`${peerUrl().replace(/\/+$/, '')}${path}`)
    const type = path === pairPath ? 'application/json' : 'application/octet-stream'
    const headers = { 'content-type': type, [signatureHeader]: signature }
    return { got: await send({ url, headers, body, ...about }, signal), url, sentAt }
  }

  #believed(
    { uuid, report, version, url: peerUrl, ways, protocol }: NonNullable<PairAnswer['result']>,
    url: URL,
  ): Answered {
    const expected = this.#options.peerUuid()
    if (uuid === this.#options.signer().uuid)
      throw new FarwatchError('conflict', `${url.origin} is this very instance`, {
        hint: 'Set the peer URL to that of the PRIMARY.',
      })
    if (expected !== '' && uuid !== expected)
      throw new FarwatchError('conflict', `${url.origin} is the instance ${uuid}, and the PRIMARY is ${expected}`, {
        hint: 'Check the peer URL. Where the PRIMARY was installed anew, set the peer UUID here, too.',
      })
    return { uuid, version, url: peerUrl, ways, protocol, report: reportFrom(report) }
  }
}

function refusedBy({ reason, code, message, hint }: NonNullable<PairAnswer['refused']>): RefusedByPeer {
  return new RefusedByPeer(
    isRefusal(reason) ? reason : 'refused',
    isErrorCode(code) ? code : 'conflict',
    `the PRIMARY refused: ${message}`,
    hint,
  )
}

async function readAnswer({ status, headers, body }: Got, url: URL): Promise<ReturnType<typeof readPairAnswer>> {
  try {
    return readPairAnswer(await unpack(body, headers['content-encoding'], pairLimit))
  } catch (thrown) {
    throw new FarwatchError(
      'unreachable',
      `${url.origin} answered HTTP ${status}, and not as the PRIMARY of a pair does`,
      {
        hint: 'Check the peer URL, that the instance behind it is a central server of this version or the next, and the proxy in front of it.',
        cause: thrown,
      },
    )
  }
}

function isRefusal(reason: string): reason is PairRefusal {
  return pairRefusals.some((known) => known === reason)
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code)
}
