import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const launcher = fileURLToPath(new URL('../../bin/farwatch', import.meta.url))

/** One run of `farwatch` with exactly the words and variables given; disposed of, it is killed with all it started. */
export class Launched implements AsyncDisposable {
  readonly pid: number
  /** The exit code, or the signal it died of. */
  readonly ended: Promise<number | string>
  stdout = ''
  stderr = ''
  readonly #kill: (signal: NodeJS.Signals) => void
  readonly #waiting = new Set<() => void>()
  #isOver = false

  constructor(args: readonly string[], env: Record<string, string | undefined> = {}) {
    const child = spawn(launcher, [...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.pid = child.pid ?? 0
    this.#kill = (signal) => void child.kill(signal)
    child.stdout.on('data', (part: Buffer) => this.#heard(() => (this.stdout += part.toString('utf8'))))
    child.stderr.on('data', (part: Buffer) => this.#heard(() => (this.stderr += part.toString('utf8'))))
    this.ended = new Promise((resolve) =>
      child.once('close', (code, signal) => {
        this.#heard(() => (this.#isOver = true))
        resolve(code ?? signal ?? -1)
      }),
    )
  }

  /** Resolves with what `find` finds in what was printed. @throws Error where it ends before */
  printed<T>(find: (said: { stdout: string; stderr: string }) => T | null | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find(this)
        if (found === null || found === undefined) {
          if (!this.#isOver) return
          reject(new Error(`it ended before it said so:\n${this.stdout}\n${this.stderr}`))
        } else resolve(found)
        this.#waiting.delete(look)
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** Resolves with the URL of the ready line. */
  async ready(): Promise<string> {
    return (await this.printed(({ stdout }) => /^farwatch ready (\S+) /m.exec(stdout)))[1]!
  }

  signal(name: NodeJS.Signals): void {
    this.#kill(name)
  }

  #heard(happen: () => void): void {
    happen()
    for (const look of this.#waiting) look()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#kill('SIGKILL')
    await this.ended
  }
}

/** A directory that goes with the test. */
export async function scratchDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'farwatch-story-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }),
  }
}

/** All processes below one, as Linux knows them. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = facts(Number(name))?.parent
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const below = (of: number): number[] => (children.get(of) ?? []).flatMap((child) => [child, ...below(child)])
  return below(pid)
}

/** Those of some processes that still run. One that ended and waits for its parent to notice is not among them: see `zombies`. */
export function stillThere(pids: readonly number[]): number[] {
  return pids.filter((pid) => (facts(pid)?.state ?? 'Z') !== 'Z')
}

/** Those of some processes that ended and that nobody cleared away. */
export function zombies(pids: readonly number[]): number[] {
  return pids.filter((pid) => facts(pid)?.state === 'Z')
}

function facts(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    // The name stands in brackets and may hold anything; state and parent follow the last one.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { state: state!, parent: Number(parent) }
  } catch {
    return undefined
  }
}
