import { createWriteStream, type WriteStream } from 'node:fs'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateDirectory } from '../files.ts'

/**
 * Log files of bounded size and age: `farwatch-<UTC time of its first line>.log`, JSON lines.
 *
 * A line is handed to the file's stream and written by the thread pool. Where the disk is slower than the log, lines beyond a bound are dropped
 * and counted rather than kept in memory; where it fails, logging to stderr goes on and files are tried again a minute later.
 */
export interface LogFiles {
  write(line: string): void
  /** The newest whole lines that fit, oldest first, in pieces; what is still waiting to be written is not among them. */
  newest(maxBytes: number, onText: (text: string) => void | Promise<void>): Promise<void>
  /** New bounds; the present file is finished where it is beyond them. */
  setBounds(bounds: LogBounds): void
  /** Writes out what is waiting. */
  close(): Promise<void>
}

export interface LogBounds {
  readonly maxBytes: number
  readonly retentionMs: number
}

// A sixteenth of the room for one file: old lines leave in small steps. At most 16 MiB, so that an editor opens it.
const fileShare = 1 / 16
const largestFile = 16 * 1024 ** 2
const smallestFile = 64 * 1024
const maxWaitingBytes = 8 * 1024 ** 2
// A full disk is asked again once a minute, not once a line.
const retryAfterMs = 60_000
const namePattern = /^farwatch-\d{8}T\d{9}Z(-\d+)?\.log$/

export async function openLogFiles(
  directory: string,
  options: LogBounds & { now: () => number; onProblem: (thrown: unknown) => void },
): Promise<LogFiles> {
  await makePrivateDirectory(directory)
  let bounds: LogBounds = options
  let file: WriteStream | undefined
  let written = 0
  let sequence = 0
  let dropped = 0
  let retryAt = 0
  // One pruning after another; each is short.
  let pruning: Promise<void> = Promise.resolve()
  const pruneInTurn = () => {
    pruning = pruning.then(() => prune(directory, bounds, options.now())).catch(options.onProblem)
  }
  pruneInTurn()
  const ending = new Set<Promise<void>>()

  function begin(): WriteStream {
    const stamp = new Date(options.now()).toISOString().replace(/[-:.]/g, '')
    const path = join(directory, sequence === 0 ? `farwatch-${stamp}.log` : `farwatch-${stamp}-${sequence}.log`)
    sequence++
    const made = createWriteStream(path, { flags: 'a', mode: 0o600 })
    made.on('error', (thrown) => {
      options.onProblem(thrown)
      retryAt = options.now() + retryAfterMs
      if (file === made) file = undefined
    })
    written = 0
    pruneInTurn()
    return made
  }

  function finish(): void {
    const finished = file
    file = undefined
    if (finished === undefined || finished.destroyed) return
    const ended = new Promise<void>((done) => {
      finished.once('close', () => {
        ending.delete(ended)
        // When it was begun, what was written before it may not have been on the disk yet, and was not counted.
        pruneInTurn()
        done()
      })
    })
    ending.add(ended)
    finished.end()
  }

  function fileLimit(): number {
    return Math.min(largestFile, Math.max(smallestFile, bounds.maxBytes * fileShare))
  }

  let closed: Promise<void> | undefined
  return {
    write(line) {
      if (closed !== undefined || options.now() < retryAt) return
      if (file !== undefined && written >= fileLimit()) finish()
      file ??= begin()
      if (file.writableLength > maxWaitingBytes) {
        dropped++
        return
      }
      if (dropped > 0) {
        file.write(`${JSON.stringify({ level: 'warn', event: 'log lines dropped', count: dropped })}\n`)
        dropped = 0
      }
      written += Buffer.byteLength(line)
      file.write(line)
    },
    newest: (maxBytes, onText) => readNewest(directory, maxBytes, onText),
    setBounds(next) {
      bounds = next
      pruneInTurn()
    },
    close() {
      closed ??= (async () => {
        finish()
        await Promise.all(ending)
        await pruning
      })()
      return closed
    },
  }
}

const pieceBytes = 64 * 1024

async function readNewest(
  directory: string,
  maxBytes: number,
  onText: (text: string) => void | Promise<void>,
): Promise<void> {
  const files: { readonly path: string; readonly from: number }[] = []
  let left = maxBytes
  for (const path of (await ownFiles(directory)).reverse()) {
    if (left <= 0) break
    const { size } = await stat(path)
    files.unshift({ path, from: Math.max(0, size - left) })
    left -= size
  }
  for (const { path, from } of files) {
    const file = await open(path)
    try {
      // Where it begins amid a line, that line is left out: the byte before tells.
      let isCut = from > 0
      const start = from > 0 ? from - 1 : 0
      const decoder = new TextDecoder()
      for await (const chunk of file.createReadStream({ start, highWaterMark: pieceBytes, autoClose: false })) {
        let bytes = chunk as Buffer
        if (isCut) {
          const end = bytes.indexOf(10)
          if (end < 0) continue
          isCut = false
          bytes = bytes.subarray(end + 1)
        }
        const text = decoder.decode(bytes, { stream: true })
        if (text !== '') await onText(text)
      }
    } finally {
      await file.close()
    }
  }
}

/** Paths, oldest first. */
async function ownFiles(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => namePattern.test(name)).sort()
  return names.map((name) => join(directory, name))
}

/** Removes the oldest files until what is left is within the bounds. The newest file always stays. */
async function prune(directory: string, bounds: LogBounds, now: number): Promise<void> {
  let total = 0
  for (const [index, path] of (await ownFiles(directory)).reverse().entries()) {
    const facts = await stat(path)
    total += facts.size
    if (index > 0 && (total > bounds.maxBytes || now - facts.mtimeMs > bounds.retentionMs))
      await rm(path, { force: true })
  }
}
