import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { FarwatchError, errorCatalogue, messageOf, type ErrorCode } from '../base/index.ts'
import type { Direction } from '../failover/index.ts'
import type { UploadAnswer, UploadBatch } from '../model/index.ts'
import { openKey, sealKey } from '../platform/wire/index.ts'
import type { InstanceKeys, InstanceVault } from '../platform/index.ts'
import type {
  MessageVersions,
  PartLag,
  PartState,
  ReplicationFollower,
  ReplicationSource,
} from '../replication/index.ts'

/**
 * What the two servers of a pair tell each other beside who acts: what changed, from the one who acts to the one who follows. The SECONDARY begins
 * every exchange; `ask` and `answer` are the two halves where it follows, `give` and `request` where it acts:
 *
 *   SECONDARY follows   ask(request) ──▶ PRIMARY   ──▶ answer(changes)
 *   SECONDARY acts      give(changes) ─▶ PRIMARY   ──▶ request(what is wanted next)
 *
 * The follower's half of either bears along its sealing key and the name of its key of secrets, and what its own agent has left of the time when
 * it acted; the other half the key of secrets, where the follower has another, and what became of those results.
 *
 *   message   4 bytes, length of the head · head, JSON · what replication says
 *
 * The `format` of both, the head and what replication says, is the version on which the two servers agreed with their polls; what is answered is answered
 * in the format in which it was asked.
 */

const text = (maxLength: number) => Type.String({ maxLength })
const followerHead = {
  /** X25519, SPKI as PEM. */
  sealing: Type.Optional(text(1_000)),
  secrets: Type.Optional(text(100)),
  /** Checked where it is stored, as what comes from any agent is. */
  upload: Type.Optional(Type.Unknown()),
  /** A piece of what it did while both acted (own-work.ts). */
  work: Type.Optional(Type.Unknown()),
}
const activeHead = {
  /** The key of secrets, sealed to the follower. */
  secret: Type.Optional(text(10_000)),
  uploaded: Type.Optional(
    Type.Union([
      Type.Object({ acknowledged: Type.Number(), safe: Type.Number(), pauseMs: Type.Number() }),
      Type.Object({ isKept: Type.Literal(true) }),
      Type.Object({ code: text(100), message: text(4_000) }),
    ]),
  ),
}
const format = Type.Integer()
const headSchema = Type.Union([
  Type.Object({ format, is: Type.Literal('ask'), ...followerHead }),
  Type.Object({ format, is: Type.Literal('answer'), ...activeHead }),
  Type.Object({ format, is: Type.Literal('give'), ...activeHead }),
  Type.Object({ format, is: Type.Literal('request'), more: Type.Boolean(), ...followerHead }),
])
type Head = Static<typeof headSchema>
type FollowerHead = Pick<Extract<Head, { is: 'ask' }>, 'sealing' | 'secrets' | 'upload' | 'work'>
type ActiveHead = Pick<Extract<Head, { is: 'give' }>, 'secret' | 'uploaded'>
const checker = Compile(headSchema)

export interface PairExchangeParts {
  readonly source: ReplicationSource
  readonly follower: ReplicationFollower
  /** Which formats this server understands; the same as source and follower. */
  readonly versions: MessageVersions
  /** The one on which it agreed with the other. Asked on the SECONDARY. */
  readonly agreed: () => number
  readonly vault: InstanceVault
  readonly keys: () => InstanceKeys
  readonly direction: () => Direction
  /** Resolves when this side is what it says it is. */
  readonly carried: () => Promise<void>
  /** What is taken, and what is asked for, goes between other exchanges of the stores. */
  readonly inTurn: <T>(act: () => Promise<T>) => Promise<T>
  /** Before the follower says anything: the stores follow from now on. */
  readonly follow: () => Promise<void>
  /** Something was taken, or given. */
  readonly moved: () => Promise<void>
  /** Results that the other server has for this one, which acts. */
  readonly upload: (batch: UploadBatch) => Promise<UploadAnswer>
  /** What the other server did while both acted. */
  readonly keepWork: (work: unknown) => Promise<void>
}

type Said = Pick<FollowerHead, 'upload' | 'work'>
type Uploaded = NonNullable<ActiveHead['uploaded']>

interface Outgoing {
  readonly said: Said
  readonly resolve: (answer: Exclude<Uploaded, { code: string }>) => void
  readonly reject: (reason: unknown) => void
}

/** Both halves of the exchange, whichever side this is and whoever acts. */
export class PairExchange {
  readonly #parts: PairExchangeParts
  /** What the follower asked for, while this side gives. */
  #asked: Uint8Array = new Uint8Array()
  /** Of the follower, as it was last heard, and what became of its results. */
  #follower: FollowerHead = {}
  #uploaded: Uploaded | undefined
  /** Results of this side's own agent for the side that acts; the first is on its way. */
  readonly #outgoing: Outgoing[] = []
  #notBefore = 0

  constructor(parts: PairExchangeParts) {
    this.#parts = parts
  }

  /** How far each part is: on the side that acts as it knows of the other, else its own. */
  async parts(): Promise<Readonly<Record<string, PartLag | PartState>>> {
    const { source, follower, direction } = this.#parts
    switch (direction()) {
      case 'gives':
        return source.lag()
      case 'takes':
        return follower.states()
      case 'none':
        return {}
    }
  }

  /** Results for the side that acts, which answers them as it answers any agent. @throws FarwatchError as `History.upload` */
  async uploadToActive(batch: UploadBatch): Promise<UploadAnswer> {
    const answer = await this.#say({ upload: batch })
    if ('acknowledged' in answer) return answer
    throw new FarwatchError('bad-request', 'the other server of the pair did not say what became of the results')
  }

  /** A piece of what this side did while both acted. Resolves when the other side has it for good. @throws FarwatchError */
  async giveWork(work: object): Promise<void> {
    await this.#say({ work })
  }

  #say(said: Said): Promise<Exclude<Uploaded, { code: string }>> {
    return new Promise((resolve, reject) => this.#outgoing.push({ said, resolve, reject }))
  }

  /** This side acts, or ends: nobody takes what waits. */
  dropUploads(): void {
    const left = this.#outgoing.splice(0)
    for (const { reject } of left)
      reject(new FarwatchError('unreachable', 'the other server of the pair does not act any more'))
  }

  // --- The SECONDARY begins

  /**
   * One exchange. @param send takes a message to the PRIMARY
   * @returns whether there is more at once @throws FarwatchError as `send`, and what the stores throw
   */
  async round(send: (message: Uint8Array) => Promise<Uint8Array>, elapsed: number): Promise<boolean> {
    const { direction, carried, follower, agreed } = this.#parts
    await carried()
    const format = agreed()
    switch (direction()) {
      case 'none':
        this.#asked = new Uint8Array()
        return false
      case 'takes': {
        if (elapsed < this.#notBefore) return false
        const request = await this.#following(() => follower.request(format))
        const { head, body } = this.#decode(await send(encode({ format, is: 'ask', ...this.#asFollower() }, request)))
        if (head.is !== 'answer') throw unexpected(head)
        const { more, pauseMs } = await this.#take(head, body)
        this.#notBefore = elapsed + pauseMs
        return more || this.#outgoing.length > 0
      }
      case 'gives': {
        const answer = await this.#answer(this.#asked)
        this.#asked = new Uint8Array()
        const { head, body } = this.#decode(
          await send(encode({ format, is: 'give', ...(await this.#asActive()) }, answer)),
        )
        if (head.is !== 'request') throw unexpected(head)
        this.#asked = body
        await this.#heardFollower(head)
        return head.more && body.length > 0
      }
    }
  }

  // --- The PRIMARY answers

  /** @throws FarwatchError `bad-request`, `conflict`, and what the stores throw */
  async answer(message: Uint8Array): Promise<Uint8Array> {
    const { direction, carried, follower } = this.#parts
    const { head, body } = this.#decode(message)
    const { format } = head
    await carried()
    switch (head.is) {
      case 'ask': {
        if (direction() !== 'gives') throw notNow()
        await this.#heardFollower(head)
        const answer = await this.#answer(body)
        return encode({ format, is: 'answer', ...(await this.#asActive()) }, answer)
      }
      case 'give': {
        if (direction() !== 'takes') throw notNow()
        const { more } = await this.#take(head, body)
        const request = await this.#following(() => follower.request(format))
        const asked = more || this.#outgoing.length > 0
        return encode({ format, is: 'request', more: asked, ...this.#asFollower() }, request)
      }
      case 'answer':
      case 'request':
        throw unexpected(head)
    }
  }

  /** @throws FarwatchError `bad-request` */
  #decode(message: Uint8Array): { readonly head: Head; readonly body: Uint8Array } {
    const decoded = decode(message)
    const { min, max } = this.#parts.versions
    const { format } = decoded.head
    if (format >= min && format <= max) return decoded
    throw unreadable(`it has the format ${format}, and this server knows ${min === max ? min : `${min} to ${max}`}`)
  }

  // --- The half of who follows

  /** @throws FarwatchError `conflict` where this side has begun to act meanwhile: then it must not begin to follow any more */
  #following<T>(act: () => Promise<T>): Promise<T> {
    const { inTurn, follow, direction } = this.#parts
    return inTurn(async () => {
      if (direction() !== 'takes') throw notNow()
      await follow()
      return act()
    })
  }

  #asFollower(): FollowerHead {
    const { vault, keys } = this.#parts
    const [first] = this.#outgoing
    return {
      sealing: keys().sealing.publicKey,
      secrets: vault.keyFingerprint,
      ...first?.said,
    }
  }

  async #take({ secret, uploaded }: ActiveHead, body: Uint8Array): Promise<{ more: boolean; pauseMs: number }> {
    const { vault, keys, follower, moved } = this.#parts
    // Before what it opens comes.
    if (secret !== undefined) await vault.adopt(await openKey(secret, keys().sealing.privateKey))
    if (uploaded !== undefined) this.#heardOfUpload(uploaded)
    if (body.length === 0) return { more: true, pauseMs: 0 }
    const taken = await this.#following(() => follower.take(body))
    await moved()
    return taken
  }

  #heardOfUpload(uploaded: Uploaded): void {
    const first = this.#outgoing.shift()
    if ('code' in uploaded) first?.reject(new FarwatchError(knownCode(uploaded.code), uploaded.message))
    else first?.resolve(uploaded)
  }

  // --- The half of who acts

  async #heardFollower(head: FollowerHead): Promise<void> {
    this.#follower = head
    const { upload, keepWork } = this.#parts
    if (head.upload === undefined && head.work === undefined) return
    try {
      if (head.work !== undefined) {
        await keepWork(head.work)
        this.#uploaded = { isKept: true }
        // Checked where it is stored.
      } else this.#uploaded = await upload(head.upload as UploadBatch)
    } catch (thrown) {
      const code = thrown instanceof FarwatchError ? thrown.code : 'internal'
      this.#uploaded = { code, message: messageOf(thrown).slice(0, 4_000) }
    }
  }

  async #asActive(): Promise<ActiveHead> {
    const { vault } = this.#parts
    const { sealing, secrets } = this.#follower
    const uploaded = this.#uploaded
    this.#uploaded = undefined
    const isOther = sealing !== undefined && secrets !== vault.keyFingerprint
    return {
      ...(isOther ? { secret: await sealKey(vault.key(), sealing) } : {}),
      ...(uploaded === undefined ? {} : { uploaded }),
    }
  }

  async #answer(asked: Uint8Array): Promise<Uint8Array> {
    const { source, moved } = this.#parts
    if (asked.length === 0) return asked
    const answer = await source.answer(asked)
    await moved()
    return answer
  }
}

function encode(head: Head, body: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, body])
}

function decode(message: Uint8Array): { readonly head: Head; readonly body: Uint8Array } {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  const length = bytes.length < 4 ? 0 : bytes.readUInt32BE()
  let head: unknown
  try {
    head = JSON.parse(bytes.toString('utf8', 4, 4 + length))
  } catch {
    head = undefined
  }
  if (!checker.Check(head)) throw unreadable('its head is not as it should be')
  return { head, body: bytes.subarray(4 + length) }
}

function unreadable(why: string): FarwatchError {
  return new FarwatchError('bad-request', `an exchange with the other server of the pair cannot be read: ${why}`, {
    hint: 'Check that both servers have versions that go together.',
  })
}

function unexpected({ is }: Head): FarwatchError {
  return new FarwatchError('bad-request', `the other server of the pair said \`${is}\`, which is no answer`)
}

function notNow(): FarwatchError {
  return new FarwatchError('conflict', 'who of the pair acts is being settled', {
    hint: 'It is asked again by itself.',
  })
}

function knownCode(code: string): ErrorCode {
  // Codes of a newer server that this one does not know.
  return Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'internal'
}
