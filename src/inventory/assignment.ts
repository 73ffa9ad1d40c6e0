import { pathId } from '../base/index.ts'
import type { AssignedConnector, AssignedTask, Assignment, Secret, TravellingSettings } from '../model/index.ts'
import type { Pieces } from '../platform/index.ts'
import type { Configuration, Group } from './configuration.ts'
import { credentialContext, openSecrets, type SecretVault } from './secrets.ts'
import type { GroupEntry, SystemEntry, View } from './tasks.ts'
import type { Windows } from './windows.ts'

/** The name under which a server's own agent is associated with groups. */
export const localAgent = 'local'

/**
 * The agents that a group is to be run by, whether they are there or not.
 *
 * A group is run by the agents it is associated with. One without any falls to the server's own agent, so that a standalone instance
 * needs no association at all; from the moment that this agent is associated with some group it runs those it is given and no others.
 */
export function agentsOf(configuration: Configuration, group: string): readonly string[] {
  const own = configuration.associations.get(group)?.agents ?? []
  return own.length > 0 || isLocalGiven(configuration) ? own : [localAgent]
}

/** Who is to run a group, as placement asks it. */
export interface GroupRunners {
  /** Names, by the rule of `agentsOf`. */
  readonly agents: readonly string[]
  /** Its targets must not be queried by two agents at once. */
  readonly exclusive: boolean
}

export function runnersOf(configuration: Configuration): ReadonlyMap<string, GroupRunners> {
  return new Map(
    [...configuration.groups].map(([name, { whenCutOff }]) => [
      name,
      { agents: agentsOf(configuration, name), exclusive: whenCutOff === 'exclusive' },
    ]),
  )
}

// Asked for every group of an overview; it is one answer for all associations.
const localGiven = new WeakMap<Configuration['associations'], boolean>()

function isLocalGiven({ associations }: Configuration): boolean {
  let isGiven = localGiven.get(associations)
  if (isGiven === undefined) {
    isGiven = [...associations.values()].some(({ agents }) => agents.includes(localAgent))
    localGiven.set(associations, isGiven)
  }
  return isGiven
}

// Digests of parts that are shared, between revisions or among tasks. They live as long as the parts.
const systemDigests = new WeakMap<SystemEntry, string>()
const valueDigests = new WeakMap<object, string>()

function digestOfValue(value: object): string {
  let digest = valueDigests.get(value)
  if (digest === undefined) valueDigests.set(value, (digest = pathId(JSON.stringify(value))))
  return digest
}

/** Worked out once for each system, and kept. */
export function digestOfSystem(system: SystemEntry): string {
  let digest = systemDigests.get(system)
  if (digest === undefined) {
    const parts: string[] = []
    for (const connector of system.connectors) {
      // As they are: hardly two connectors share them, and a hundred thousand digests of their own would be kept for nothing.
      parts.push(connector.id, connector.type, connector.credential ?? '', JSON.stringify(connector.settings))
      for (const task of connector.tasks)
        parts.push(task.id, task.monitor, `${task.periodMs}/${task.timeoutMs}`, digestOfValue(task.settings))
    }
    systemDigests.set(system, (digest = pathId(...parts)))
  }
  return digest
}

/** Told of a credential that the vault cannot open. Its connectors are assigned without one, so that their runs fail and say so. */
export type OnUnreadable = (group: string, credential: string, thrown: unknown) => void

/** Whether a connector, by its id, is the agent's. */
export type Takes = (connector: string) => boolean

/**
 * Everything one agent has to do, with credentials in the clear: for the way to that agent only. The version is a digest of what is
 * in it (of secrets: of their sealed form), so that nothing is sent again that did not change. What `takes` leaves out is no part of the
 * digest: whoever places connectors has a version of that. In pieces: an agent may have a few of very many connectors, all of which are looked at.
 */
export function* assigning(
  configuration: Configuration,
  view: View,
  windows: Windows,
  agent: string,
  settings: TravellingSettings,
  vault: SecretVault,
  onUnreadable: OnUnreadable,
  takes: Takes,
): Pieces<Assignment> {
  const connectors: AssignedConnector[] = []
  const tasks: AssignedTask[] = []
  for (const [group, entry] of groupsOf(configuration, view, agent))
    yield* addGroup(group, entry, windows, vault, onUnreadable, takes, connectors, tasks)
  return { version: assignmentVersion(configuration, view, windows, agent, settings), connectors, tasks, settings }
}

/** The version that `assigning` gives, without making what it stands for: that is a hundred times the work. */
export function assignmentVersion(
  configuration: Configuration,
  view: View,
  windows: Windows,
  agent: string,
  settings: TravellingSettings,
): string {
  const digests = [agent, JSON.stringify(settings)]
  for (const [group, entry] of groupsOf(configuration, view, agent)) {
    digests.push(entry.name, group.whenCutOff, group.ownCommands)
    for (const system of entry.systems) digests.push(digestOfSystem(system))
    for (const window of windows.all) {
      if (window.isSkipped && (window.group ?? entry.name) === entry.name) digests.push(JSON.stringify(window.document))
    }
    for (const credential of group.credentials.values()) digests.push(digestOfValue(credential))
  }
  return pathId(...digests)
}

/** The groups whose work may be an agent's. */
function* groupsOf(
  configuration: Configuration,
  view: View,
  agent: string,
): Iterable<readonly [group: Group, entry: GroupEntry]> {
  for (const entry of view.groups.values()) {
    const group = configuration.groups.get(entry.name)
    if (group !== undefined && agentsOf(configuration, entry.name).includes(agent)) yield [group, entry]
  }
}

function* addGroup(
  group: Group,
  entry: GroupEntry,
  windows: Windows,
  vault: SecretVault,
  onUnreadable: OnUnreadable,
  takes: Takes,
  connectors: AssignedConnector[],
  tasks: AssignedTask[],
): Pieces<void> {
  const opened = new Map<string, { type: string; fields: Secret }>()
  const open = (name: string) => {
    const credential = group.credentials.get(name)
    let found = opened.get(name)
    if (found === undefined && credential !== undefined) {
      try {
        const secrets = openSecrets(credential.secrets, credentialContext(group.name, name), vault)
        opened.set(name, (found = { type: credential.type, fields: { ...credential.fields, ...secrets } }))
      } catch (thrown) {
        onUnreadable(group.name, name, thrown)
      }
    }
    return found
  }
  for (const system of entry.systems) {
    yield
    for (const connector of system.connectors) {
      // A connector without tasks is nothing that an agent would have to know the password of.
      if (connector.tasks.length === 0 || !takes(connector.id)) continue
      const credential = connector.credential === undefined ? undefined : open(connector.credential)
      const pauses = windows.pausesOf(system, connector)
      connectors.push({
        id: connector.id,
        type: connector.type,
        group: group.name,
        settings: connector.settings,
        ...(credential === undefined ? {} : { credential }),
        ...(pauses.length === 0 ? {} : { pauses }),
        ...(group.whenCutOff === 'exclusive' ? { exclusive: true } : {}),
        ...(group.ownCommands === 'allowed' ? { ownCommands: true } : {}),
      })
      for (const { id, monitor, settings, periodMs, timeoutMs } of connector.tasks)
        tasks.push({ id, connector: connector.id, monitor, settings, periodMs, timeoutMs })
    }
  }
}
