import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { TestInstance, runCli, until } from './instance.ts'

/** A server that watches nothing itself, and agents of it that were accepted by a token and are online. */
export interface Fleet extends AsyncDisposable {
  readonly server: TestInstance
  /** In the order of the names that were asked for. */
  readonly agents: readonly TestInstance[]
  /** Starts one more. */
  join(options: JoinOptions): Promise<TestInstance>
}

export interface JoinOptions {
  readonly name: string
  /** The server as this agent is to reach it, where it is not by its own URL. */
  readonly serverUrl?: string
  readonly env?: Readonly<Record<string, string>>
  /** False for one that is not to be accepted by itself. */
  readonly token?: boolean
  /** False where what it meets at `serverUrl` is not the server's certificate. */
  readonly trust?: false
  readonly wrap?: readonly string[]
  /** The address that it serves itself. */
  readonly host?: string
  /** False where nobody out here can reach it. */
  readonly signIn?: boolean
}

/** One monitoring process each: stories look at what happens, and a machine runs several instances at once. */
const small = { FARWATCH_PROCESSES: '1' }

/** The shortest there is, so that stories about lost agents are short. */
export const offlineTimeoutMs = 5_000

export interface FleetOptions {
  readonly agents: readonly (string | JoinOptions)[]
  /** Where each agent is to reach the server, for lines that can be cut. */
  readonly serverUrl?: (server: TestInstance, name: string) => string | Promise<string>
  readonly serverEnv?: Readonly<Record<string, string>>
  /** The address that the server serves, and then has a certificate for. */
  readonly host?: string
}

/** Starts a server and agents, the agents side by side. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const stack = new AsyncDisposableStack()
  try {
    return await start(options, stack)
  } catch (thrown) {
    await stack.disposeAsync()
    throw thrown
  }
}

async function start(options: FleetOptions, stack: AsyncDisposableStack): Promise<Fleet> {
  const server = stack.use(
    await TestInstance.start({
      ...(options.host === undefined ? {} : { host: options.host }),
      env: { ...small, FARWATCH_ROLE: 'server', FARWATCH_NAME: 'central', ...options.serverEnv },
    }),
  )
  await server.call('changeSettings', { body: { offlineTimeoutMs } })
  if (options.host !== undefined)
    await server.call('generateCertificate', { body: { names: [options.host, 'localhost'] } })
  const fingerprint = await fingerprintAt(server.url)
  const given = options.agents.map((agent) => (typeof agent === 'string' ? { name: agent } : agent))
  const { token } = await server.call('createEnrolmentToken', { body: { expiresIn: '10m', uses: 100 } })

  const join = async (wanted: JoinOptions): Promise<TestInstance> => {
    const { name, wrap, host } = wanted
    const data = await scratchData()
    const serverUrl = wanted.serverUrl ?? (await options.serverUrl?.(server, name)) ?? server.url
    try {
      if (wanted.trust !== false) await trust(server.url, fingerprint, data)
      return stack.use(
        await TestInstance.start({
          data,
          env: {
            ...small,
            FARWATCH_ROLE: 'agent',
            FARWATCH_NAME: name,
            FARWATCH_SERVER: serverUrl,
            ...(wanted.token === false ? {} : { FARWATCH_ENROLMENT_TOKEN: token }),
            ...wanted.env,
          },
          ...(wrap === undefined ? {} : { wrap }),
          ...(host === undefined ? {} : { host }),
          ...(wanted.signIn === undefined ? {} : { signIn: wanted.signIn }),
        }),
      )
    } catch (thrown) {
      await rm(data, { recursive: true, force: true })
      throw thrown
    }
  }
  // All of them, also where one fails: what has been started is on the stack then.
  const started = await Promise.allSettled(given.map(join))
  const agents = started.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
  await online(
    server,
    given.filter(({ token }) => token !== false).map(({ name }) => name),
  )
  return { server, agents, join, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Waits until these agents are accepted and in touch. */
export async function online(server: TestInstance, names: readonly string[]): Promise<void> {
  await until(
    `${names.join(', ')} online`,
    async () =>
      (await server.call('listAgents')).map(({ name, registration, runtime }) => ({ name, registration, runtime })),
    (all) =>
      names.every((name) =>
        all.some((one) => one.name === name && one.registration === 'ACCEPTED' && one.runtime === 'ONLINE'),
      ),
  )
}

/** Trusts a server by its fingerprint in a data directory, by the command that people use. */
export async function trust(url: string, fingerprint: string, data: string): Promise<void> {
  const done = await runCli(['trust', url, '--fingerprint', fingerprint, '--yes', '--data', data])
  if (done.code !== 0) throw new Error(`trust ended with ${done.code}: ${done.stderr}`)
}

/** SHA-256 of the certificate that is shown to a new connection. */
export function fingerprintAt(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      resolve(fingerprint256)
    })
    socket.once('error', reject)
  })
}

export function scratchData(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'farwatch-agent-'))
}
