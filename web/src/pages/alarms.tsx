import { Button, Checkbox, NativeSelect, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { alarmPages, groups as groupsQuery } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { compareNames, severitiesDown } from '../model/overview.ts'
import { alarmRows, groupings, matchesAlarm, type AlarmRow, type Grouping } from '../model/alarms.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { Icon } from '../parts/icons.tsx'
import { Ago, SeverityMark } from '../parts/marks.tsx'
import { Empty, Failure, Stale, Waiting } from '../parts/states.tsx'
import { BulkBar } from './alarms-bulk.tsx'
import { texts } from '../texts.ts'

const states = ['open', 'raised', 'acknowledged', 'cleared', 'all'] as const

/** All alarms, newest first, as the address says which; one of them opens beside the list. */
export function AlarmsPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/alarms' })
  const navigate = useNavigate({ from: '/alarms' })
  const groups = useQuery(groupsQuery)
  const state = states.find((one) => one === search.state) ?? 'open'
  const alarms = useInfiniteQuery(
    alarmPages({
      ...(state === 'all' ? {} : { state }),
      ...(search.severity === undefined ? {} : { severity: search.severity }),
      ...(search.group === undefined ? {} : { group: search.group }),
    }),
  )
  const change = useCallback(
    (next: Record<string, string>) =>
      void navigate({ to: '/alarms', search: (old) => ({ ...old, ...next }), replace: next['text'] !== undefined }),
    [navigate],
  )
  const changeText = useCallback((text: string) => change({ text }), [change])
  const by = groupings.find((one) => one === search.by) ?? ''
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const choose = useCallback(
    (ids: readonly string[], isChosen: boolean) =>
      setChosen((old) => {
        const next = new Set(old)
        for (const id of ids) {
          if (isChosen) next.add(id)
          else next.delete(id)
        }
        return next
      }),
    [],
  )
  const rows = useMemo(
    () => alarms.data?.pages.flatMap((page) => page.rows).filter((alarm) => matchesAlarm(alarm, search.text ?? '')),
    [alarms.data, search.text],
  )
  // What was chosen and is not in the list any more (it was cleared, or the filter changed) must not be acted on unseen.
  const chosenRows = useMemo(() => (rows ?? []).filter(({ id }) => chosen.has(id)), [rows, chosen])
  const filtered =
    state !== 'open' || search.severity !== undefined || search.group !== undefined || search.text !== undefined

  return (
    <>
      <div className="page-head">
        <Title order={1}>{texts.alarms.title}</Title>
        {rows === undefined ? null : (
          <span className="dim" role="status">
            {texts.alarms.shown(rows.length)}
            {alarms.hasNextPage ? '+' : ''}, {texts.alarms.newest}
          </span>
        )}
      </div>
      <div className="filters">
        <FilterText label={texts.alarms.text} value={search.text ?? ''} onChange={changeText} />
        <NativeSelect
          aria-label={texts.alarms.state}
          value={state}
          onChange={(event) => change({ state: event.currentTarget.value === 'open' ? '' : event.currentTarget.value })}
          data={states.map((value) => ({ value, label: texts.alarms.states[value] }))}
        />
        <NativeSelect
          aria-label={texts.alarms.severity}
          value={search.severity ?? ''}
          onChange={(event) => change({ severity: event.currentTarget.value })}
          data={[
            { value: '', label: `${texts.alarms.severity}: ${texts.common.all}` },
            ...severitiesDown.map((value) => ({ value, label: texts.severity[value] })),
          ]}
        />
        <NativeSelect
          aria-label={texts.alarms.group}
          value={search.group ?? ''}
          onChange={(event) => change({ group: event.currentTarget.value })}
          data={[
            { value: '', label: texts.alarms.anyGroup },
            ...(groups.data ?? []).map((group) => group.name).toSorted(compareNames),
          ]}
        />
        <NativeSelect
          aria-label={texts.watch.groupBy}
          value={by}
          onChange={(event) => change({ by: event.currentTarget.value })}
          data={groupings.map((value) => ({ value, label: texts.watch.groupings[value] }))}
        />
      </div>
      {rows === undefined ? (
        alarms.error === null ? (
          <Waiting />
        ) : (
          <Failure error={alarms.error} again={() => void alarms.refetch()} />
        )
      ) : (
        <>
          <Stale query={alarms} />
          {rows.length > 0 ? (
            <List alarms={rows} by={by} chosen={chosen} onChoose={choose} />
          ) : filtered ? (
            <Empty title={texts.alarms.nothingFound}>
              <Button size="xs" variant="default" onClick={() => void navigate({ to: '/alarms', search: {} })}>
                {texts.overview.clearFilter}
              </Button>
            </Empty>
          ) : (
            <Empty title={texts.alarms.empty} hint={texts.alarms.emptyHint} />
          )}
          {chosenRows.length === 0 ? null : <BulkBar chosen={chosenRows} clear={() => setChosen(new Set())} />}
          {alarms.hasNextPage ? (
            <Button
              variant="default"
              mt="sm"
              loading={alarms.isFetchingNextPage}
              onClick={() => void alarms.fetchNextPage()}
            >
              {texts.common.more}
            </Button>
          ) : null}
        </>
      )}
      <Outlet />
    </>
  )
}

/** About what a row takes; each is measured when it is drawn, since messages are as long as they are. */
const usualHeight = 48

function List(props: {
  alarms: readonly AlarmAnswer[]
  by: Grouping
  chosen: ReadonlySet<string>
  onChoose: (ids: readonly string[], isChosen: boolean) => void
}): ReactNode {
  const { alarms, by, chosen, onChoose } = props
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => alarmRows(alarms, by, closed), [alarms, by, closed])
  const list = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [])
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => usualHeight,
    overscan: 16,
    scrollMargin: top,
    getItemKey: (i) => keyOf(rows[i]!),
  })
  const all = chosen.size > 0 && alarms.every(({ id }) => chosen.has(id))
  const fold = (key: string): void =>
    setClosed((old) => {
      const next = new Set(old)
      if (!next.delete(key)) next.add(key)
      return next
    })
  return (
    <div className="sheet alarm-list" role="table" aria-label={texts.alarms.title} aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
        <div className="alarm-row row-head" role="row">
          <span role="columnheader" className="alarm-choose">
            <Checkbox
              size="xs"
              aria-label={texts.watch.bulk.all}
              checked={all}
              indeterminate={!all && chosen.size > 0}
              onChange={(event) =>
                onChoose(
                  alarms.map(({ id }) => id),
                  event.currentTarget.checked,
                )
              }
            />
          </span>
          <span role="columnheader">{texts.alarms.columns.severity}</span>
          <span role="columnheader">{texts.alarms.columns.message}</span>
          <span role="columnheader">{texts.alarms.columns.where}</span>
          <span role="columnheader">{texts.alarms.columns.since}</span>
          <span role="columnheader">{texts.alarms.columns.who}</span>
        </div>
      </div>
      <div ref={list} role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]!
          const place = { transform: `translateY(${item.start - top}px)` }
          return row.is === 'head' ? (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className="alarm-row alarm-head"
              style={place}
            >
              <span role="cell" className="alarm-choose">
                <Checkbox
                  size="xs"
                  aria-label={texts.watch.bulk.allOf(row.name)}
                  checked={row.of.every(({ id }) => chosen.has(id))}
                  indeterminate={row.of.some(({ id }) => chosen.has(id)) && !row.of.every(({ id }) => chosen.has(id))}
                  onChange={(event) =>
                    onChoose(
                      row.of.map(({ id }) => id),
                      event.currentTarget.checked,
                    )
                  }
                />
              </span>
              <span role="cell" className="alarm-head-name">
                <button
                  type="button"
                  className="fold"
                  aria-expanded={row.open}
                  aria-label={row.open ? texts.overview.fold(row.name) : texts.overview.unfold(row.name)}
                  onClick={() => fold(row.key)}
                >
                  <Icon name="chevron" size={16} />
                </button>
                <SeverityMark of={row.of[0]!.severity} />
                <strong className="ellipsis">{row.name}</strong>
                <span className="dim nowrap">{texts.alarms.shown(row.of.length)}</span>
              </span>
            </div>
          ) : (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className={`alarm-row edge-${row.alarm.state === 'cleared' ? 'CLEAR' : row.alarm.severity}`}
              style={place}
            >
              <AlarmCells
                alarm={row.alarm}
                isChosen={chosen.has(row.alarm.id)}
                onChoose={(isChosen) => onChoose([row.alarm.id], isChosen)}
              />
            </div>
          )
        })}
      </div>
    </div>
  )
}

function keyOf(row: AlarmRow): string {
  return row.is === 'head' ? row.key : row.alarm.id
}

function AlarmCells(props: {
  alarm: AlarmAnswer
  isChosen: boolean
  onChoose: (isChosen: boolean) => void
}): ReactNode {
  const { alarm, isChosen, onChoose } = props
  return (
    <>
      <span role="cell" className="alarm-choose">
        <Checkbox
          size="xs"
          aria-label={texts.watch.bulk.one(alarm.message)}
          checked={isChosen}
          onChange={(event) => onChoose(event.currentTarget.checked)}
        />
      </span>
      <span role="cell" className="alarm-severity">
        {alarm.state === 'cleared' ? (
          <span className="mark mark-none">
            {texts.alarmState.cleared} · {texts.severity[alarm.severity]}
          </span>
        ) : (
          <SeverityMark of={alarm.severity} />
        )}
      </span>
      <span role="cell" className="alarm-message">
        <Link
          to="/alarms/$alarm"
          params={{ alarm: alarm.id }}
          search={(old: Record<string, string>) => old}
          className="row-link"
        >
          {alarm.message}
        </Link>
      </span>
      <span role="cell" className="alarm-where">
        <span className="ellipsis">{alarm.group === '' ? alarm.system : `${alarm.group} / ${alarm.system}`}</span>
        {alarm.item === '' ? null : <span className="dim ellipsis">{alarm.item}</span>}
      </span>
      <span role="cell" className="alarm-since nowrap" title={formatMoment(alarm.raisedAt)}>
        <Ago at={alarm.raisedAt} />
      </span>
      <span role="cell" className="alarm-who ellipsis">
        {alarm.assignedTo ?? alarm.acknowledgedBy ?? <span className="dim">{texts.alarms.unacknowledged}</span>}
      </span>
    </>
  )
}
