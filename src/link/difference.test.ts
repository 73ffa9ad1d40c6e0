import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AssignedConnector, AssignedTask, Assignment } from '../model/index.ts'
import { differenceOf, withDifference } from './difference.ts'
import { emptyAssignment } from './testing.ts'

const ids = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String))
const assignments = fc.tuple(ids, fc.integer({ min: 0, max: 3 })).map(([names, variant]): Assignment => ({
  ...emptyAssignment,
  version: `${names.join()} ${variant}`,
  connectors: names.map((id): AssignedConnector => ({
    id,
    type: 'tcp',
    group: 'acme',
    settings: { port: Number(id) % (variant + 1) },
  })),
  tasks: names.map((id): AssignedTask => ({
    id,
    connector: id,
    monitor: 'm',
    settings: {},
    periodMs: 1_000,
    timeoutMs: variant + 1,
  })),
}))
const byId = <T extends { id: string }>(parts: readonly T[]) => [...parts].sort((a, b) => a.id.localeCompare(b.id))

test('a difference turns one assignment into the other, and is not sent where the whole is hardly more', () => {
  fc.assert(
    fc.property(assignments, assignments, (before, after) => {
      const difference = differenceOf(before, after)
      if (difference === undefined) return
      const { connectors, tasks, droppedConnectors, droppedTasks } = difference
      expect({
        connectors: byId(withDifference(before.connectors, connectors, droppedConnectors)),
        tasks: byId(withDifference(before.tasks, tasks, droppedTasks)),
      }).toEqual({ connectors: byId(after.connectors), tasks: byId(after.tasks) })
      expect(connectors.length + tasks.length).toBeLessThanOrEqual((after.connectors.length + after.tasks.length) / 2)
    }),
  )
})
