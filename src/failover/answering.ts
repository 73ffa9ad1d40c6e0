import type { KeyObject } from 'node:crypto'
import { FarwatchError, errorCatalogue, messageOf, type Clock } from '../base/index.ts'
import {
  ReplayGuard,
  bodyHash,
  claimedRequest,
  pack,
  readPublicKey,
  signatureHeader,
  unpack,
  verified,
  windowMs,
  type ClaimedRequest,
  type Claims,
} from '../platform/wire/index.ts'
import {
  agreedVersion,
  exchangePath,
  pairMessageOf,
  readPairPoll,
  pairLimit,
  reportFrom,
  spoken,
  wireOf,
  type PairAnswer,
  type PairPoll,
  type PairRefusal,
  type ProtocolRange,
  type Ways,
} from './protocol.ts'
import type { PairRole } from './setting.ts'
import type { Report } from './state.ts'

export interface AnsweringOptions {
  readonly clock: Clock
  readonly uuid: string
  readonly version: string
  /** Where agents and people reach this server, as far as it knows. */
  readonly url?: () => string
  readonly ways?: () => Ways
  readonly role: () => PairRole
  /** UUID of the SECONDARY, as it was set; empty where none was. */
  readonly peerUuid: () => string
  /** The key with which the SECONDARY was first seen. */
  readonly peerKey: {
    read(): string | undefined
    /** Durable when it resolves. Called once for a SECONDARY that was set anew. */
    pin(fingerprint: string): Promise<void>
  }
  /** What the SECONDARY says. @returns what this side is after it has heard that */
  readonly heard: (
    report: Report,
    from: { readonly version: string; readonly url: string | undefined; readonly ways: Ways | undefined },
  ) => Promise<Report>
  /** Takes an exchange of the SECONDARY. @returns what it is answered */
  readonly exchange: (message: Uint8Array) => Promise<Uint8Array>
  /** For the status: why a poll was refused, each time. Unauthenticated callers can cause it, so nothing may grow by it. */
  readonly refused?: (reason: PairRefusal, message: string) => void
  readonly protocol?: ProtocolRange
}

export interface PairRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** As sent; whoever reads it from the socket stops at the limit of `pairMessageOf`. */
  readonly body: Uint8Array
}

export interface PairResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Polls and exchanges of some minutes at the fastest pace. */
const mostNonces = 20_000
const mostBoots = 100

/**
 * The PRIMARY's half of the protocol: believes whoever bears the UUID that was set and signs with the key with which that UUID was first seen,
 * and answers with what this side makes of it. It opens no connection.
 */
export class Answering {
  readonly #options: AnsweringOptions
  readonly #replays = new ReplayGuard(mostNonces)
  readonly #startedAt: number
  /** The latest poll of the present start of the SECONDARY, and earlier starts, of which nothing is believed any more. */
  #latest: { readonly boot: string; readonly sequence: number } | undefined
  readonly #formerBoots = new Set<string>()
  #pinning: Promise<void> = Promise.resolve()
  /** Of the last poll that was believed. */
  #believed: { readonly fingerprint: string; readonly key: KeyObject } | undefined

  constructor(options: AnsweringOptions) {
    this.#options = options
    this.#startedAt = options.clock.elapsed()
  }

  /** Never rejects. */
  async handle(request: PairRequest): Promise<PairResponse> {
    const { uuid, clock } = this.#options
    const receivedAt = clock.now()
    try {
      const message = pairMessageOf(request.path)
      if (message === undefined || request.method !== 'POST')
        throw new FarwatchError('not-found', 'the servers of a pair have no such message')
      const claimed = this.#claimed(request, message, receivedAt)
      return message.path === exchangePath
        ? bytesOf(await this.#exchange(request, claimed))
        : await respond(200, { receivedAt, uuid, result: await this.#polled(request, claimed) })
    } catch (thrown) {
      const refusal = thrown instanceof RefusedPoll ? thrown.reason : 'refused'
      this.#options.refused?.(refusal, messageOf(thrown))
      const { code, message, hint } = thrown instanceof FarwatchError ? thrown : internal
      return respond(errorCatalogue[code].status, {
        receivedAt,
        uuid,
        refused: { reason: refusal, code, message, hint },
      })
    }
  }

  /** What can be refused before the signature is looked at. */
  #claimed(
    { headers, body }: PairRequest,
    { path, limit }: { readonly path: string; readonly limit: number },
    now: number,
  ): ClaimedRequest {
    if (body.length > limit) throw new FarwatchError('too-large', `the body is larger than ${limit} bytes`)
    const claimed = claimedRequest(headers[signatureHeader])
    const { claims } = claimed
    if (claims.path !== path) throw new FarwatchError('unauthenticated', 'the request is signed for another message')
    this.#refuseStranger(claims.agent)
    this.#refuseWrongTime(claims.at, now)
    if (bodyHash(body) !== claims.sha256)
      throw new FarwatchError('unauthenticated', 'the body is not the one that was signed', {
        hint: 'It was cut off, or a proxy changes what it passes on.',
      })
    return claimed
  }

  #refuseReplayed({ claims }: ClaimedRequest): void {
    if (this.#replays.take(claims.agent, claims.nonce, this.#options.clock.elapsed()) !== 'fresh')
      throw new RefusedPoll('overtaken', 'unauthenticated', 'the message was sent a second time, or there are too many')
  }

  async #polled(request: PairRequest, claimed: ClaimedRequest): Promise<NonNullable<PairAnswer['result']>> {
    const { role, uuid, version, url, ways, heard, protocol = spoken } = this.#options
    const { claims } = claimed
    const encoding = request.headers['content-encoding']
    const poll = readPairPoll(
      await unpack(request.body, encoding === undefined ? undefined : String(encoding), pairLimit),
    )
    const { key, fingerprint } = readPublicKey(poll.publicKey, 'ed25519')
    if (fingerprint !== claimed.key || !verified(claimed, key))
      throw new FarwatchError('unauthenticated', 'the signature is not that of the key that came with it')
    await this.#believeKey(claims.agent, fingerprint)
    this.#refuseReplayed(claimed)
    const agreed = agreedVersion(protocol, poll.protocol)
    if (agreed === undefined)
      throw new RefusedPoll(
        'versions',
        'not-supported',
        `the PRIMARY speaks the versions ${rangeWords(protocol)} of the pair's protocol, the SECONDARY ${rangeWords(poll.protocol)}`,
        {
          hint: 'Upgrade the older side. Versions that follow each other go together.',
        },
      )
    if (poll.role !== 'SECONDARY' || role() !== 'PRIMARY') throw sameRole(role(), poll)
    this.#refuseOvertaken(claims, poll.sequence)
    this.#believed = { fingerprint, key }
    const report = await heard(reportFrom(poll.report), {
      version: poll.version,
      url: poll.url,
      ways: poll.ways,
    })
    const at = { ...(url === undefined ? {} : { url: url() }), ...(ways === undefined ? {} : { ways: ways() }) }
    return { protocol: agreed, uuid, role: 'PRIMARY', version, ...at, report: wireOf(report) }
  }

  async #exchange({ body }: PairRequest, claimed: ClaimedRequest): Promise<Uint8Array> {
    const believed = this.#believed
    const { claims } = claimed
    if (believed === undefined || believed.fingerprint !== claimed.key || this.#latest?.boot !== claims.boot)
      throw new RefusedPoll('poll', 'conflict', 'this server has not been polled with that key since it was started')
    if (!verified(claimed, believed.key))
      throw new FarwatchError('unauthenticated', 'the signature is not that of the SECONDARY')
    this.#refuseReplayed(claimed)
    return this.#options.exchange(body)
  }

  #refuseStranger(uuid: string): void {
    const { peerUuid, role } = this.#options
    if (uuid === this.#options.uuid)
      throw new RefusedPoll('refused', 'conflict', 'the SECONDARY polls itself, or two instances have one UUID', {
        hint: 'Check its peer URL. Where a data directory was copied, start the second instance with one of its own.',
      })
    if (role() === 'PRIMARY' && peerUuid() === uuid) return
    const words =
      role() !== 'PRIMARY'
        ? `this server is not the PRIMARY of a pair (its role is ${role()})`
        : peerUuid() === ''
          ? 'this PRIMARY has no SECONDARY yet'
          : `this PRIMARY has another SECONDARY than ${uuid}`
    throw new RefusedPoll('stranger', 'forbidden', words, {
      hint: `On the PRIMARY set the role to PRIMARY and the peer UUID to ${uuid}, if that is meant.`,
    })
  }

  /** As the link does with agents: ages are compared, and what was signed before this start is refused, since its nonces are forgotten. */
  #refuseWrongTime(at: number, now: number): void {
    const age = now - at
    const sinceStart = this.#options.clock.elapsed() - this.#startedAt
    if (age <= Math.min(windowMs, sinceStart) && age >= -windowMs) return
    throw new RefusedPoll('clock', 'unauthenticated', `the poll is signed for another time, ${Math.round(age)} ms ago`)
  }

  async #believeKey(uuid: string, fingerprint: string): Promise<void> {
    const { peerKey } = this.#options
    // One at a time, or two that come first together would both be believed.
    const believing = this.#pinning.then(async () => {
      const known = peerKey.read()
      if (known === undefined) await peerKey.pin(fingerprint)
      else if (known !== fingerprint)
        throw new RefusedPoll(
          'key',
          'unauthenticated',
          `the SECONDARY ${uuid} was first seen with the key ${known}, and this poll is signed with ${fingerprint}`,
          {
            hint: 'If its key was made anew, set the mode of the PRIMARY to OFF, empty its peer UUID, and set both again. If not, somebody uses the UUID.',
          },
        )
    })
    this.#pinning = believing.catch(() => undefined)
    await believing
  }

  #refuseOvertaken({ boot }: Claims, sequence: number): void {
    const latest = this.#latest
    if (this.#formerBoots.has(boot) || (latest?.boot === boot && sequence <= latest.sequence))
      throw new RefusedPoll('overtaken', 'conflict', 'a later poll of the SECONDARY was here before')
    if (latest !== undefined && latest.boot !== boot) this.#formerBoots.add(latest.boot)
    for (const oldest of this.#formerBoots) {
      if (this.#formerBoots.size <= mostBoots) break
      this.#formerBoots.delete(oldest)
    }
    this.#latest = { boot, sequence }
  }
}

class RefusedPoll extends FarwatchError {
  readonly reason: PairRefusal

  constructor(
    reason: PairRefusal,
    code: ConstructorParameters<typeof FarwatchError>[0],
    message: string,
    about: { readonly hint?: string } = {},
  ) {
    super(code, message, about)
    this.reason = reason
  }
}

const internal = {
  code: 'internal',
  message: 'the poll could not be answered',
  hint: 'The log of the PRIMARY has the details.',
} as const

function sameRole(own: PairRole, { role }: PairPoll): FarwatchError {
  return new RefusedPoll('refused', 'conflict', `the polling side is ${role}, and this one ${own}`, {
    hint: 'A pair has one PRIMARY, which is polled, and one SECONDARY, which polls.',
  })
}

function rangeWords({ min, max }: ProtocolRange): string {
  return min === max ? `${min}` : `${min} to ${max}`
}

async function respond(status: number, answer: PairAnswer): Promise<PairResponse> {
  const { bytes } = await pack(answer, 'identity')
  return { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body: bytes }
}

function bytesOf(body: Uint8Array): PairResponse {
  return { status: 200, headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' }, body }
}
