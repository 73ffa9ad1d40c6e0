import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { AnswerOf, BodyOf, OperationName, Operations, ParamsOf, QueryOf } from '../../src/contract/index.ts'
import { operations, type Operation } from '../../src/contract/index.ts'
import { holdPort } from './held-port.ts'
import { descendants } from './launch.ts'

const launcher = fileURLToPath(new URL('../../bin/farwatch', import.meta.url))
export const adminPassword = 'correct horse battery'

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** A Farwatch as its users have it: the launcher's process, its data directory, its API over HTTPS. */
export class TestInstance {
  readonly data: string
  readonly #env: Readonly<Record<string, string>>
  readonly #args: readonly string[]
  readonly #wrap: readonly string[]
  readonly #host: string
  #process: ChildProcess | undefined
  /** Stories ask the same things again and again: a handshake for each question would be most of the work of both sides. */
  #connections = new Agent({ keepAlive: true })
  #log = ''
  #token = ''
  /** While it is away its port is kept: other tests ask the system for ports all the time. */
  #releasePort: () => void = () => undefined
  /** The launcher that `start` starts: another one is another version. */
  program = launcher
  url = ''
  uuid = ''
  role = ''

  private constructor(
    data: string,
    env: Readonly<Record<string, string>>,
    args: readonly string[],
    wrap: readonly string[],
    host: string,
  ) {
    this.data = data
    this.#env = env
    this.#args = args
    this.#wrap = wrap
    this.#host = host
  }

  /**
   * Starts an instance on a free loopback port and a directory of its own, and signs in unless told not to. It has one monitoring process:
   * a story that is about them says how many.
   * `wrap`: a command that runs another, such as `taskset -c 1`; it must take that one's place, not wait for it.
   * `host`: the address it serves, the loopback one unless given.
   */
  static async start(
    options: {
      env?: Record<string, string>
      args?: readonly string[]
      data?: string
      signIn?: boolean
      wrap?: readonly string[]
      host?: string
    } = {},
  ): Promise<TestInstance> {
    const data = options.data ?? (await mkdtemp(join(tmpdir(), 'farwatch-story-')))
    const instance = new TestInstance(
      data,
      { FARWATCH_ADMIN_PASSWORD: adminPassword, FARWATCH_PROCESSES: '1', ...options.env },
      options.args ?? [],
      options.wrap ?? [],
      options.host ?? '127.0.0.1',
    )
    await instance.start()
    if (options.signIn !== false) await instance.signIn()
    return instance
  }

  /** One that somebody else started, not signed in. */
  static at(url: string, data: string): TestInstance {
    const instance = new TestInstance(data, {}, [], [], '127.0.0.1')
    instance.url = url
    return instance
  }

  /** Starts again on the same directory; resolves with the ready line. */
  async start(): Promise<void> {
    const port = this.url === '' ? '0' : new URL(this.url).port
    const command = [...this.#wrap, this.program, 'start', '--data', this.data]
    const child = spawn(command[0]!, [...command.slice(1), '--host', this.#host, '--port', port, ...this.#args], {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    this.#connections.destroy()
    this.#connections = new Agent({ keepAlive: true })
    child.stderr.on('data', (part: Buffer) => {
      this.#log = (this.#log + part.toString('utf8')).slice(-1_000_000)
    })
    const ready = await new Promise<RegExpExecArray>((resolve, reject) => {
      let printed = ''
      child.stdout.on('data', (part: Buffer) => {
        printed += part.toString('utf8')
        const found = /^farwatch ready (\S+) uuid=(\S+) role=(\S+)$/m.exec(printed)
        if (found !== null) resolve(found)
      })
      child.once('exit', (code, signal) =>
        reject(new Error(`the instance ended with ${code ?? signal} before it was ready:\n${this.#log}`)),
      )
    })
    this.#releasePort()
    this.url = ready[1]!
    this.uuid = ready[2]!
    this.role = ready[3]!
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** What it logged so far, as JSON lines. */
  get log(): string {
    return this.#log
  }

  async signIn(username = 'admin', password = adminPassword): Promise<string> {
    const answer = await this.send('POST', '/api/v1/sessions', { username, password }, '')
    if (answer.status !== 200) throw new Error(`sign-in was answered with ${answer.status}: ${answer.body}`)
    this.#token = (JSON.parse(answer.body) as { token: string }).token
    return this.#token
  }

  get token(): string {
    return this.#token
  }

  /** One operation of the contract; throws on an error answer. */
  async call<N extends OperationName>(
    name: N,
    input: { params?: ParamsOf<Operations[N]>; query?: QueryOf<Operations[N]>; body?: BodyOf<Operations[N]> } = {},
  ): Promise<AnswerOf<Operations[N]>> {
    const operation: Operation = operations[name]
    const params = (input.params ?? {}) as Record<string, string>
    const path = operation.path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
    const query = new URLSearchParams(
      Object.entries((input.query ?? {}) as Record<string, unknown>).map(([key, value]): [string, string] => [
        key,
        String(value),
      ]),
    ).toString()
    const answer = await this.send(operation.method, `/api/v1${path}${query === '' ? '' : `?${query}`}`, input.body)
    if (answer.status !== 200) throw new Error(`${name} was answered with ${answer.status}: ${answer.body}`)
    return (operation.isText === true ? answer.body : JSON.parse(answer.body)) as AnswerOf<Operations[N]>
  }

  /** One raw request; answers of any status resolve. */
  send(
    method: string,
    path: string,
    body?: unknown,
    token = this.#token,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> {
    const payload =
      body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const exchange = (connections: Agent | false): Promise<RawAnswer> =>
      new Promise((resolve, reject) => {
        const sent = request(
          new URL(this.url + path),
          {
            method,
            agent: connections,
            rejectUnauthorized: false,
            headers: {
              ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
              ...(payload === undefined
                ? {}
                : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
              ...headers,
            },
          },
          (response) => {
            const parts: Buffer[] = []
            response.on('data', (part: Buffer) => parts.push(part))
            response.once('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body: Buffer.concat(parts).toString('utf8'),
              }),
            )
            response.once('error', reject)
          },
        )
        sent.once('error', (thrown) => {
          // A kept connection that ended just when it was used again says nothing about the instance.
          if (connections !== false && sent.reusedSocket) resolve(exchange(false))
          else reject(thrown)
        })
        sent.end(payload)
      })
    // What changes something has a connection of its own: nobody would know whether it was carried out.
    return exchange(method === 'GET' ? this.#connections : false)
  }

  /** Runs a command of the command line against this instance. */
  cli(
    args: readonly string[],
    input: { stdin?: string; env?: Record<string, string> } = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return runCli([...args], { ...input, env: { FARWATCH_DATA: this.data, ...input.env } })
  }

  /** SIGKILL, as a crash or the kernel would; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
    await this.#holdPort()
  }

  /** Stands still from one moment to the other, with all its processes, as a machine that is suspended does; until `resume`. */
  pause(): void {
    this.#signalAll('SIGSTOP')
  }

  resume(): void {
    this.#signalAll('SIGCONT')
  }

  #signalAll(signal: NodeJS.Signals): void {
    // Parents first: one that runs would take a child that stands still for one that hangs.
    for (const pid of [this.pid, ...descendants(this.pid)]) process.kill(pid, signal)
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    const code = await this.#end('SIGTERM')
    await this.#holdPort()
    return code
  }

  async #holdPort(): Promise<void> {
    this.#releasePort()
    if (this.url !== '') this.#releasePort = await holdPort(this.#host, Number(new URL(this.url).port))
  }

  #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return Promise.resolve(child?.exitCode ?? null)
    return new Promise((resolve) => {
      child.once('exit', (code) => resolve(code))
      child.kill(signal)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL')
    this.#releasePort()
    this.#connections.destroy()
    // Killed, the launcher may be gone a moment before the program is.
    await rm(this.data, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
}

/** What a fresh instance prints where nobody gave it a password: the link by which its first administrator is made. */
export function setUpLink(instance: TestInstance): string {
  const found = /"event":"set-up link","url":"([^"]+)"/.exec(instance.log)
  if (found === null) throw new Error(`No set-up link was printed:\n${instance.log}`)
  return found[1]!
}

/** Runs `farwatch <args>` to its end. */
export function runCli(
  args: readonly string[],
  input: { stdin?: string; env?: Record<string, string> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(launcher, [...args], { env: { ...process.env, ...input.env }, stdio: ['pipe', 'pipe', 'pipe'] })
    const printed = { stdout: '', stderr: '' }
    child.stdout.on('data', (part: Buffer) => (printed.stdout += part.toString('utf8')))
    child.stderr.on('data', (part: Buffer) => (printed.stderr += part.toString('utf8')))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, ...printed }))
    child.stdin.end(input.stdin ?? '')
  })
}

/**
 * Asks again until the answer is as wanted; the wait between is short, and there is a bound after which the last answer is told. A question
 * that takes long is asked less often, so that asking is not what the machine is busy with.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  withinMs = 90_000,
): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const began = performance.now()
    const answer = await ask()
    const tookMs = performance.now() - began
    if (wanted(answer)) return answer
    if (performance.now() > end)
      throw new Error(`${what}: not within ${withinMs} ms; at last: ${JSON.stringify(answer)?.slice(0, 2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, Math.min(500, Math.max(100, 2 * tookMs))))
  }
}

export { stringify as toYaml }
