import type { AssignedConnector, AssignedTask, Assignment } from '../model/index.ts'

/** What turns one assignment into another. */
export interface AssignmentDifference {
  readonly connectors: readonly AssignedConnector[]
  readonly tasks: readonly AssignedTask[]
  readonly droppedConnectors: readonly string[]
  readonly droppedTasks: readonly string[]
}

/** @returns undefined where sending the whole is hardly more */
export function differenceOf(before: Assignment, after: Assignment): AssignmentDifference | undefined {
  const connectors = changed(before.connectors, after.connectors)
  const tasks = changed(before.tasks, after.tasks)
  const parts = connectors.now.length + tasks.now.length
  return parts > (after.connectors.length + after.tasks.length) / 2
    ? undefined
    : { connectors: connectors.now, tasks: tasks.now, droppedConnectors: connectors.gone, droppedTasks: tasks.gone }
}

function changed<T extends { readonly id: string }>(
  before: readonly T[],
  after: readonly T[],
): { readonly now: readonly T[]; readonly gone: readonly string[] } {
  const old = new Map(before.map((each) => [each.id, each]))
  const now = after.filter((each) => {
    const was = old.get(each.id)
    old.delete(each.id)
    return was !== each && (was === undefined || JSON.stringify(was) !== JSON.stringify(each))
  })
  return { now, gone: [...old.keys()] }
}

/** The parts of an assignment by id, after a difference. What stayed the same is the same object as before. */
export function withDifference<T extends { readonly id: string }>(
  before: readonly T[],
  changes: readonly T[],
  dropped: readonly string[],
): readonly T[] {
  const parts = new Map(before.map((each) => [each.id, each]))
  for (const id of dropped) parts.delete(id)
  for (const each of changes) parts.set(each.id, each)
  return [...parts.values()]
}
