import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { FarwatchError, systemCodeOf } from '../../base/index.ts'

/** How bodies are packed, the best first. A Farwatch always reads both; a runtime without zstd would only offer the other. */
export const encodings = ['zstd', 'gzip'] as const
export type Encoding = (typeof encodings)[number]

/**
 * A body of so many bytes is packed and unpacked at once. Asking a thread to do it takes 300 us of CPU more than the 30 to 70 us of doing it with
 * one of 7 kB, and most of that on the thread that asks.
 */
const atOnce = 32_768

// Larger ones elsewhere: done on the main thread they held the event loop up to 93 ms.
const zstd = promisify<Buffer, { pledgedSrcSize: number }, Buffer>(zstdCompress)
const packers: Readonly<Record<Encoding, (plain: Buffer) => Promise<Buffer>>> = {
  // Told how much there is it takes no more memory than that needs: a third of the time for a body of 3 kB or 30.
  zstd: async (plain) =>
    plain.length <= atOnce
      ? zstdCompressSync(plain, { pledgedSrcSize: plain.length })
      : zstd(plain, { pledgedSrcSize: plain.length }),
  gzip: promisify<Buffer, Buffer>(gzip),
}
type Unpack = (packed: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>
const unzstd = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zstdDecompress)
const unpackers: Readonly<Record<Encoding, Unpack>> = {
  async zstd(packed, { maxOutputLength }) {
    if (maxOutputLength > atOnce && packed.length <= atOnce)
      try {
        return zstdDecompressSync(packed, { maxOutputLength: atOnce })
      } catch (thrown) {
        // It is more than it looks like.
        if (systemCodeOf(thrown) !== 'ERR_BUFFER_TOO_LARGE') throw thrown
      }
    return unzstd(packed, { maxOutputLength })
  },
  gzip: promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip),
}

/**
 * Whatever its size, packing a body takes some 150 us of processor time on either side (2 cores, loaded), which is more than all else about a
 * poll; below this it saves hardly a packet.
 */
const worthPacking = 2_000

export interface Packed {
  readonly bytes: Buffer
  readonly encoding: Encoding | 'identity'
}

export async function pack(value: unknown, encoding: Encoding | 'identity'): Promise<Packed> {
  const plain = Buffer.from(JSON.stringify(value))
  if (encoding === 'identity' || plain.length < worthPacking) return { bytes: plain, encoding: 'identity' }
  return { bytes: await packers[encoding](plain), encoding }
}

/**
 * Reads a packed JSON body.
 * @param limit how many bytes it may be once it is unpacked: a few kilobytes can unpack to gigabytes
 * @throws FarwatchError `too-large`, `bad-request`
 */
export async function unpack(bytes: Uint8Array, encoding: string | undefined, limit: number): Promise<unknown> {
  const plain = await unpacked(bytes, encoding?.trim().toLowerCase() ?? 'identity', limit)
  if (plain.length > limit) throw tooLarge(limit)
  try {
    return JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.length).toString('utf8'))
  } catch {
    throw new FarwatchError('bad-request', 'the body is not JSON')
  }
}

async function unpacked(bytes: Uint8Array, encoding: string, limit: number): Promise<Uint8Array> {
  if (encoding === 'identity' || encoding === '') return bytes
  if (encoding !== 'zstd' && encoding !== 'gzip')
    throw new FarwatchError('bad-request', `the body is packed with ${encoding.slice(0, 40)}`, {
      hint: `Known: ${encodings.join(', ')}.`,
    })
  try {
    return await unpackers[encoding](bytes, { maxOutputLength: limit })
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit)
    throw new FarwatchError('bad-request', `the body is not what ${encoding} packs`, { cause: thrown })
  }
}

function tooLarge(limit: number): FarwatchError {
  return new FarwatchError('too-large', `the body is larger than ${limit} bytes`)
}

/** The best of what the other side reads, as its `accept-encoding` says. */
export function acceptedEncoding(header: string | readonly string[] | undefined): Encoding | 'identity' {
  const accepted = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
  return (
    encodings.find((encoding) => accepted.some((part) => part === encoding || part.startsWith(`${encoding};`))) ??
    'identity'
  )
}
