import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, type ReactNode } from 'react'
import { groups as groupsQuery, systems as systemsQuery } from '../api/queries.ts'
import { filterSystems, readFilter } from '../model/overview.ts'
import { SystemFilters } from '../parts/system-filters.tsx'
import { SystemLists } from '../parts/system-lists.tsx'
import { texts } from '../texts.ts'

/** Everything that is watched, as a tree: group, system, connector. */
export function SystemsPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/systems' })
  const navigate = useNavigate({ from: '/systems' })
  const groups = useQuery(groupsQuery)
  const systems = useQuery(systemsQuery)
  const filter = useMemo(() => readFilter(search), [search])
  const change = useCallback(
    (next: Record<string, string>) =>
      void navigate({ search: (old) => ({ ...old, ...next }), replace: next['text'] !== undefined }),
    [navigate],
  )
  const changeText = useCallback((text: string) => change({ text }), [change])
  const shown = useMemo(
    () => [...filterSystems(systems.data ?? [], filter).values()].reduce((sum, some) => sum + some.length, 0),
    [systems.data, filter],
  )
  return (
    <>
      <div className="page-head">
        <Title order={1}>{texts.overview.systems}</Title>
        {systems.data === undefined ? null : (
          <span className="dim" role="status">
            {shown === systems.data.length
              ? texts.overview.systemsIn(shown)
              : texts.watch.shownOf(shown, systems.data.length)}
          </span>
        )}
      </div>
      <SystemFilters
        filter={filter}
        groups={groups.data ?? []}
        systems={systems.data ?? []}
        onText={changeText}
        onChange={change}
      />
      <SystemLists filter={filter} clear={() => void navigate({ search: {} })} />
    </>
  )
}
