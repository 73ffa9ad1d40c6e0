import { Button, NativeSelect, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, type ReactNode } from 'react'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { alarmPages, groups as groupsQuery } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { compareNames, severitiesDown } from '../model/overview.ts'
import { matchesAlarm } from '../model/alarms.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { Ago, SeverityMark } from '../parts/marks.tsx'
import { Empty, Failure, Stale, Waiting } from '../parts/states.tsx'
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
  const rows = useMemo(
    () => alarms.data?.pages.flatMap((page) => page.rows).filter((alarm) => matchesAlarm(alarm, search.text ?? '')),
    [alarms.data, search.text],
  )
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
            <List alarms={rows} />
          ) : filtered ? (
            <Empty title={texts.alarms.nothingFound}>
              <Button size="xs" variant="default" onClick={() => void navigate({ to: '/alarms', search: {} })}>
                {texts.overview.clearFilter}
              </Button>
            </Empty>
          ) : (
            <Empty title={texts.alarms.empty} hint={texts.alarms.emptyHint} />
          )}
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

function List({ alarms }: { alarms: readonly AlarmAnswer[] }): ReactNode {
  return (
    <div className="sheet alarm-list" role="table" aria-label={texts.alarms.title}>
      <div className="alarm-row row-head" role="row">
        <span role="columnheader">{texts.alarms.columns.severity}</span>
        <span role="columnheader">{texts.alarms.columns.message}</span>
        <span role="columnheader">{texts.alarms.columns.where}</span>
        <span role="columnheader">{texts.alarms.columns.since}</span>
        <span role="columnheader">{texts.alarms.columns.who}</span>
      </div>
      {alarms.map((alarm) => (
        <div
          key={alarm.id}
          role="row"
          className={`alarm-row edge-${alarm.state === 'cleared' ? 'CLEAR' : alarm.severity}`}
        >
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
            <span className="ellipsis">
              {alarm.group} / {alarm.system}
            </span>
            {alarm.item === '' ? null : <span className="dim ellipsis">{alarm.item}</span>}
          </span>
          <span role="cell" className="alarm-since nowrap" title={formatMoment(alarm.raisedAt)}>
            <Ago at={alarm.raisedAt} />
          </span>
          <span role="cell" className="alarm-who ellipsis">
            {alarm.assignedTo ?? alarm.acknowledgedBy ?? <span className="dim">{texts.alarms.unacknowledged}</span>}
          </span>
        </div>
      ))}
    </div>
  )
}
