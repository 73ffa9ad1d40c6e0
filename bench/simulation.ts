/** Simulated agents in processes of their own, so that what the server uses can be told from what they use. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestInstance } from '../test/support/instance.ts'
import { fetchServerCertificate } from '../src/platform/index.ts'
import { treeCpuMs } from './process-tree.ts'
import type { Order, Said } from './simulation-process.ts'
import { emptyTally, type AgentEvent, type Tally } from './simulated-agent.ts'

const processes = 2
/** A server takes 20 unknown agents a second from one address. */
const enrolledPerSecond = 18
/** Three polls fit into the timeout after which an agent counts as lost. */
const holdMs = 5_000

export class Simulation {
  readonly agents: number
  readonly #children: readonly ChildProcess[]
  readonly #events: AgentEvent[] = []
  readonly #listeners = new Set<() => void>()
  #died: Error | undefined

  private constructor(agents: number) {
    this.agents = agents
    this.#children = Array.from({ length: processes }, () => {
      const child = fork(fileURLToPath(new URL('simulation-process.ts', import.meta.url)), {
        // No authorities of the system: reading them takes longer than everything else.
        env: { ...process.env, SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/dev/null' },
        stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
      })
      child.on('message', (said: Said) => {
        if (said.is !== 'events') return
        this.#events.push(...said.events)
        for (const listener of this.#listeners) listener()
      })
      child.once('exit', (code, signal) => {
        this.#died = new Error(`a process of simulated agents ended with ${code ?? signal}`)
        for (const listener of this.#listeners) listener()
      })
      return child
    })
  }

  /**
   * Enrols so many agents with a server, by one token; resolves when all were accepted. @param others of its pair, which they trust and hear of from
   * it; then each acknowledgement is an event
   */
  static async enrol(server: TestInstance, agents: number, others: readonly TestInstance[] = []): Promise<Simulation> {
    const { token } = await server.call('createEnrolmentToken', { body: { uses: agents, expiresIn: '1h' } })
    const fingerprints = await Promise.all([server, ...others].map(({ url }) => fingerprintOf(url)))
    const simulation = new Simulation(agents)
    const indices = Array.from({ length: agents }, (_, i) => i)
    simulation.#children.forEach((child, n) =>
      tell(child, {
        is: 'start',
        indices: indices.filter((index) => index % processes === n),
        url: server.url,
        fingerprints,
        tellsStored: others.length > 0,
        token,
        holdMs,
        perSecond: enrolledPerSecond / processes,
      }),
    )
    try {
      await simulation.until(
        'connected',
        (events) => allOf(agents, agentsOf(events, 'connected').size),
        90_000 + (agents * 1_500) / enrolledPerSecond,
      )
      return simulation
    } catch (thrown) {
      await simulation[Symbol.asyncDispose]()
      throw thrown
    }
  }

  /** What happened since the last `forget`. */
  get events(): readonly AgentEvent[] {
    return this.#events
  }

  forget(): void {
    this.#events.length = 0
  }

  /**
   * @param isSo or how far it is, which the error then says
   * @throws Error where it is not so in time, or a process of agents ended
   */
  until(what: string, isSo: (events: readonly AgentEvent[]) => true | string, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (problem?: Error) => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        if (problem === undefined) resolve()
        else reject(problem)
      }
      const timer = setTimeout(
        () => end(new Error(`simulated agents: not ${what} within ${withinMs} ms: ${isSo(this.#events)}`)),
        withinMs,
      )
      const look = () => {
        if (this.#died !== undefined) end(this.#died)
        else if (isSo(this.#events) === true) end()
      }
      this.#listeners.add(look)
      look()
    })
  }

  /** What was counted since the last call. */
  async tally(): Promise<Tally> {
    const sum = emptyTally()
    for (const child of this.#children) {
      if (this.#died !== undefined) throw this.#died
      tell(child, { is: 'tally' })
      const { uploads, results, uploadMs, pollMs, failed } = await tallyOf(child)
      sum.uploads += uploads
      sum.results += results
      sum.uploadMs.push(...uploadMs)
      sum.pollMs.push(...pollMs)
      for (const [code, count] of Object.entries(failed)) sum.failed[code] = (sum.failed[code] ?? 0) + count
    }
    return sum
  }

  cpuMs(): number {
    return this.#children.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : treeCpuMs(pid)), 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, 'exit')
        tell(child, { is: 'stop' })
        const insist = setTimeout(() => child.kill('SIGKILL'), 10_000)
        await ended
        clearTimeout(insist)
      }),
    )
  }
}

async function fingerprintOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return (await fetchServerCertificate(hostname, Number(port), AbortSignal.timeout(10_000))).fingerprint
}

export function agentsOf(events: readonly AgentEvent[], is: AgentEvent['is']): ReadonlySet<number> {
  return new Set(events.filter((event) => event.is === is).map(({ agent }) => agent))
}

function tell(child: ChildProcess, order: Order): void {
  // One that has ended says so by its exit.
  child.send(order, () => undefined)
}

function tallyOf(child: ChildProcess): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('a process of simulated agents ended'))
    child.once('exit', gone)
    const listen = (said: Said) => {
      if (said.is !== 'tally') return
      child.off('message', listen)
      child.off('exit', gone)
      resolve(said.tally)
    }
    child.on('message', listen)
  })
}

/** For `until`. */
export function allOf(wanted: number, seen: number): true | string {
  return seen === wanted || `${seen} of ${wanted}`
}
