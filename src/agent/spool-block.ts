import { crc32 } from 'node:zlib'
import type { SpoolEntry } from '../model/index.ts'

/**
 * The file format of the spool, version 1, all numbers little-endian.
 *
 *     segment = header block*
 *     header  = "FWSPOOL1" (8 bytes) · spool id (36 bytes of ASCII)
 *     block   = magic u32 · bytes of payload u32 · crc32 u32 · entries u32 · first position f64 · written at f64 · payload
 *     payload = the entries as one JSON array, UTF-8
 *
 * The checksum covers everything behind itself. A block is one write and one sync, so what is torn is the last block of a segment.
 */
const fileMagic = 'FWSPOOL1'
const blockMagic = 0x314b4c42
const idBytes = 36
export const headerBytes = fileMagic.length + idBytes
export const blockHeaderBytes = 32
/** A block is at most this long; a longer length is damage and must not make us allocate it. */
const maxBlockBytes = 256 * 1_048_576

export function encodeHeader(spool: string): Buffer {
  return Buffer.from(fileMagic + spool.padEnd(idBytes).slice(0, idBytes), 'latin1')
}

/** @returns the spool's id, or undefined where this is no segment of a version we know */
export function decodeHeader(bytes: Buffer): string | undefined {
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, fileMagic.length) !== fileMagic) return undefined
  return bytes.toString('latin1', fileMagic.length, headerBytes).trim()
}

export function encodeBlock(first: number, at: number, entries: readonly SpoolEntry[]): Buffer {
  const json = JSON.stringify(entries)
  const length = Buffer.byteLength(json)
  const block = Buffer.allocUnsafe(blockHeaderBytes + length)
  block.writeUInt32LE(blockMagic, 0)
  block.writeUInt32LE(length, 4)
  block.writeUInt32LE(entries.length, 12)
  block.writeDoubleLE(first, 16)
  block.writeDoubleLE(at, 24)
  block.write(json, blockHeaderBytes, 'utf8')
  block.writeUInt32LE(crc32(block.subarray(12)), 8)
  return block
}

export interface BlockPlace {
  /** Where the block begins in its segment. */
  readonly offset: number
  readonly bytes: number
  /** Position of its first entry. */
  readonly first: number
  readonly count: number
  /** Epoch milliseconds at which it was written. */
  readonly at: number
}

/** @returns the block that begins at `offset`, checksum verified, or undefined where there is none */
export function blockAt(segment: Buffer, offset: number): BlockPlace | undefined {
  if (offset + blockHeaderBytes > segment.length || segment.readUInt32LE(offset) !== blockMagic) return undefined
  const length = segment.readUInt32LE(offset + 4)
  const end = offset + blockHeaderBytes + length
  if (length > maxBlockBytes || end > segment.length) return undefined
  if (crc32(segment.subarray(offset + 12, end)) !== segment.readUInt32LE(offset + 8)) return undefined
  return {
    offset,
    bytes: end - offset,
    first: segment.readDoubleLE(offset + 16),
    count: segment.readUInt32LE(offset + 12),
    at: segment.readDoubleLE(offset + 24),
  }
}

/** The next whole block at or after `offset`, past whatever is damaged. */
export function findBlock(segment: Buffer, offset: number): BlockPlace | undefined {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(blockMagic)
  for (let from = segment.indexOf(magic, offset); from !== -1; from = segment.indexOf(magic, from + 1)) {
    const block = blockAt(segment, from)
    if (block !== undefined) return block
  }
  return undefined
}

/** The entries of a block whose checksum was verified, so that they are what was written. */
export function entriesOf(segment: Buffer, block: BlockPlace): SpoolEntry[] {
  return JSON.parse(
    segment.toString('utf8', block.offset + blockHeaderBytes, block.offset + block.bytes),
  ) as SpoolEntry[]
}
