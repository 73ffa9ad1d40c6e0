import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A port of this machine that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A directory of one's own, and how to get rid of it. */
export async function scratch(name: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `farwatch-${name}-`))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

export interface Running {
  readonly child: ChildProcess
  /** What it printed so far, for the message of a test that fails. */
  output(): string
  /** Asks it to end, insists after five seconds, and waits until it has. May be called twice. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a program of the test's own. Stopped by its id, never by its name. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {},
): Running {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)))
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      output += error.message
      resolve()
    })
  })
  return {
    child,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill(signal)
      const insist = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(insist)
    },
  }
}

/** Waits until somebody accepts connections, or the program that should has ended. */
export async function listening(port: number, by: Running, host = '127.0.0.1', patienceMs = 20_000): Promise<void> {
  const until = Date.now() + patienceMs
  for (;;) {
    if (by.child.exitCode !== null) throw new Error(`it ended with ${by.child.exitCode}: ${by.output()}`)
    const reached = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host })
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (reached) return
    if (Date.now() > until) throw new Error(`nothing listens on port ${port}: ${by.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}

/** Waits until a server serves at a port. @returns how it is ended and its directory removed, which is done where it never serves */
export async function serving(
  server: Running,
  port: number,
  directory: { remove(): Promise<void> },
): Promise<() => Promise<void>> {
  const stop = async () => {
    await server.stop()
    await directory.remove()
  }
  try {
    await listening(port, server)
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return stop
}
