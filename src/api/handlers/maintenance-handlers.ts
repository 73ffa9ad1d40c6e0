import { groupsWith, may } from '../../access/index.ts'
import { FarwatchError, iso, type Clock } from '../../base/index.ts'
import type { Maintenance, MaintenanceDocument, RepetitionDocument } from '../../contract/index.ts'
import type { Inventory, MaintenanceEntry } from '../../inventory/index.ts'
import { occurrenceFrom, occurrencesOf, type Occurrence } from '../../model/index.ts'
import { readRange } from '../read-request.ts'
import { visibleGroups, type Caller, type Handlers } from '../route.ts'

type Names = 'listMaintenances' | 'createMaintenance' | 'replaceMaintenance' | 'endMaintenance' | 'removeMaintenance'

const mostOccurrences = 1_000
const rank: Readonly<Record<Maintenance['state'], number>> = { on: 0, coming: 1, over: 2 }

/** Maintenance windows. They are part of the configuration: each change is a revision of it. */
export function maintenanceHandlers(parts: { readonly inventory: Inventory; readonly clock: Clock }): Handlers<Names> {
  const { inventory, clock } = parts

  /** Those that somebody may see: of their groups, and those of no group that concern something there. */
  function seen(caller: Caller): { readonly entry: MaintenanceEntry; readonly at: Concerned }[] {
    const groups = visibleGroups(caller)
    return inventory
      .maintenances(groups)
      .map((entry) => ({ entry, at: concerned(inventory, entry, groups) }))
      .filter(({ entry, at }) => groups === undefined || entry.group !== undefined || at.connectors > 0)
  }

  function one(caller: Caller, name: string): MaintenanceEntry {
    const found = seen(caller).find(({ entry }) => entry.name === name)
    if (found === undefined)
      throw new FarwatchError('not-found', `there is no maintenance window ${JSON.stringify(name)}`, {
        hint: 'GET /maintenances lists them.',
      })
    return found.entry
  }

  function shown(caller: Caller, name: string): Maintenance {
    const entry = one(caller, name)
    const now = clock.now()
    return show(entry, concerned(inventory, entry, visibleGroups(caller)), now, { from: now, to: now })
  }

  async function apply(caller: Caller, window: MaintenanceDocument, comment: string): Promise<Maintenance> {
    const editable = groupsWith(caller.grants, 'editor')
    await inventory.apply(
      { maintenances: [window] },
      {
        author: caller.username,
        comment,
        allowed: (group, role) => may(caller.grants, role, group),
        groups: editable === '*' ? undefined : visibleGroups(caller),
      },
    )
    return shown(caller, window.name)
  }

  return {
    listMaintenances: ({ caller, query }) => {
      const now = clock.now()
      const range = query.from === undefined && query.to === undefined ? { from: now, to: now } : readRange(query, now)
      const { group, system, state } = query
      return seen(caller)
        .filter(
          ({ entry }) =>
            group === undefined || concerned(inventory, entry, visibleGroups(caller), { group, system }).systems > 0,
        )
        .map(({ entry, at }) => show(entry, at, now, range))
        .filter((each) => state === undefined || each.state === state)
        .sort(
          (a, b) =>
            rank[a.state] - rank[b.state] ||
            (a.next?.from ?? '').localeCompare(b.next?.from ?? '') ||
            a.name.localeCompare(b.name),
        )
    },
    createMaintenance: ({ caller, body }) => {
      if (inventory.maintenances().some(({ name }) => name === body.name))
        throw new FarwatchError('conflict', `there is a maintenance window ${JSON.stringify(body.name)} already`, {
          hint: 'Give it another name, or change that one.',
        })
      return apply(caller, { ...body, by: body.by ?? caller.username }, `maintenance window ${body.name} added`)
    },
    replaceMaintenance: ({ caller, params: { name }, body }) => {
      const { by } = one(caller, name)
      return apply(caller, { name, ...body, by: body.by ?? by }, `maintenance window ${name} changed`)
    },
    endMaintenance: ({ caller, params: { name } }) => {
      const { times } = one(caller, name)
      const now = clock.now()
      if (occurrencesOf(times, now, now + 1).length === 0)
        throw new FarwatchError('conflict', `the maintenance window ${JSON.stringify(name)} is not on`, {
          hint: 'Remove it, or change when it begins.',
        })
      const written = documentOf(inventory, name)
      return apply(caller, { ...written, endedAt: iso(now) }, `maintenance window ${name} ended early`)
    },
    removeMaintenance: async ({ caller, params: { name } }) => {
      const { applied, revision, summary, changes } = await inventory.removeMaintenance(name, {
        author: caller.username,
        allowed: (group, role) => may(caller.grants, role, group),
        groups: visibleGroups(caller),
      })
      return { applied, revision, summary, changes: [...changes] }
    },
  }

  function show(entry: MaintenanceEntry, at: Concerned, now: number, range: Occurrence): Maintenance {
    const { times } = entry
    const next = occurrenceFrom(times, now)
    const state = next === undefined ? 'over' : next.from <= now ? 'on' : 'coming'
    const { tags, repeats, ...written } = documentOf(inventory, entry.name)
    return {
      ...written,
      ...(tags === undefined ? {} : { tags: { ...tags } }),
      ...(repeats === undefined ? {} : { repeats: showRepetition(repeats) }),
      state,
      next: next === undefined ? null : stretch(next),
      occurrences: occurrencesOf(times, range.from, range.to).slice(0, mostOccurrences).map(stretch),
      ...at,
    }
  }
}

function showRepetition({ on, ...repeats }: RepetitionDocument): NonNullable<Maintenance['repeats']> {
  return { ...repeats, ...(on === undefined ? {} : { on: [...on] }) }
}

function stretch({ from, to }: Occurrence): { from: string; to: string } {
  return { from: iso(from), to: iso(to) }
}

/** What was written of a window that is there. */
function documentOf(inventory: Inventory, name: string): MaintenanceDocument {
  return inventory.maintenances().find((entry) => entry.name === name)!.document
}

interface Concerned {
  readonly systems: number
  readonly connectors: number
}

/** How much of what somebody sees a window concerns, or of a group or a system of it. */
function concerned(
  inventory: Inventory,
  entry: MaintenanceEntry,
  groups: readonly string[] | undefined,
  within: { readonly group?: string | undefined; readonly system?: string | undefined } = {},
): Concerned {
  let systems = 0
  let connectors = 0
  for (const system of inventory.systems({ groups, group: within.group ?? entry.group })) {
    if (within.system !== undefined && system.name !== within.system) continue
    const found = system.connectors.filter(({ name }) =>
      entry.concerns({ group: system.group, system: system.name, connector: name, tags: system.tags }),
    ).length
    if (found > 0) systems++
    connectors += found
  }
  return { systems, connectors }
}
