import { fork, spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { siblingModule } from './sibling-module.ts'
import { systemClock } from './system-clock.ts'

/** Tells a child whose child it is: where we are gone before it looks, its parent is another one already. */
const parentVariable = 'FARWATCH_PARENT_PROCESS'

/** Tells a child that its life is joined to its parent's from outside. */
const guardedVariable = 'FARWATCH_GUARDED'

const shell = '/bin/sh'

/**
 * Ends a child's process group when this process is gone, also where the child is blocked for good and hears of nothing: a shell that waits for the
 * end of a pipe of which we hold the other end. A thread of the child that looks took 13 MiB of every monitoring process, this takes 0.2 of its own.
 * @returns ends it; the child is then ended by whoever started it
 */
function guard(child: number): () => void {
  const waiting = spawn(shell, ['-c', 'read -r _; kill -s KILL -- "-$1"', 'sh', String(child)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A terminal's Ctrl-C is not for it.
    detached: true,
    env: {},
  })
  // Without it only a blocked orphan lives longer.
  waiting.on('error', () => undefined)
  waiting.stdin.on('error', () => undefined)
  waiting.unref()
  return () => void waiting.kill('SIGKILL')
}

/** How a child process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** How long what a process had sent may take to be read once it has ended; somebody else may hold its channel open. */
const lastWordsMs = 500

/** A child process of our own program, joined by a message channel. */
export interface ChildProcess {
  /** Undefined where it could not even be started; `onEnd` is then called soon. */
  readonly pid: number | undefined
  /** Never throws: a message to a process that is gone is gone with it, and `onEnd` tells. */
  send(message: unknown): void
  /** Resident memory in bytes as the kernel counts it; undefined where the machine does not tell. */
  residentBytes(): number | undefined
  /** Ends it and every program it started, at once and unasked. May be called again. */
  kill(): void
}

/**
 * Starts a module of this program as a process of its own, in a process group of its own. It gets the environment without our
 * own settings (one of them may be a password) and without NODE_OPTIONS (a debugger port can be taken once only).
 * `onOutput` gets what it writes to stdout and stderr; `onEnd` is called exactly once.
 */
export function forkProcess(
  module: URL,
  options: { execArgv: readonly string[]; args?: readonly string[] },
  listen: {
    onMessage(message: unknown): void
    onOutput(text: string): void
    onEnd(end: ProcessEnd): void
  },
): ChildProcess {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('FARWATCH_') && name !== 'NODE_OPTIONS'),
  )
  const isGuarded = process.platform !== 'win32' && existsSync(shell)
  const child = fork(fileURLToPath(module), [...(options.args ?? [])], {
    execArgv: [...options.execArgv],
    env: { ...env, [isGuarded ? guardedVariable : parentVariable]: String(process.pid) },
    detached: true,
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const endGuard = isGuarded && child.pid !== undefined ? guard(child.pid) : () => undefined
  let ended = false
  const end = (how: ProcessEnd) => {
    if (ended) return
    ended = true
    endGuard()
    // Programs it started and left behind are still in its group.
    if (child.pid !== undefined) signalGroup(child.pid)
    listen.onEnd(how)
  }
  child.on('message', (message) => listen.onMessage(message))
  child.on('error', () => {
    // A failed send is also told here; only a process that never began has no `exit` to come.
    if (child.pid === undefined) end({ code: null, signal: null })
  })
  child.on('exit', (code, signal) => {
    const how = { code, signal }
    if (!child.connected) return end(how)
    // What it said last is read first: that it was ready, or what its end was about.
    const cancel = systemClock.after(lastWordsMs, () => end(how))
    child.once('disconnect', () => {
      cancel()
      end(how)
    })
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8')
    stream?.on('data', (text: string) => listen.onOutput(text))
    stream?.on('error', () => undefined)
  }
  return {
    pid: child.pid,
    send(message) {
      if (!ended && child.connected) child.send(message as object, () => undefined)
    },
    residentBytes: () => (child.pid === undefined || ended ? undefined : residentBytesOf(child.pid)),
    kill() {
      if (child.pid === undefined || ended) return
      const others = descendantsOf(child.pid)
      signalGroup(child.pid)
      child.kill('SIGKILL')
      // Those that made themselves a group of their own are not reached by ours.
      for (const pid of others) {
        signalGroup(pid)
        signalOne(pid)
      }
    },
  }
}

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it, which is what was wanted; Windows has no groups.
  }
}

function signalOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

function residentBytesOf(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found === null ? undefined : Number(found[1]) * 1024
  } catch {
    return undefined
  }
}

/** Every process below one, as Linux tells it; elsewhere none. Bounded, for a process may start others without end. */
function descendantsOf(pid: number): number[] {
  const found: number[] = []
  const look = [pid]
  for (let next = look.pop(); next !== undefined && found.length < 10_000; next = look.pop()) {
    try {
      for (const thread of readdirSync(`/proc/${next}/task`)) {
        const children = readFileSync(`/proc/${next}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean)
        for (const child of children) {
          found.push(Number(child))
          look.push(Number(child))
        }
      }
    } catch {
      // It ended meanwhile, or the kernel does not tell.
    }
  }
  return found
}

/** The other end of `forkProcess`, inside of the child. */
export interface ParentProcess {
  /** Resolves once the message has left this process. */
  send(message: unknown): Promise<void>
  onMessage(listener: (message: unknown) => void): void
  /** Called for an error that nobody caught; the process ends after it at the latest. */
  onUncaught(listener: (thrown: unknown) => void): void
  /** Resident memory of this process in bytes. */
  residentBytes(): number
  end(code: number): never
}

/**
 * Joins this process to the one that forked it, and its life to that one's: it ends when the parent does.
 * @throws Error where this process was not forked
 */
export function parentProcess(): ParentProcess {
  if (process.send === undefined) throw new Error('this module is started by Farwatch itself, with a message channel')
  const endAll = () => {
    signalGroup(process.pid)
    process.exit(0)
  }
  process.on('disconnect', endAll)
  // The parent may have gone while this program was loaded; no event tells of that any more.
  if (!process.connected) endAll()
  // A terminal's Ctrl-C and a service manager's SIGTERM are for the parent, which ends its children in order.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (process.connected) process.send!(message, undefined, undefined, () => resolve())
        else resolve()
      }),
    onMessage: (listener) => void process.on('message', listener),
    onUncaught(listener) {
      process.on('uncaughtException', listener)
    },
    residentBytes: () => process.memoryUsage.rss(),
    end: (code) => process.exit(code),
  }
}

/**
 * Ends this process group when the parent is gone, also where the main thread is blocked for good and hears of nothing: where no shell does
 * (`guard`), a thread looks once a second.
 */
export function watchParent(): void {
  if (process.env[guardedVariable] !== undefined) return
  // Not through worker.ts: what the thread imports, it loads.
  const thread = siblingModule(import.meta.url, 'parent-watch')
  // Errors of this thread would be uncaught ones of the process; without it only a blocked orphan lives longer.
  new Worker(thread, { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 } })
    .on('error', () => undefined)
    .unref()
}

/** What the thread of `watchParent` does. */
export function endWithParent(everyMs: number): void {
  const parent = Number(process.env[parentVariable])
  setInterval(() => {
    if (process.ppid === parent && isAlive(parent)) return
    signalGroup(process.pid)
    signalOne(process.pid)
  }, everyMs)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    // Not ours to signal, yet there.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM'
  }
}
