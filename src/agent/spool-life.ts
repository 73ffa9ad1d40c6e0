import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk } from '../platform/index.ts'

/** The agent's last sign of life, and how far its spool had come. */
export interface Life {
  /** Server time, epoch milliseconds. */
  readonly at: number
  readonly next: number
  readonly acknowledged: number
  readonly safe: number
}

export interface LifeFile {
  /** Overwrites the older of two records. Never throws: a sign that cannot be written only makes the next gap longer. */
  write(life: Life): void
  close(): void
}

const recordBytes = 128
const fileName = 'life'

/**
 * The sign of life is written every second and never synced: a killed process leaves it to the kernel, and after a power cut an older
 * one makes the gap records reach further back, over slots that are filled already. Two records in turn, so that a torn one does not count.
 */
export async function openLife(disk: Disk, directory: string): Promise<LifeFile> {
  const last = await readRecords(disk, directory)
  const file = disk.openRecords(join(directory, fileName))
  let turn = last.length
  return {
    write(life) {
      const record = Buffer.alloc(recordBytes, ' ')
      record.write(JSON.stringify([life.at, life.next, life.acknowledged, life.safe]), 8)
      record.write(crc32(record.subarray(8)).toString(16).padStart(8, '0'), 0)
      try {
        file.write(record, (turn++ % 2) * recordBytes)
      } catch {
        // See above.
      }
    },
    close: () => file.close(),
  }
}

/** @returns the newest sign of life, or undefined where there is none that can be read */
export async function readLife(disk: Disk, directory: string): Promise<Life | undefined> {
  const records = await readRecords(disk, directory)
  // The clock may have been set back between the two, positions only grow.
  return records.sort((a, b) => a.next - b.next || a.acknowledged - b.acknowledged || a.at - b.at).at(-1)
}

async function readRecords(disk: Disk, directory: string): Promise<Life[]> {
  const bytes = await disk.read(join(directory, fileName)).catch(() => Buffer.alloc(0))
  const records: Life[] = []
  for (let offset = 0; offset + recordBytes <= bytes.length; offset += recordBytes) {
    const record = bytes.subarray(offset, offset + recordBytes)
    if (crc32(record.subarray(8)).toString(16).padStart(8, '0') !== record.toString('latin1', 0, 8)) continue
    const [at, next, acknowledged, safe] = JSON.parse(record.toString('latin1', 8)) as number[]
    if (at !== undefined && next !== undefined && acknowledged !== undefined && safe !== undefined)
      records.push({ at, next, acknowledged, safe })
  }
  return records
}
