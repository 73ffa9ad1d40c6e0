import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Below what Linux gives away by itself (from 32768 on): a port that was asked for is bound by its server seconds later, and by then somebody who
// asked for any might have it. Each worker of the tests has a range of its own, and begins anywhere in it, for others test on this machine as well.
const firstPort = 16_384
const portsEach = 2_048
const workers = 6
const ownPorts = firstPort + portsEach * (Number(process.env['VITEST_POOL_ID'] ?? process.pid) % workers)
let portsGiven = Math.floor(Math.random() * portsEach)

/** A port of this machine that nobody listens on, by TCP or UDP, and that nobody else is given. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < portsEach; tries++) {
    const port = ownPorts + (portsGiven++ % portsEach)
    if ((await isFree(port, 'tcp')) && (await isFree(port, 'udp'))) return port
  }
  throw new Error(`every port from ${ownPorts} to ${ownPorts + portsEach - 1} is taken`)
}

async function isFree(port: number, protocol: 'tcp' | 'udp'): Promise<boolean> {
  const holder =
    protocol === 'tcp' ? createServer().listen(port, '127.0.0.1') : createSocket('udp4').bind(port, '127.0.0.1')
  const isOurs = await once(holder, 'listening').then(
    () => true,
    () => false,
  )
  if (!isOurs) return false
  const closed = once(holder, 'close')
  holder.close()
  await closed
  return true
}

/** A directory of one's own, and how to get rid of it. */
export async function scratch(name: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `farwatch-${name}-`))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }) }
}

export interface Running {
  readonly child: ChildProcess
  /** What it printed so far, for the message of a test that fails. */
  output(): string
  /** Asks it to end, insists after twenty seconds, and waits until it has. May be called twice. */
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
      const insist = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(insist)
    },
  }
}

/** Waits until somebody accepts connections, or the program that should has ended. */
export async function listening(port: number, by: Running, host = '127.0.0.1', patienceMs = 60_000): Promise<void> {
  const until = Date.now() + patienceMs
  for (;;) {
    throwIfEnded(by)
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

/** Throws where a program is gone that somebody waits for, or could not be started at all. */
export function throwIfEnded({ child, output }: Running): void {
  // Why it could not be started is said a moment later.
  const isGone = child.pid === undefined ? output() !== '' : child.exitCode !== null || child.signalCode !== null
  if (!isGone) return
  throw new Error(`it ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}: ${output()}`)
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
