import { Autocomplete, Button, NativeSelect, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, type CSSProperties, type ReactNode } from 'react'
import type { DashboardAnswer } from '../../../src/contract/index.ts'
import { dashboards as dashboardsQuery, groups as groupsQuery, me, systems as systemsQuery } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { chartHeight, filledIn, panelRow, type Panel } from '../model/dashboard.ts'
import { compareNames, tagsOf } from '../model/overview.ts'
import { readRange, zoomed, type Range } from '../model/range.ts'
import { MetricView } from '../parts/metric-view.tsx'
import { RangeChoice } from '../parts/range-choice.tsx'
import { Empty, NothingHere, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { DashboardEditor } from './dashboard-editor.tsx'

const { dashboards: words } = texts.watch

/** One dashboard, with what is chosen above it in the address. */
export function DashboardPage(): ReactNode {
  const { name } = useParams({ from: '/signed-in/dashboards/$name' })
  const dashboards = useQuery(dashboardsQuery)
  return (
    <Present query={dashboards}>
      {(rows) => {
        const found = rows.find((one) => one.name === name)
        return found === undefined ? <NothingHere /> : <Loaded key={name} dashboard={found} />
      }}
    </Present>
  )
}

function Loaded({ dashboard }: { dashboard: DashboardAnswer }): ReactNode {
  const search = useSearch({ from: '/signed-in/dashboards/$name' })
  const navigate = useNavigate({ from: '/dashboards/$name' })
  const { data: user } = useQuery(me)
  const range = useMemo(() => readRange({ ...search, range: search.range ?? '24h' }), [search])
  const change = useCallback(
    (next: Record<string, string>) => void navigate({ search: (old) => ({ ...old, ...next }) }),
    [navigate],
  )
  const zoom = useCallback(
    (from: number, to: number) => void navigate({ search: (old) => ({ ...old, ...zoomed(from, to) }) }),
    [navigate],
  )
  const allowed = user !== undefined && may(user.grants, 'editor', '*')
  if (search.edit !== undefined && allowed)
    return <DashboardEditor dashboard={dashboard} leave={() => change({ edit: '' })} />
  const { name, description, variables, panels } = dashboard
  return (
    <>
      <div className="crumbs">
        <Link to="/dashboards">{words.title}</Link>
      </div>
      <div className="page-head">
        <Title order={1} className="ellipsis">
          {name}
        </Title>
        <Button
          className="filters-end"
          size="compact-sm"
          variant="default"
          disabled={!allowed}
          title={user === undefined || allowed ? undefined : texts.common.notAllowed}
          onClick={() => change({ edit: '1' })}
        >
          {words.edit}
        </Button>
      </div>
      {description === '' ? null : <p className="dim board-description">{description}</p>}
      <div className="filters">
        {variables.length === 0 ? null : (
          <Variables
            variables={variables}
            group={search.group ?? ''}
            system={search.system ?? ''}
            tag={search.tag ?? ''}
            onChange={change}
          />
        )}
        <span className="filters-end">
          <RangeChoice
            range={range}
            chosen={search.range}
            onChoose={(chosen) => change({ range: chosen, from: '', to: '' })}
            onZoom={zoom}
          />
        </span>
      </div>
      {panels.length === 0 ? (
        <Empty title={words.empty} hint={words.emptyHint} />
      ) : (
        <div className="board">
          {panels.map((panel, i) => (
            <PanelCard
              key={i}
              panel={panel}
              selections={filledIn(panel, variables, { group: search.group ?? '', system: search.system ?? '' })}
              tag={variables.includes('tag') ? (search.tag ?? '') : ''}
              range={range}
              onZoom={zoom}
            />
          ))}
        </div>
      )}
    </>
  )
}

function Variables(props: {
  variables: DashboardAnswer['variables']
  group: string
  system: string
  tag: string
  onChange: (next: Record<string, string>) => void
}): ReactNode {
  const { variables, group, system, tag, onChange } = props
  const { data: groups } = useQuery(groupsQuery)
  const { data: systems } = useQuery(systemsQuery)
  const tags = useMemo(
    () =>
      tagsOf(systems ?? [])
        .slice(0, 200)
        .toSorted(compareNames),
    [systems],
  )
  const names = useMemo(
    () =>
      [...new Set((systems ?? []).flatMap((one) => (group === '' || one.group === group ? [one.name] : [])))].toSorted(
        compareNames,
      ),
    [systems, group],
  )
  const choices = (all: string, names: readonly string[], chosen: string) => [
    { value: '', label: all },
    ...new Set([...names, ...(chosen === '' ? [] : [chosen])]),
  ]
  return (
    <>
      {variables.includes('group') ? (
        <NativeSelect
          aria-label={words.variable.group}
          value={group}
          onChange={({ currentTarget: { value } }) => onChange({ group: value, system: '' })}
          data={choices(words.all.group, (groups ?? []).map(({ name }) => name).toSorted(compareNames), group)}
        />
      ) : null}
      {variables.includes('system') ? (
        <Autocomplete
          key={system}
          aria-label={words.variable.system}
          placeholder={words.all.system}
          defaultValue={system}
          data={names}
          limit={50}
          spellCheck={false}
          onOptionSubmit={(value) => onChange({ system: value })}
          onBlur={({ currentTarget: { value } }) => {
            if (value !== system) onChange({ system: value })
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && event.currentTarget.value !== system)
              onChange({ system: event.currentTarget.value })
          }}
        />
      ) : null}
      {variables.includes('tag') ? (
        <NativeSelect
          aria-label={words.variable.tag}
          value={tag}
          onChange={({ currentTarget: { value } }) => onChange({ tag: value })}
          data={choices(words.all.tag, tags, tag)}
        />
      ) : null}
    </>
  )
}

/** As places of the grid, of which a narrow screen has one column only. */
export function placeOf({ width, height }: Pick<Panel, 'width' | 'height'>): CSSProperties {
  return {
    gridColumn: `span ${width}`,
    minHeight: height * panelRow.height + (height - 1) * panelRow.gap,
  }
}

function PanelCard(props: {
  panel: Panel
  selections: readonly string[]
  tag: string
  range: Range
  onZoom: (from: number, to: number) => void
}): ReactNode {
  const { panel, selections, tag, range, onZoom } = props
  return (
    <section className="sheet board-panel" style={placeOf(panel)} aria-label={panel.title}>
      <header>
        <Title order={2} className="ellipsis" title={panel.title}>
          {panel.title}
        </Title>
        <Link
          to="/explore"
          search={Object.fromEntries(selections.slice(0, 4).map((text, i) => [`q${i + 1}`, text]))}
          className="board-explore"
          aria-label={`${words.explore}: ${panel.title}`}
          title={words.explore}
        >
          ↗
        </Link>
      </header>
      <MetricView
        kind={panel.kind}
        title={panel.title}
        selections={selections}
        tag={tag}
        range={range}
        agg={panel.agg}
        compare={false}
        height={chartHeight(panel.height)}
        onZoom={onZoom}
        saves={false}
      />
    </section>
  )
}
