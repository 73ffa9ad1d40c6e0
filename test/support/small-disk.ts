import { execFileSync } from 'node:child_process'
import { rmSync, statfsSync } from 'node:fs'
import { appendFile, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes in memory, for what happens when a disk is full or may not be written. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Whether this user may mount one. */
  static async isPossible(): Promise<boolean> {
    try {
      await using _ = await SmallDisk.mount(1)
      return true
    } catch {
      return false
    }
  }

  static async mount(mebibytes: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'farwatch-disk-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path], { stdio: 'pipe' })
    } catch (thrown) {
      await rm(path, { recursive: true })
      throw thrown
    }
    return new SmallDisk(path)
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  /** Leaves no byte. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'a')
    try {
      for (const bytes of [1_048_576, 65_536, 4_096]) {
        for (;;) {
          const part = Buffer.alloc(bytes)
          try {
            await file.appendFile(part)
          } catch {
            break
          }
        }
      }
    } finally {
      await file.close()
    }
    // What was given back meanwhile is taken as well.
    while (this.freeBytes > 0) await appendFile(this.#filler, Buffer.alloc(4_096)).catch(() => undefined)
  }

  free(): void {
    rmSync(this.#filler, { force: true })
  }

  /** Only while nobody has a file of it open for writing. */
  makeReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.path], { stdio: 'pipe' })
  }

  makeWritable(): void {
    execFileSync('mount', ['-o', 'remount,rw', this.path], { stdio: 'pipe' })
  }

  get #filler(): string {
    return join(this.path, 'filler')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: a process that still holds a file of it must not keep it in sight.
    execFileSync('umount', ['-l', this.path], { stdio: 'pipe' })
    await rm(this.path, { recursive: true, force: true })
  }
}
