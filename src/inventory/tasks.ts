import { pathId } from '../base/index.ts'
import type { Rule } from '../model/index.ts'
import type { Breathe, Pieces } from '../platform/index.ts'
import {
  isSame,
  sorted,
  type Configuration,
  type Connector,
  type Group,
  type Profile,
  type ProfileMonitor,
  type System,
} from './configuration.ts'

/** A task: one monitor of one profile on one connector, with everything that others ask of it. Immutable. */
export interface TaskEntry {
  /** Derived from the names of group, system, connector, profile and monitor: the same on every server and after every restart. */
  readonly id: string
  readonly group: string
  readonly system: string
  readonly systemId: string
  readonly connector: string
  readonly connectorId: string
  readonly profile: string
  /** Id in the monitor library. */
  readonly monitor: string
  /** The monitor's name within its profile. */
  readonly name: string
  readonly periodMs: number
  readonly timeoutMs: number
  /** As `collect` sees them: checked, defaults applied. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly rules: readonly Rule[]
  /** The tags of the system. */
  readonly tags: Readonly<Record<string, string>>
}

export interface ConnectorEntry {
  readonly id: string
  readonly name: string
  readonly type: string
  /** As the connector's code sees them. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Name of the credential within the group. */
  readonly credential: string | undefined
  /** Name of the only agent that may run it. */
  readonly pin: string | undefined
  readonly tasks: readonly TaskEntry[]
}

export interface SystemEntry {
  readonly id: string
  readonly group: string
  readonly name: string
  readonly type: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  readonly connectors: readonly ConnectorEntry[]
  readonly tasks: readonly TaskEntry[]
}

export interface GroupEntry {
  readonly name: string
  readonly description: string
  readonly whenCutOff: 'available' | 'exclusive'
  readonly ownCommands: 'refused' | 'allowed'
  readonly systems: readonly SystemEntry[]
  readonly tasks: number
}

/** What follows from a configuration, in the order of names. Made anew for each revision, out of the parts that are still true. */
export interface View {
  readonly groups: ReadonlyMap<string, GroupEntry>
  readonly systems: ReadonlyMap<string, SystemEntry>
  readonly tasks: ReadonlyMap<string, TaskEntry>
  /** What each entry was made of, to see whether it still holds. */
  readonly origins: ReadonlyMap<string, Origin>
}

interface Origin {
  readonly ownCommands: Group['ownCommands']
  readonly system: System
  readonly profiles: readonly (Profile | undefined)[]
}

export const emptyView: View = { groups: new Map(), systems: new Map(), tasks: new Map(), origins: new Map() }

/** Decides by itself alone. Costs a few map entries for each task, and real work only for systems that changed or whose profiles did. */
export async function viewOf(configuration: Configuration, before: View, breathe: Breathe): Promise<View> {
  const groups = new Map<string, GroupEntry>()
  const systems = new Map<string, SystemEntry>()
  const tasks = new Map<string, TaskEntry>()
  const origins = new Map<string, Origin>()
  for (const [name, group] of sorted(configuration.groups)) {
    const own: SystemEntry[] = []
    for (const [, system] of sorted(group.systems)) {
      const id = pathId(name, system.name)
      const old = before.origins.get(id)
      const isTrue =
        old !== undefined &&
        old.system === system &&
        old.ownCommands === group.ownCommands &&
        old.profiles.every((profile) => profile !== undefined && configuration.profiles.get(profile.name) === profile)
      const entry = isTrue ? before.systems.get(id)! : makeSystem(id, group, system, configuration, before)
      systems.set(id, entry)
      const { ownCommands } = group
      origins.set(id, isTrue ? old : { ownCommands, system, profiles: profilesOf(system, configuration) })
      for (const task of entry.tasks) tasks.set(task.id, task)
      own.push(entry)
      const turn = breathe()
      if (turn !== undefined) await turn
    }
    groups.set(name, {
      name,
      description: group.description,
      whenCutOff: group.whenCutOff,
      ownCommands: group.ownCommands,
      systems: own,
      tasks: own.reduce((sum, system) => sum + system.tasks.length, 0),
    })
  }
  return { groups, systems, tasks, origins }
}

function profilesOf(system: System, configuration: Configuration): (Profile | undefined)[] {
  const names = new Set<string>()
  for (const connector of system.connectors.values()) for (const profile of connector.profiles) names.add(profile)
  return [...names].map((name) => configuration.profiles.get(name))
}

function makeSystem(id: string, group: Group, system: System, configuration: Configuration, before: View): SystemEntry {
  const connectors = sorted(system.connectors).flatMap(([, connector]) => {
    // What the library no longer takes is kept in the configuration, reported at the start, and cannot be run.
    if (connector.made === undefined) return []
    const connectorId = pathId(group.name, system.name, connector.name)
    return [
      {
        id: connectorId,
        name: connector.name,
        type: connector.type,
        settings: connector.made,
        credential: connector.credential,
        pin: connector.pin,
        tasks: connector.profiles.flatMap((name) => {
          const profile = configuration.profiles.get(name)
          return profile === undefined ? [] : makeTasks({ group, system, connector, profile }, id, connectorId, before)
        }),
      },
    ]
  })
  return {
    id,
    group: group.name,
    name: system.name,
    type: system.type,
    description: system.description,
    tags: system.tags,
    connectors,
    tasks: connectors.flatMap((connector) => connector.tasks),
  }
}

// Asked for with every connector that has the profile.
const inOrder = new WeakMap<Profile, readonly (readonly [string, ProfileMonitor])[]>()

function monitorsInOrder(profile: Profile): readonly (readonly [string, ProfileMonitor])[] {
  let monitors = inOrder.get(profile)
  if (monitors === undefined) inOrder.set(profile, (monitors = sorted(profile.monitors)))
  return monitors
}

function makeTasks(
  place: { group: Group; system: System; connector: Connector; profile: Profile },
  systemId: string,
  connectorId: string,
  before: View,
): TaskEntry[] {
  const { group, system, connector, profile } = place
  return monitorsInOrder(profile).flatMap(([name, { written, made }]) => {
    // A document that would have it so is refused; this holds for one that was stored before.
    if (made === undefined || (made.runsCommands && group.ownCommands === 'refused')) return []
    const task: TaskEntry = {
      id: pathId(group.name, system.name, connector.name, profile.name, name),
      group: group.name,
      system: system.name,
      systemId,
      connector: connector.name,
      connectorId,
      profile: profile.name,
      monitor: written.monitor,
      name,
      periodMs: made.periodMs,
      timeoutMs: made.timeoutMs,
      settings: made.settings,
      rules: made.rules,
      tags: system.tags,
    }
    const old = before.tasks.get(task.id)
    return [old !== undefined && isUnchanged(old, task) ? old : task]
  })
}

// The other fields are what the id is made of.
function isUnchanged(old: TaskEntry, task: TaskEntry): boolean {
  return (
    old.monitor === task.monitor &&
    old.settings === task.settings &&
    old.rules === task.rules &&
    old.periodMs === task.periodMs &&
    old.timeoutMs === task.timeoutMs &&
    isSame(old.tags, task.tags)
  )
}

/** Which tasks came, went, or are not what they were. */
export interface TaskChanges {
  readonly tasksAdded: readonly TaskEntry[]
  readonly tasksRemoved: readonly TaskEntry[]
  /** As they are now. */
  readonly tasksChanged: readonly TaskEntry[]
}

export function* taskChanges(before: View, after: View): Pieces<TaskChanges> {
  const tasksAdded: TaskEntry[] = []
  const tasksRemoved: TaskEntry[] = []
  const tasksChanged: TaskEntry[] = []
  for (const [id, system] of after.systems) {
    yield
    if (before.systems.get(id) === system) continue
    for (const task of system.tasks) {
      const old = before.tasks.get(task.id)
      if (old === undefined) tasksAdded.push(task)
      else if (old !== task) tasksChanged.push(task)
    }
  }
  for (const [id, system] of before.systems) {
    yield
    if (after.systems.get(id) === system) continue
    for (const task of system.tasks) if (!after.tasks.has(task.id)) tasksRemoved.push(task)
  }
  return { tasksAdded, tasksRemoved, tasksChanged }
}
