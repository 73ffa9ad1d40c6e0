import { messageOf } from '../base/index.ts'
import type { Settings } from '../platform/index.ts'
import { startLocalAgent, startRemoteAgent, type AgentRole } from './agent-role.ts'
import type { Machine } from './machine.ts'
import { ServerRole, type ServerView } from './server-role.ts'

/** What runs at the moment. Another object after every change. */
export interface RunningRoles {
  readonly server: ServerView | undefined
  readonly agent: AgentRole | undefined
}

export type Role = Settings['role']

/** What an agent is started with depends on who its server is: the same for both kinds of agent it is not. */
type Kind = 'none' | 'local' | 'remote'

/**
 * The roles of an instance, and their change while it runs: what the new role has as well goes on, the rest ends, then what is missing
 * begins. Changes wait for each other; of several that wait only the last counts.
 */
export class Roles {
  readonly #machine: Machine
  readonly #portalUrl: () => string
  #running: RunningRoles = { server: undefined, agent: undefined }
  #kind: Kind = 'none'
  #server: ServerRole | undefined
  #wanted: Role | undefined
  #changing: Promise<void> = Promise.resolve()

  constructor(machine: Machine, portalUrl: () => string) {
    this.#machine = machine
    this.#portalUrl = portalUrl
  }

  get running(): RunningRoles {
    return this.#running
  }

  /** Resolves when the role is in force. @throws FarwatchError where it cannot be; what could be started runs */
  become(role: Role): Promise<void> {
    this.#wanted = role
    const change = this.#changing
      .catch(() => undefined)
      .then(async () => {
        if (this.#wanted !== role) return
        await this.#change(role)
      })
    this.#changing = change
    return change
  }

  /** Resolves when what is shown of a server that does not act is not much older than what is stored. */
  async fresh(): Promise<void> {
    await this.#server?.fresh()
  }

  /** What the environment says of failover is so from now on. @throws FarwatchError as `ServerRole.takeGiven` */
  async takeGiven(): Promise<void> {
    await this.#server?.takeGiven()
  }

  /** Resolves when no change is under way. @throws as `become`, of the last one */
  settled(): Promise<void> {
    return this.#changing
  }

  async stop(): Promise<void> {
    this.#wanted = undefined
    await this.#changing.catch(() => undefined)
    await this.#endAgent()
    await this.#endServer()
  }

  async #change(role: Role): Promise<void> {
    const { log } = this.#machine
    const hasServer = role !== 'agent'
    const kind: Kind = role === 'server' ? 'none' : role === 'agent' ? 'remote' : 'local'
    if (kind !== this.#kind) await this.#endAgent()
    if (!hasServer) await this.#endServer()
    if (hasServer && this.#server === undefined) {
      this.#server = await ServerRole.open(this.#machine, this.#portalUrl, () => this.#showServer())
      this.#showServer()
    }
    if (kind !== this.#kind) await this.#startAgent(kind)
    if (kind === 'none') this.#server?.begin(undefined)
    log.info('role in force', { role })
  }

  /** Of a server that is still being opened nothing is shown yet. */
  #showServer(): void {
    if (this.#server !== undefined) this.#running = { ...this.#running, server: this.#server.view }
  }

  async #startAgent(kind: Kind): Promise<void> {
    const server = this.#server
    switch (kind) {
      case 'none':
        break
      case 'remote':
        this.#running = { ...this.#running, agent: await startRemoteAgent(this.#machine) }
        break
      case 'local': {
        if (server === undefined) throw new Error('an agent of a server in the same process needs that server')
        const agent = await startLocalAgent(this.#machine, server.localLink())
        server.begin({
          status: () => agent.agent.status(),
          report: agent.report,
          runNow: (task) => agent.agent.runNow(task),
          check: (order) => agent.agent.check(order),
          reach: agent.reach,
          discover: agent.discover,
        })
        agent.agent.on((event) => {
          if (event.event === 'spool unwritable') server.view.health.stored('spool', event.message)
          if (event.event === 'spool writable') server.view.health.stored('spool', undefined)
        })
        this.#running = { ...this.#running, agent }
        break
      }
    }
    this.#kind = kind
  }

  async #endAgent(): Promise<void> {
    const { agent } = this.#running
    this.#kind = 'none'
    if (agent === undefined) return
    // Results of its end still count; only then is its work anybody else's.
    await agent.stop().catch((thrown: unknown) => this.#notEnded('agent', thrown))
    this.#server?.leave()
    this.#running = { ...this.#running, agent: undefined }
  }

  async #endServer(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#running = { ...this.#running, server: undefined }
    await server.stop().catch((thrown: unknown) => this.#notEnded('server', thrown))
  }

  #notEnded(what: string, thrown: unknown): void {
    this.#machine.log.error('role not ended in order', { what, problem: messageOf(thrown) })
  }
}
