import { FarwatchError, iso, isoOrNull, parseDuration, suggest, type Clock } from '../../base/index.ts'
import type { Agent, EnrolmentToken } from '../../contract/index.ts'
import type { AgentState } from '../../distribution/index.ts'
import type { AgentEntry, EnrolmentToken as StoredToken } from '../../link/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { machineFacts, type Keystore } from '../../platform/index.ts'
import { enrolmentCommand, enrolmentWarning } from '../enrolment-command.ts'
import type { FleetQuestions, SeenAgent } from '../questions.ts'
import { demand, visibleGroups, type Caller, type Handlers } from '../route.ts'

type Names =
  | 'listAgents'
  | 'showAgent'
  | 'acceptAgent'
  | 'rejectAgent'
  | 'liftAgent'
  | 'renameAgent'
  | 'activateAgent'
  | 'deactivateAgent'
  | 'drainAgent'
  | 'undrainAgent'
  | 'rekeyAgent'
  | 'removeAgent'
  | 'showAgentLogs'
  | 'createEnrolmentToken'
  | 'listEnrolmentTokens'
  | 'removeEnrolmentToken'

export interface AgentParts {
  readonly fleet: FleetQuestions
  readonly clock: Clock
  readonly keystore: Pick<Keystore, 'own'>
  readonly inventory: Pick<Inventory, 'record' | 'renameAgent' | 'systems'>
  /** This instance's own, which are those of its agent. */
  readonly own: () => { readonly version: string; readonly fingerprint: string; readonly startedAt: number }
}

const defaultTokenMs = 600_000
const defaultLogBytes = 1024 ** 2

/** The agents of a server: who they are, how they are, and what an administrator makes of them. */
export function agentHandlers(parts: AgentParts): Handlers<Names> {
  const { fleet, clock } = parts
  const { registry, distribution } = fleet

  function agents(caller: Caller): Agent[] {
    const states = new Map(distribution.agents().map((state) => [state.id, state]))
    const entries = new Map(registry.agents().map((entry) => [entry.id, entry]))
    const groups = visibleGroups(caller)
    return [...new Set([...states.keys(), ...entries.keys()])]
      .map((id) => shownAgent(describe(id, entries.get(id), states.get(id)), fleet.seen(id), groups))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
  }

  function describe(id: string, entry: AgentEntry | undefined, state: AgentState | undefined): Described {
    if (entry === undefined && id === fleet.localId) {
      const { version, fingerprint, startedAt } = parts.own()
      const nobody = unplaced(id, 'local', clock.now())
      return {
        ...(state ?? nobody),
        name: 'local',
        local: true,
        version,
        fingerprint,
        announcedName: 'local',
        firstSeenAt: startedAt,
      }
    }
    // Of the other server of a pair, which acts: this one knows what is stored of it.
    if (entry === undefined && state?.local === true)
      return { ...state, version: '', fingerprint: '', announcedName: state.name, firstSeenAt: state.since }
    if (entry === undefined) throw noAgent(id, [])
    return {
      ...(state ?? unplaced(id, entry.name, entry.saidHelloAt)),
      ...entry,
      local: false,
      admin: entry.isOn ? 'ON' : 'OFF',
      lastSeenAt: state?.lastSeenAt ?? entry.saidHelloAt,
    }
  }

  function agent(caller: Caller, id: string): Agent {
    const all = agents(caller)
    const found = all.find((one) => one.id === id)
    if (found !== undefined) return found
    throw noAgent(
      id,
      all.map((one) => one.id),
    )
  }

  /** Where only what the registry knows can be meant. */
  function remote(caller: Caller, id: string, what: string): void {
    demand(caller, 'admin', null)
    if (id === fleet.localId)
      throw new FarwatchError('conflict', `the server's own agent cannot be ${what}`, {
        hint: 'It goes with the role: PUT /instance with { "roles": { "server": true, "agent": false } }. Which groups it runs is said by associations.',
      })
    if (registry.agent(id) === undefined) agent(caller, id)
  }

  async function changed(caller: Caller, id: string, what: string, change: () => Promise<unknown>): Promise<Agent> {
    remote(caller, id, what)
    await change()
    return agent(caller, id)
  }

  /** How people call a connector. */
  function placeOf(connectorId: string): string {
    for (const { group, name, connectors } of parts.inventory.systems())
      for (const { id, name: connector } of connectors) if (id === connectorId) return `${group}/${name}/${connector}`
    return connectorId
  }

  const recorded = (caller: Caller, action: string, name: string) =>
    parts.inventory.record({ who: caller.username, action, what: `agent ${name}` })

  return {
    listAgents: ({ caller }) => agents(caller),
    showAgent: ({ caller, params }) => agent(caller, params.id),
    acceptAgent: ({ caller, params: { id }, body }) =>
      changed(caller, id, 'accepted', () => registry.accept(id, caller.username, body.name)),
    rejectAgent: ({ caller, params: { id } }) =>
      changed(caller, id, 'rejected', () => registry.reject(id, caller.username)),
    liftAgent: async ({ caller, params: { id } }) => {
      remote(caller, id, 'rejected')
      await registry.lift(id, caller.username)
      return { done: true }
    },
    renameAgent: ({ caller, params: { id }, body }) =>
      changed(caller, id, 'renamed', async () => {
        const before = registry.agent(id)?.name
        await registry.rename(id, caller.username, body.name)
        // Associations and pins go by names. Where this fails the agent is renamed all the same, and its groups say who is missing.
        if (before !== undefined && before !== body.name)
          await parts.inventory.renameAgent(before, body.name, { author: caller.username })
      }),
    activateAgent: ({ caller, params: { id } }) =>
      changed(caller, id, 'switched on or off', () => registry.setOn(id, caller.username, true)),
    deactivateAgent: ({ caller, params: { id } }) =>
      changed(caller, id, 'switched on or off', () => registry.setOn(id, caller.username, false)),
    drainAgent: async ({ caller, params: { id }, signal }) => {
      demand(caller, 'admin', null)
      const { name, runtime } = agent(caller, id)
      if (runtime === 'OFFLINE')
        throw new FarwatchError('conflict', `${name} is not there: it has nothing that could be moved in order`, {
          hint: 'What it ran has moved, or moves, as that of a lost agent.',
        })
      await recorded(caller, 'drain begun', name)
      // The signal ends the waiting and not the drain.
      const end = await distribution.drain(id, signal)
      switch (end.is) {
        case 'drained':
          return { drained: true }
        case 'stuck':
          throw new FarwatchError(
            'conflict',
            `${end.connectors.length} connector${end.connectors.length === 1 ? '' : 's'} of ${name} cannot move to another agent`,
            {
              hint: 'The drain goes on: they move as soon as they can. `undrain` takes it back.',
              problems: end.connectors
                .map(({ connector, reason }) => ({ path: placeOf(connector), message: reason }))
                .sort((a, b) => a.path.localeCompare(b.path)),
            },
          )
        case 'ended':
          throw new FarwatchError('conflict', `the drain of ${name} ended before it was done`, {
            hint: 'It was taken back, or the agent fell silent or was removed meanwhile.',
          })
      }
    },
    undrainAgent: async ({ caller, params: { id } }) => {
      demand(caller, 'admin', null)
      const { name } = agent(caller, id)
      distribution.endDrain(id)
      await recorded(caller, 'drain ended', name)
      return agent(caller, id)
    },
    rekeyAgent: ({ caller, params: { id } }) => changed(caller, id, 'given another key', () => fleet.rekey(id)),
    removeAgent: async ({ caller, params: { id } }) => {
      remote(caller, id, 'removed')
      await registry.remove(id, caller.username)
      return { done: true }
    },
    showAgentLogs: ({ caller, params: { id }, query, signal }) => {
      demand(caller, 'admin', null)
      agent(caller, id)
      return (write) => fleet.logs(id, query.maxBytes ?? defaultLogBytes, write, signal)
    },
    createEnrolmentToken: async ({ caller, body, host }) => {
      demand(caller, 'admin', null)
      const expiresInMs = body.expiresIn === undefined ? defaultTokenMs : parseDuration(body.expiresIn)
      if (expiresInMs === undefined)
        throw new FarwatchError('bad-request', `expiresIn: ${JSON.stringify(body.expiresIn)} is not a duration`, {
          hint: 'For example: 10m, 1h, 7d',
        })
      const { note, uses = 1 } = body
      const made = await registry.createToken(caller.username, {
        expiresInMs,
        uses,
        ...(note === undefined ? {} : { note }),
      })
      const certificate = parts.keystore.own()
      return {
        ...shownToken(made),
        token: made.token,
        command: enrolmentCommand({ host, certificate, token: made.token, hostname: machineFacts().hostname }),
        warning: enrolmentWarning(certificate) ?? null,
      }
    },
    listEnrolmentTokens: ({ caller }) => {
      demand(caller, 'admin', null)
      const at = clock.now()
      return registry
        .tokens()
        .filter(({ expiresAt }) => expiresAt > at)
        .map(shownToken)
    },
    removeEnrolmentToken: async ({ caller, params: { id } }) => {
      demand(caller, 'admin', null)
      await registry.removeToken(id, caller.username)
      return { done: true }
    },
  }
}

/** What registry and distribution know of an agent, together. */
type Described = AgentState & {
  readonly version: string
  readonly fingerprint: string
  readonly announcedName: string
  readonly address?: string
  readonly firstSeenAt: number
  readonly decidedAt?: number | null
  readonly decidedBy?: string | null
}

/** An agent that the distribution has not been told of yet. */
function unplaced(id: string, name: string, since: number): AgentState {
  return {
    id,
    name,
    local: false,
    registration: 'PENDING',
    admin: 'ON',
    runtime: 'OFFLINE',
    drain: 'none',
    since,
    lastSeenAt: undefined,
    groups: [],
    connectors: 0,
    load: 0,
    capacity: 0,
  }
}

/** @param visible the groups that the asker sees; undefined for all. Of the agents of others there are name and state only. */
function shownAgent(agent: Described, seen: SeenAgent | undefined, visible: readonly string[] | undefined): Agent {
  const groups = agent.groups.filter((group) => visible === undefined || visible.includes(group))
  const isSeen = visible === undefined || groups.length > 0
  const status = isSeen ? seen?.status : undefined
  const machine = isSeen ? seen?.machine : undefined
  return {
    id: agent.id,
    name: agent.name,
    announcedName: agent.announcedName,
    local: agent.local,
    registration: agent.registration,
    admin: agent.admin,
    runtime: agent.runtime,
    drain: agent.drain,
    fingerprint: agent.fingerprint,
    version: agent.version,
    protocol: seen?.protocol ?? null,
    address: (isSeen ? agent.address : undefined) ?? null,
    hostname: machine?.hostname ?? null,
    platform: machine?.platform ?? null,
    groups,
    connectors: agent.connectors,
    tasks: status?.tasks ?? null,
    running: status?.running ?? null,
    waiting: status?.waiting ?? null,
    load: agent.load,
    capacity: agent.capacity,
    cpu: status?.cpu ?? null,
    memory: status === undefined ? null : whole(status.memory),
    disk: status === undefined ? null : whole(status.disk),
    spool:
      status === undefined
        ? null
        : {
            entries: status.spool.entries,
            bytes: Math.round(status.spool.bytes),
            oldestAt: isoOrNull(status.spool.oldestAt),
          },
    clock: status === undefined ? null : { offsetMs: status.clock.offsetMs, rttMs: status.clock.rttMs },
    sendMs: status?.sendMs ?? null,
    isolated: status?.isolated ?? null,
    lacks: [...(seen?.lacks ?? [])],
    firstSeenAt: iso(agent.firstSeenAt),
    since: iso(agent.since),
    lastSeenAt: isoOrNull(agent.lastSeenAt),
    decidedAt: isoOrNull(agent.decidedAt),
    decidedBy: agent.decidedBy ?? null,
  }
}

/** Bytes, which agents may report as any number. */
function whole<T extends Readonly<Record<string, number>>>(sizes: T): { [K in keyof T]: number } {
  return Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, Math.round(bytes)])) as T
}

function shownToken({ id, note, createdBy, createdAt, expiresAt, uses, usesLeft }: StoredToken): EnrolmentToken {
  return { id, note, createdBy, createdAt: iso(createdAt), expiresAt: iso(expiresAt), uses, usesLeft }
}

function noAgent(id: string, known: readonly string[]): FarwatchError {
  return new FarwatchError('not-found', `no agent has the id ${JSON.stringify(id)}`, {
    hint: suggest(id, known) || 'GET /agents lists them.',
  })
}
