import { compareNames } from './overview.ts'

/** Which agents run which group, as the server has it; a server's own agent is called `local`. */
export type Associations = readonly { readonly group: string; readonly agents: readonly string[] }[]

/**
 * What somebody changed in the matrix and has not saved: by `cell`, whether the agent shall run the group. Kept apart from what the server
 * has, so that a change made elsewhere meanwhile is neither lost nor undone by saving.
 */
export type Edits = ReadonlyMap<string, boolean>

/** Names hold no line breaks (the server refuses control characters), so one parts them safely. */
export function cell(group: string, agent: string): string {
  return `${group}\n${agent}`
}

function parted(key: string): readonly [group: string, agent: string] {
  const at = key.indexOf('\n')
  return [key.slice(0, at), key.slice(at + 1)]
}

export function isAssociated(saved: Associations, group: string, agent: string): boolean {
  return saved.some((one) => one.group === group && one.agents.includes(agent))
}

/** The edits with one cell set; setting it to what is saved anyway takes the edit back. */
export function edited(saved: Associations, edits: Edits, group: string, agent: string, on: boolean): Edits {
  const next = new Map(edits)
  if (isAssociated(saved, group, agent) === on) next.delete(cell(group, agent))
  else next.set(cell(group, agent), on)
  return next
}

/** Leaves out edits that somebody else has made true meanwhile, and those of groups or agents that are gone. */
export function liveEdits(
  saved: Associations,
  edits: Edits,
  known: { readonly groups: ReadonlySet<string>; readonly agents: ReadonlySet<string> },
): Edits {
  return new Map(
    [...edits].filter(([key, on]) => {
      const [group, agent] = parted(key)
      return known.groups.has(group) && known.agents.has(agent) && isAssociated(saved, group, agent) !== on
    }),
  )
}

/** What saving sends: all associations as they would be. A group that would be left without agents is left out. */
export function withEdits(saved: Associations, edits: Edits): { group: string; agents: string[] }[] {
  const byGroup = new Map(saved.map(({ group, agents }) => [group, new Set(agents)]))
  for (const [key, on] of edits) {
    const [group, agent] = parted(key)
    const agents = byGroup.get(group) ?? new Set()
    if (on) agents.add(agent)
    else agents.delete(agent)
    byGroup.set(group, agents)
  }
  return [...byGroup].flatMap(([group, agents]) => (agents.size === 0 ? [] : [{ group, agents: [...agents] }]))
}

/** A column of the matrix: an agent, or a name that groups are associated with and no accepted agent bears. */
export interface Column<A> {
  readonly name: string
  readonly agent: A | undefined
}

/** Every agent, and every name that associations know beside: one that was renamed or removed must not go on there unseen. */
export function columnsOf<A extends { readonly name: string }>(saved: Associations, agents: readonly A[]): Column<A>[] {
  const known = new Set(agents.map(({ name }) => name))
  const unknown = new Set(saved.flatMap((one) => one.agents).filter((name) => !known.has(name)))
  return [
    ...agents.map((agent): Column<A> => ({ name: agent.name, agent })),
    ...[...unknown].map((name): Column<A> => ({ name, agent: undefined })),
  ].toSorted((a, b) => compareNames(a.name, b.name))
}

/** Which rule holds for the server's own agent: with no association at all it runs everything. */
export function localRule(associations: Associations): 'runs everything' | 'runs its groups' | 'runs nothing' {
  const some = associations.filter(({ agents }) => agents.length > 0)
  if (some.length === 0) return 'runs everything'
  return some.some(({ agents }) => agents.includes('local')) ? 'runs its groups' : 'runs nothing'
}
