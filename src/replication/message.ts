import { promisify } from 'node:util'
import { gunzip, gunzipSync, gzip, gzipSync } from 'node:zlib'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { FarwatchError } from '../base/index.ts'
import type { Change } from '../platform/index.ts'

/**
 * What the two servers of a pair say to each other about what is replicated. The standby asks, the active one answers.
 *
 *   version (1 byte) · packed with gzip: length of the head (4 bytes) · head as JSON · bodies, one after the other
 *
 * In the head a body stands as its size. Members that are not known are passed over, so that neighbouring versions understand each other. A request is
 * made in the version on which the two servers agreed, and answered in the one in which it was made.
 */
export interface MessageVersions {
  readonly min: number
  readonly max: number
}

/** Where nobody says which versions there are. */
export const firstVersion: MessageVersions = { min: 1, max: 1 }

/** Of a message once it is unpacked; the bodies of an answer are bounded by those who make it, with room for one large change. */
export const mostMessageBytes = 64 * 2 ** 20

/** What is no larger is packed at once: most messages are, and handing them to another thread takes longer than packing them. */
const smallBytes = 65_536
const sampleBytes = 16_384
/** How much another thread hands back at once: by 16 KiB, as zlib does unless told, a busy machine passes a megabyte back and forth 64 times. */
const stepBytes = 2 ** 20

const text = Type.String({ maxLength: 10_000 })
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const point = Type.Object({ line: text, position: count, checksum: text })

const requestHead = Type.Object({
  parts: Type.Record(
    text,
    Type.Union([
      /** Everything up to here is durable. `waits`: what comes next is not understood, and why. */
      Type.Object({ is: Type.Literal('follows'), point, waits: Type.Optional(text) }),
      Type.Object({ is: Type.Literal('copies'), copy: text, cursor: text }),
      Type.Object({ is: Type.Literal('needs a copy'), why: text }),
    ]),
  ),
})
export type ReplicationRequest = Static<typeof requestHead>

const answerHead = Type.Object({
  /** The active server's time. */
  now: count,
  /** What comes before it in the result log no consumer needs. */
  released: count,
  parts: Type.Record(
    text,
    Type.Union([
      Type.Object({
        is: Type.Literal('changes'),
        changes: Type.Array(Type.Object({ position: count, at: count, size: count, checksum: text })),
        /** Where the active server was when the answer was made. */
        newest: count,
      }),
      /** `version`: of what the copy has, see PartSource. */
      Type.Object({
        is: Type.Literal('chunk'),
        copy: text,
        next: text,
        size: count,
        version: Type.Optional(count),
      }),
      Type.Object({ is: Type.Literal('end'), copy: text }),
      /** The copy goes on after a pause, so that the active server has time for its work. */
      Type.Object({ is: Type.Literal('pause'), ms: count }),
      Type.Object({ is: Type.Literal('copy needed'), why: text }),
    ]),
  ),
})

export type PartAnswer =
  | { readonly is: 'changes'; readonly changes: readonly Change[]; readonly newest: number }
  | {
      readonly is: 'chunk'
      readonly copy: string
      readonly next: string
      readonly body: Uint8Array
      readonly version?: number
    }
  | { readonly is: 'end'; readonly copy: string }
  | { readonly is: 'pause'; readonly ms: number }
  | { readonly is: 'copy needed'; readonly why: string }

export interface ReplicationAnswer {
  readonly now: number
  readonly released: number
  readonly parts: Readonly<Record<string, PartAnswer>>
}

type AnswerHead = Static<typeof answerHead>

const requestChecker = Compile(requestHead)
const answerChecker = Compile(answerHead)
const isRequest = (head: unknown): head is ReplicationRequest => requestChecker.Check(head)
const isAnswer = (head: unknown): head is AnswerHead => answerChecker.Check(head)

export function encodeRequest(request: ReplicationRequest, version = firstVersion.min): Promise<Uint8Array> {
  return pack(version, request, [])
}

/** @throws FarwatchError `bad-request` */
export async function decodeRequest(
  message: Uint8Array,
  versions = firstVersion,
): Promise<{ readonly request: ReplicationRequest; readonly version: number }> {
  const { head, version } = await unpack(message, versions, isRequest)
  return { request: head, version }
}

export function encodeAnswer(
  { now, released, parts }: ReplicationAnswer,
  version = firstVersion.min,
): Promise<Uint8Array> {
  const bodies: Uint8Array[] = []
  const sizeOf = (body: Uint8Array) => {
    bodies.push(body)
    return body.length
  }
  const heads = Object.entries(parts).map(([name, part]): [string, AnswerHead['parts'][string]] => {
    switch (part.is) {
      case 'changes':
        return [
          name,
          { ...part, changes: part.changes.map(({ body, ...change }) => ({ ...change, size: sizeOf(body) })) },
        ]
      case 'chunk': {
        const { body, ...chunk } = part
        return [name, { ...chunk, size: sizeOf(body) }]
      }
      case 'end':
      case 'pause':
      case 'copy needed':
        return [name, part]
    }
  })
  return pack(version, { now, released, parts: Object.fromEntries(heads) } satisfies AnswerHead, bodies)
}

/** @throws FarwatchError `bad-request` */
export async function decodeAnswer(message: Uint8Array, versions = firstVersion): Promise<ReplicationAnswer> {
  const { head, rest } = await unpack(message, versions, isAnswer)
  let at = 0
  const body = (size: number) => {
    if (at + size > rest.length) throw malformed('it ends too early')
    return rest.subarray(at, (at += size))
  }
  const parts = Object.entries(head.parts).map(([name, part]): [string, PartAnswer] => {
    switch (part.is) {
      case 'changes':
        return [
          name,
          { ...part, changes: part.changes.map(({ size, ...change }) => ({ ...change, body: body(size) })) },
        ]
      case 'chunk': {
        const { size, ...chunk } = part
        return [name, { ...chunk, body: body(size) }]
      }
      case 'end':
      case 'pause':
      case 'copy needed':
        return [name, part]
    }
  })
  return { now: head.now, released: head.released, parts: Object.fromEntries(parts) }
}

async function pack(version: number, head: object, bodies: readonly Uint8Array[]): Promise<Uint8Array> {
  const json = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  const plain = Buffer.concat([length, json, ...bodies])
  const isSmall = plain.length <= smallBytes
  // Statements shrink to a tenth at any level.
  const packed = isSmall
    ? gzipSync(plain, { level: 1 })
    : await promisify(gzip)(plain, { level: levelFor(plain), chunkSize: stepBytes })
  return Buffer.concat([Uint8Array.of(version), packed])
}

/**
 * Rows of the history are packed already: to try it again takes 48 ms a megabyte, three times of what all else of a copy takes (measured), and
 * gains nothing. A sample from the middle tells.
 */
function levelFor(plain: Buffer): 0 | 1 {
  const from = Math.floor(plain.length / 2)
  const sample = plain.subarray(from, from + sampleBytes)
  return gzipSync(sample, { level: 1 }).length > 0.9 * sample.length ? 0 : 1
}

async function unpack<T>(
  message: Uint8Array,
  { min, max }: MessageVersions,
  isHead: (head: unknown) => head is T,
): Promise<{ head: T; rest: Uint8Array; version: number }> {
  const version = message[0]
  if (version === undefined || version < min || version > max) throw malformed(`it has version ${version}`)
  let plain: Buffer
  try {
    const packed = message.subarray(1)
    plain =
      packed.length <= smallBytes
        ? gunzipSync(packed, { maxOutputLength: mostMessageBytes })
        : await promisify(gunzip)(packed, { maxOutputLength: mostMessageBytes, chunkSize: stepBytes })
  } catch (thrown) {
    throw malformed('it cannot be unpacked', thrown)
  }
  if (plain.length < 4) throw malformed('it is empty')
  const length = plain.readUInt32BE()
  let head: unknown
  try {
    head = JSON.parse(plain.toString('utf8', 4, 4 + length))
  } catch (thrown) {
    throw malformed('its head is no JSON', thrown)
  }
  if (!isHead(head)) throw malformed('its head is not as it should be')
  return { head, rest: plain.subarray(4 + length), version }
}

function malformed(why: string, cause?: unknown): FarwatchError {
  return new FarwatchError('bad-request', `a message of the other server of the pair cannot be read: ${why}`, {
    hint: 'Check that both servers have versions that go together.',
    ...(cause === undefined ? {} : { cause }),
  })
}
