import type { AgentStatus } from '../../agent/index.ts'
import type { Alarms } from '../../alarms/index.ts'
import { FarwatchError, type Clock } from '../../base/index.ts'
import type { Instance, Status } from '../../contract/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { worstSeverity } from '../../model/index.ts'
import type { LiveSettings, Logs } from '../../platform/index.ts'
import type { HistoryQuestions } from '../questions.ts'
import { demand, visibleGroups, type Handlers } from '../route.ts'
import { iso, isoOrNull } from '../shape.ts'
import { sumCoverage } from './monitoring-handlers.ts'

type Names =
  | 'showInstance'
  | 'changeInstance'
  | 'showSettings'
  | 'changeSettings'
  | 'listAgents'
  | 'showStatus'
  | 'listLogs'
  | 'agentStatistics'

/** What the history says of itself. */
export interface HistoryState {
  readonly series: number
  readonly samplesPerSecond: number
  readonly diskBytes: number
}

export interface InstanceParts {
  readonly describe: () => Omit<Instance, 'proxy' | 'roleGivenBy'>
  readonly settings: LiveSettings
  readonly logs: Logs
  readonly inventory: Inventory
  readonly alarms: Alarms
  readonly history: HistoryQuestions & { facts(): Promise<HistoryState> }
  readonly agent: () => AgentStatus
  readonly agentCounts: () => {
    readonly runs: number
    readonly failed: number
    readonly skipped: number
    readonly killed: number
    readonly uploads: number
  }
  readonly clock: Clock
  readonly freeBytes: () => Promise<number | null>
  readonly isWritable: () => boolean
  readonly loopP99Ms: () => number
  readonly rssBytes: () => number
  readonly upMs: () => number
}

const dayMs = 86_400_000

/** Who this instance is, its settings and logs, and how it is doing. */
export function instanceHandlers(parts: InstanceParts): Handlers<Names> {
  const { settings, logs, inventory, alarms, history, clock } = parts
  const values = () => Object.fromEntries(settings.shown().map(({ name, value }) => [name, value]))
  const described = (): Instance => {
    const role = settings.shown().find(({ name }) => name === 'role')
    return { ...parts.describe(), proxy: null, roleGivenBy: role?.overruledBy ?? null }
  }
  return {
    showInstance: () => described(),
    changeInstance: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      if (body.roles !== undefined && !(body.roles.server && body.roles.agent)) {
        throw new FarwatchError('not-supported', 'this version runs as server and agent in one', {
          hint: 'Leave roles out, or set both.',
        })
      }
      const changes = {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.servers === undefined ? {} : { servers: body.servers }),
      }
      await change(caller.username, changes)
      return described()
    },
    showSettings: ({ caller, query }) => {
      demand(caller, 'viewer', null)
      return query.details === true ? settings.shown().map(({ value, ...rest }) => ({ ...rest, value })) : values()
    },
    changeSettings: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      await change(caller.username, body)
      return values()
    },
    listAgents: ({ caller }) => {
      const { uuid, version, fingerprint } = parts.describe()
      const { tasks, running, waiting, spool } = parts.agent()
      const groups = inventory
        .groups(visibleGroups(caller))
        .filter(({ name }) => inventory.coverageState(name).state === 'covered')
      const nowAt = iso(clock.now())
      return [
        {
          id: uuid,
          name: 'local',
          announcedName: 'local',
          local: true,
          registration: 'ACCEPTED' as const,
          admin: 'ON' as const,
          runtime: 'ONLINE' as const,
          drain: 'none' as const,
          fingerprint,
          version,
          protocol: null,
          address: null,
          hostname: null,
          platform: null,
          groups: groups.map(({ name }) => name),
          connectors: groups.reduce(
            (sum, group) => sum + group.systems.reduce((count, { connectors }) => count + connectors.length, 0),
            0,
          ),
          tasks,
          running,
          waiting,
          load: 0,
          capacity: 0,
          cpu: null,
          memory: null,
          disk: null,
          spool: { entries: spool.entries, bytes: spool.bytes, oldestAt: isoOrNull(spool.oldestAt) },
          clock: null,
          sendMs: null,
          isolated: null,
          lacks: [],
          firstSeenAt: null,
          since: parts.describe().startedAt,
          lastSeenAt: nowAt,
          decidedAt: null,
          decidedBy: null,
        },
      ]
    },
    showStatus: async ({ caller }): Promise<Status> => {
      const groups = visibleGroups(caller)
      const tasks = inventory.tasks({ groups })
      const to = clock.now()
      const from = to - dayMs
      const [coverage, facts, freeBytes] = await Promise.all([
        history.coverage({ tasks: tasks.map(({ id }) => id), from, to }),
        history.facts(),
        parts.freeBytes(),
      ])
      const open = alarms.open().filter(({ group }) => groups === undefined || groups.includes(group))
      return {
        instance: described(),
        // A server alone is active in its first term; terms move with a failover pair.
        term: 1,
        agents: { online: 1, offline: 0, draining: 0, pending: 0, rejected: 0, off: 0 },
        tasks: tasks.length,
        systems: inventory.systems({ groups }).length,
        coverage: { from: iso(from), to: iso(to), ...sumCoverage(coverage) },
        alarms: alarms.counts(groups === undefined ? undefined : new Set(groups)),
        worst: worstSeverity(open.map(({ severity }) => severity)),
        storage: {
          bytes: facts.diskBytes,
          freeBytes,
          series: facts.series,
          samplesPerSecond: facts.samplesPerSecond,
          writable: parts.isWritable(),
        },
        process: { rssBytes: parts.rssBytes(), uptimeMs: parts.upMs(), eventLoopP99Ms: parts.loopP99Ms() },
      }
    },
    listLogs: ({ caller, query }) => {
      demand(caller, 'admin', null)
      const lines =
        query.level === undefined ? logs.recent() : logs.recent().filter(({ level }) => level === query.level)
      return lines
        .slice(-(query.limit ?? 200))
        .map(({ at, level, event, fields }) => ({ at: iso(at), level, event, fields: { ...fields } }))
    },
    agentStatistics: () => {
      const { running, waiting, spool } = parts.agent()
      return [
        {
          agent: 'local',
          ...parts.agentCounts(),
          running,
          waiting,
          spoolEntries: spool.entries,
          spoolBytes: spool.bytes,
        },
      ]
    },
  }

  async function change(by: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
    const before = values()
    const changed = await settings.change(changes)
    if (changed.length === 0) return
    const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map((name) => [name, from[name]]))
    await inventory.record({
      who: by,
      action: 'settings changed',
      what: changed.join(', '),
      before: pick(before),
      after: pick(values()),
    })
  }
}
