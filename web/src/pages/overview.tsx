import { Button, NativeSelect, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { GroupSummary, Status, SystemSummary } from '../../../src/contract/index.ts'
import { groups as groupsQuery, status as statusQuery, systems as systemsQuery } from '../api/queries.ts'
import { overviewRows, severitiesDown, type OverviewRow, type StateFilter } from '../model/overview.ts'
import { CoverageBanner } from '../parts/coverage-banner.tsx'
import { FilterText } from '../parts/filter-text.tsx'
import { Icon } from '../parts/icons.tsx'
import { AlarmCountLinks, AlarmCounts, CoverageShare, StateMark, Tags } from '../parts/marks.tsx'
import { Empty, Failure, Stale, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const stateFilters = ['all', 'problems', ...severitiesDown, 'UNCOVERED'] as const satisfies readonly StateFilter[]

function readState(text: string | undefined): StateFilter {
  return stateFilters.find((one) => one === text) ?? 'all'
}

/** Groups and their systems, the worst first. */
export function OverviewPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/' })
  const navigate = useNavigate({ from: '/' })
  const groups = useQuery(groupsQuery)
  const systems = useQuery(systemsQuery)
  const status = useQuery(statusQuery)
  const state = readState(search.state)
  const text = search.text ?? ''
  const change = useCallback(
    (next: { text?: string; state?: string }) =>
      void navigate({ search: (old) => ({ ...old, ...next }), replace: next.text !== undefined }),
    [navigate],
  )
  const changeText = useCallback((value: string) => change({ text: value }), [change])

  const failed = groups.error ?? systems.error
  return (
    <>
      <Title order={1} className="visually-hidden">
        {texts.overview.title}
      </Title>
      {status.data === undefined ? null : <Summary status={status.data} />}
      <CoverageBanner groups={groups.data} toAssociations />
      <div className="filters">
        <FilterText label={texts.overview.filterText} value={text} onChange={changeText} />
        <NativeSelect
          aria-label={texts.overview.filterState}
          value={state}
          onChange={(event) => change({ state: event.currentTarget.value === 'all' ? '' : event.currentTarget.value })}
          data={stateFilters.map((value) => ({ value, label: texts.overview.states[value] }))}
        />
      </div>
      {groups.data !== undefined && systems.data !== undefined ? (
        <>
          <Stale query={failed === groups.error ? groups : systems} />
          <Systems
            groups={groups.data}
            systems={systems.data}
            text={text}
            state={state}
            clear={() => change({ text: '', state: '' })}
          />
        </>
      ) : failed !== null ? (
        <Failure
          error={failed}
          again={() => {
            void groups.refetch()
            void systems.refetch()
          }}
        />
      ) : (
        <Waiting />
      )}
    </>
  )
}

function Summary({ status }: { status: Status }): ReactNode {
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
          <span className="figure">{status.systems.toLocaleString('en')}</span>
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
          <Link to="/agents" className="figure figure-link">
            {status.agents.online} / {status.agents.online + status.agents.offline}
          </Link>
        </div>
      </section>
    </>
  )
}

/** Must agree with `.row` in portal.css: rows of one known height are what lets ten thousand of them scroll. */
const rowHeight = { wide: 40, narrow: 62 }
const narrowScreen = window.matchMedia('(max-width: 48em)')

function Systems(props: {
  groups: readonly GroupSummary[]
  systems: readonly SystemSummary[]
  text: string
  state: StateFilter
  clear: () => void
}): ReactNode {
  const { groups, systems, text, state } = props
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(
    () => overviewRows(groups, systems, { text, state }, folded),
    [groups, systems, text, state, folded],
  )
  const list = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const drawn = rows.length > 0
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [drawn])
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => (narrowScreen.matches ? rowHeight.narrow : rowHeight.wide),
    overscan: 12,
    scrollMargin: top,
    getItemKey: (i) => keyOf(rows[i]!),
  })
  const fold = useCallback(
    (name: string) =>
      setFolded((old) => {
        const next = new Set(old)
        if (!next.delete(name)) next.add(name)
        return next
      }),
    [],
  )

  if (groups.length === 0) {
    return (
      <Empty title={texts.overview.empty} hint={texts.overview.emptyHint}>
        <Button
          size="xs"
          variant="default"
          renderRoot={(given) => <Link to="/configuration" search={{ tab: 'apply' }} {...given} />}
        >
          {texts.overview.emptyAction}
        </Button>
      </Empty>
    )
  }
  if (rows.length === 0) {
    return (
      <Empty title={texts.overview.nothingFound}>
        <Button size="xs" variant="default" onClick={props.clear}>
          {texts.overview.clearFilter}
        </Button>
      </Empty>
    )
  }
  return (
    <div className="sheet" role="table" aria-label={texts.overview.systems} aria-rowcount={rows.length + 1}>
      <div className="row row-head" role="row">
        <span role="columnheader">{texts.overview.system}</span>
        <span role="columnheader">{texts.overview.type}</span>
        <span role="columnheader">{texts.overview.tags}</span>
        <span role="columnheader">{texts.overview.alarms}</span>
        <span role="columnheader">{texts.overview.tasks}</span>
        <span role="columnheader" title={texts.overview.coverageHint}>
          {texts.overview.coverage}
        </span>
      </div>
      <div ref={list} role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]!
          return (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              className={row.is === 'group' ? 'row row-group' : 'row'}
              style={{ transform: `translateY(${item.start - top}px)`, height: item.size }}
            >
              {row.is === 'group' ? <GroupCells row={row} fold={fold} /> : <SystemCells system={row.system} />}
            </div>
          )
        })}
      </div>
    </div>
  )
}

function keyOf(row: OverviewRow): string {
  return row.is === 'group' ? `group ${row.group.name}` : `system ${row.system.id}`
}

function GroupCells({ row, fold }: { row: OverviewRow & { is: 'group' }; fold: (name: string) => void }): ReactNode {
  const { group, folded, shown } = row
  return (
    <>
      <span role="cell" className="cell-name">
        <button
          type="button"
          className="fold"
          aria-expanded={!folded}
          aria-label={folded ? texts.overview.unfold(group.name) : texts.overview.fold(group.name)}
          onClick={() => fold(group.name)}
        >
          <Icon name="chevron" size={16} />
        </button>
        <StateMark worst={group.worst} state={group.state} />
        <strong className="ellipsis" title={group.name}>
          {group.name}
        </strong>
        <span className="dim nowrap">{texts.overview.systemsIn(shown)}</span>
      </span>
      <span role="cell" className="cell-type" />
      <span role="cell" className="cell-tags" />
      <span role="cell" className="cell-alarms">
        <AlarmCounts of={group.alarms} />
      </span>
      <span role="cell" className="cell-tasks">
        {texts.overview.tasksOk(group.tasks)}
      </span>
      <span role="cell" className="cell-coverage">
        <CoverageShare of={group.coverage} />
      </span>
    </>
  )
}

function SystemCells({ system }: { system: SystemSummary }): ReactNode {
  return (
    <>
      <span role="cell" className="cell-name">
        <StateMark worst={system.worst} state={system.state} />
        <Link to="/systems/$id" params={{ id: system.id }} className="row-link ellipsis" title={system.name}>
          {system.name}
        </Link>
      </span>
      <span role="cell" className="cell-type ellipsis">
        {system.type}
      </span>
      <span role="cell" className="cell-tags">
        <Tags of={system.tags} />
      </span>
      <span role="cell" className="cell-alarms">
        <AlarmCounts of={system.alarms} />
      </span>
      <span role="cell" className={system.failing > 0 ? 'cell-tasks bad' : 'cell-tasks'}>
        {system.failing > 0
          ? texts.overview.failingOf(system.failing, system.tasks)
          : texts.overview.tasksOk(system.tasks)}
      </span>
      <span role="cell" className="cell-coverage">
        <CoverageShare of={system.coverage} />
      </span>
    </>
  )
}
