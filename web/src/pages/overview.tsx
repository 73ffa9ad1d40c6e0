import { Button, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useMemo, type ReactNode } from 'react'
import type { Status } from '../../../src/contract/index.ts'
import {
  groups as groupsQuery,
  instance as instanceQuery,
  status as statusQuery,
  systems as systemsQuery,
} from '../api/queries.ts'
import { readFilter } from '../model/overview.ts'
import { AlarmHistory, historySpans } from '../parts/alarm-history.tsx'
import { CoverageBanner } from '../parts/coverage-banner.tsx'
import { AlarmCountLinks, CoverageShare } from '../parts/marks.tsx'
import { Waiting } from '../parts/states.tsx'
import { SystemFilters } from '../parts/system-filters.tsx'
import { SystemLists } from '../parts/system-lists.tsx'
import { texts } from '../texts.ts'

const WallBoard = lazy(async () => ({ default: (await import('./wall-board.tsx')).WallBoard }))

/** How everything is: groups and their systems, the worst first, and what was wrong lately. */
export function OverviewPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/' })
  const navigate = useNavigate({ from: '/' })
  const groups = useQuery(groupsQuery)
  const systems = useQuery(systemsQuery)
  const status = useQuery(statusQuery)
  const filter = useMemo(() => readFilter(search), [search])
  const change = useCallback(
    (next: Record<string, string>) =>
      void navigate({ search: (old) => ({ ...old, ...next }), replace: next['text'] !== undefined }),
    [navigate],
  )
  const changeText = useCallback((text: string) => change({ text }), [change])
  const leaveWall = useCallback(() => change({ wall: '' }), [change])
  if (search.wall !== undefined) {
    return (
      <Suspense fallback={<Waiting />}>
        <WallBoard filter={filter} leave={leaveWall} />
      </Suspense>
    )
  }
  return (
    <>
      <Title order={1} className="visually-hidden">
        {texts.overview.title}
      </Title>
      {status.data === undefined ? <SummaryPlace /> : <Summary status={status.data} />}
      <CoverageBanner groups={groups.data} toAssociations />
      <AlarmHistory
        span={historySpans.find((one) => one === search.span) ?? '24h'}
        group={filter.group}
        onSpan={(span) => change({ span: span === '24h' ? '' : span })}
      />
      <SystemFilters
        filter={filter}
        groups={groups.data ?? []}
        systems={systems.data ?? []}
        onText={changeText}
        onChange={change}
      >
        <Button className="filters-end" variant="default" onClick={() => change({ wall: '1' })}>
          {texts.watch.wall.open}
        </Button>
      </SystemFilters>
      <SystemLists filter={filter} clear={() => void navigate({ search: {} })} />
    </>
  )
}

/** Room for the figures, so that nothing moves when they come. */
function SummaryPlace(): ReactNode {
  return <div className="summary summary-place" />
}

function Summary({ status }: { status: Status }): ReactNode {
  const { agents } = status
  return (
    <>
      {status.storage.writable ? null : <div className="banner banner-bad">{texts.overview.unwritable}</div>}
      <section className="summary" aria-label={texts.overview.title}>
        <div className="summary-wide">
          <span className="label">{texts.overview.openAlarms}</span>
          <AlarmCountLinks of={status.alarms} />
        </div>
        <div>
          <span className="label">{texts.overview.systems}</span>
          <Link to="/systems" className="figure figure-link">
            {status.systems.toLocaleString('en')}
          </Link>
        </div>
        <div>
          <span className="label">{texts.overview.tasks}</span>
          <span className="figure">{status.tasks.toLocaleString('en')}</span>
        </div>
        <div title={texts.overview.coverageHint}>
          <span className="label">{texts.overview.coverage}</span>
          <span className="figure">
            <CoverageShare of={status.coverage.share} />
          </span>
        </div>
        <div>
          <span className="label">{texts.overview.agents}</span>
          <Link to="/agents" className={agents.offline > 0 ? 'figure figure-link bad' : 'figure figure-link'}>
            {agents.online} / {agents.online + agents.offline}
          </Link>
        </div>
        <PairFigure />
      </section>
    </>
  )
}

/** How this server stands in its pair; nothing where there is none. */
function PairFigure(): ReactNode {
  const { data } = useQuery(instanceQuery)
  const pair = data?.failover ?? null
  if (pair === null || pair.role === 'NONE') return null
  return (
    <div title={pair.message ?? undefined}>
      <span className="label">{texts.watch.pair(texts.failover.roles[pair.role])}</span>
      <Link
        to="/instance"
        search={{ tab: 'failover' }}
        className={
          pair.state === 'active' || pair.state === 'standby' ? 'figure figure-link' : 'figure figure-link bad'
        }
      >
        {texts.failover.states[pair.state]}
      </Link>
    </div>
  )
}
