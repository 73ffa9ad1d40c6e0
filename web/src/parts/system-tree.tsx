import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { GroupSummary, SystemBrief } from '../../../src/contract/index.ts'
import { me, systemById, systemDetails } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { filterSystems, isFiltered, treeRows, type SystemFilter, type TreeRow } from '../model/overview.ts'
import { texts } from '../texts.ts'
import { Icon } from './icons.tsx'
import { AlarmCounts, CoverageShare, SeverityMark, StateMark, Tags } from './marks.tsx'
import { Empty } from './states.tsx'

/** Must agree with `.row` in portal.css: rows of one known height are what lets ten thousand of them scroll. */
const rowHeight = { wide: 40, narrow: 62 }
const narrowScreen = window.matchMedia('(max-width: 48em)')
/** How long scrolling must rest before the details of what is in sight are asked for. */
const restMs = 120
const noAlarms = { INFO: 0, WARNING: 0, MINOR: 0, MAJOR: 0, CRITICAL: 0 }

/** Groups, their systems, and the connectors of those that are opened; the worst first. */
export function SystemTree(props: {
  readonly groups: readonly GroupSummary[]
  readonly systems: readonly SystemBrief[]
  readonly filter: SystemFilter
  readonly clear: () => void
}): ReactNode {
  const { groups, systems, filter, clear } = props
  const { data: user } = useQuery(me)
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set())
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set())
  const within = useMemo(() => filterSystems(systems, filter), [systems, filter])
  const filtered = isFiltered(filter)
  const rows = useMemo(
    () => treeRows(groups, within, filtered, { turned, systems: opened }),
    [groups, within, filtered, turned, opened],
  )
  const list = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const drawn = rows.length > 0
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [drawn])
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => (narrowScreen.matches ? rowHeight.narrow : rowHeight.wide),
    overscan: 20,
    scrollMargin: top,
    getItemKey: (i) => keyOf(rows[i]!),
  })
  const items = virtual.getVirtualItems()
  useDetails(
    items.flatMap(({ index }) => {
      const row = rows[index]!
      return row.is === 'system' ? [row.system.id] : []
    }),
  )
  const turn = useCallback((name: string) => setTurned((old) => toggled(old, name)), [])
  const open = useCallback((id: string) => setOpened((old) => toggled(old, id)), [])

  if (groups.length === 0) {
    // Whoever could not configure anything is not told to.
    if (user !== undefined && !may(user.grants, 'editor', '*'))
      return <Empty title={texts.overview.noneGiven} hint={texts.overview.noneGivenHint} />
    return (
      <Empty title={texts.overview.empty} hint={texts.overview.emptyHint}>
        <Button
          size="xs"
          variant="default"
          renderRoot={(given) => <Link to="/configuration" {...given} />}
        >
          {texts.overview.emptyAction}
        </Button>
      </Empty>
    )
  }
  if (rows.length === 0) {
    return (
      <Empty title={texts.overview.nothingFound}>
        <Button size="xs" variant="default" onClick={clear}>
          {texts.overview.clearFilter}
        </Button>
      </Empty>
    )
  }
  return (
    <div className="sheet" role="table" aria-label={texts.overview.systems} aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
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
      </div>
      <div ref={list} role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index]!
          return (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              className={`row row-${row.is}`}
              style={{ transform: `translateY(${item.start - top}px)`, height: item.size }}
            >
              <Cells row={row} turn={turn} open={open} />
            </div>
          )
        })}
      </div>
    </div>
  )
}

function toggled(old: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(old)
  if (!next.delete(name)) next.add(name)
  return next
}

function keyOf(row: TreeRow): string {
  switch (row.is) {
    case 'group':
      return `group ${row.group.name}`
    case 'system':
      return `system ${row.system.id}`
    case 'connector':
      return `connector ${row.system.id} ${row.name}`
  }
}

/** Loads what the index does not have for the systems in sight, once scrolling rests. */
function useDetails(ids: readonly string[]): void {
  const wanted = ids.toSorted().join(',')
  const [rested, setRested] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setRested(wanted), restMs)
    return () => clearTimeout(timer)
  }, [wanted])
  useQuery(systemDetails(useMemo(() => (rested === '' ? [] : rested.split(',')), [rested])))
}

function Cells(props: { row: TreeRow; turn: (group: string) => void; open: (system: string) => void }): ReactNode {
  const { row, turn, open } = props
  switch (row.is) {
    case 'group':
      return <GroupCells row={row} turn={turn} />
    case 'system':
      return <SystemCells row={row} open={open} />
    case 'connector':
      return <ConnectorCells row={row} />
  }
}

function Fold({ name, isOpen, onClick }: { name: string; isOpen: boolean; onClick: () => void }): ReactNode {
  return (
    <button
      type="button"
      className="fold"
      aria-expanded={isOpen}
      aria-label={isOpen ? texts.overview.fold(name) : texts.overview.unfold(name)}
      onClick={onClick}
    >
      <Icon name="chevron" size={16} />
    </button>
  )
}

function GroupCells({ row, turn }: { row: TreeRow & { is: 'group' }; turn: (name: string) => void }): ReactNode {
  const { group, open, shown } = row
  return (
    <>
      <span role="cell" className="cell-name">
        <Fold name={group.name} isOpen={open} onClick={() => turn(group.name)} />
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

function SystemCells({ row, open }: { row: TreeRow & { is: 'system' }; open: (id: string) => void }): ReactNode {
  const { system } = row
  const { data } = useQuery({ ...systemById(system.id), enabled: false })
  const failing = data?.failing ?? 0
  return (
    <>
      <span role="cell" className="cell-name">
        <Fold name={system.name} isOpen={row.open} onClick={() => open(system.id)} />
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
        <AlarmCounts of={system.alarms ?? noAlarms} />
      </span>
      <span role="cell" className={failing > 0 ? 'cell-tasks bad' : 'cell-tasks'}>
        {failing > 0 ? texts.overview.failingOf(failing, system.tasks) : texts.overview.tasksOk(system.tasks)}
      </span>
      <span role="cell" className="cell-coverage">
        {data === undefined ? null : <CoverageShare of={data.coverage} />}
      </span>
    </>
  )
}

function ConnectorCells({ row }: { row: TreeRow & { is: 'connector' } }): ReactNode {
  const { system, name, type } = row
  const { data } = useQuery(systemById(system.id))
  const details = data?.connectors.find((one) => one.name === name)
  return (
    <>
      <span role="cell" className="cell-name">
        {details === undefined ? null : <SeverityMark of={details.worst} />}
        <Link to="/systems/$id" params={{ id: system.id }} className="row-link ellipsis" title={name}>
          {name}
        </Link>
      </span>
      <span role="cell" className="cell-type ellipsis">
        {type}
      </span>
      <span role="cell" className="cell-tags" />
      <span role="cell" className="cell-alarms" />
      <span role="cell" className={details !== undefined && details.failing > 0 ? 'cell-tasks bad' : 'cell-tasks'}>
        {details === undefined
          ? null
          : details.failing > 0
            ? texts.overview.failingOf(details.failing, details.tasks)
            : texts.overview.tasksOk(details.tasks)}
      </span>
      <span role="cell" className="cell-coverage" />
    </>
  )
}
