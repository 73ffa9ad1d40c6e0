import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { groups as groupsQuery, systems as systemsQuery } from '../api/queries.ts'
import type { SystemFilter } from '../model/overview.ts'
import { Failure, Stale, Waiting } from './states.tsx'
import { SystemTree } from './system-tree.tsx'

/** The tree of what is watched, in each of its states: loading, failed, present, and present but old. */
export function SystemLists({ filter, clear }: { filter: SystemFilter; clear: () => void }): ReactNode {
  const groups = useQuery(groupsQuery)
  const systems = useQuery(systemsQuery)
  const failed = groups.error ?? systems.error
  if (groups.data === undefined || systems.data === undefined) {
    if (failed === null) return <Waiting />
    return (
      <Failure
        error={failed}
        again={() => {
          void groups.refetch()
          void systems.refetch()
        }}
      />
    )
  }
  return (
    <>
      <Stale query={failed === groups.error ? groups : systems} />
      <SystemTree groups={groups.data} systems={systems.data} filter={filter} clear={clear} />
    </>
  )
}
