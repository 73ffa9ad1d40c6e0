import { Title } from '@mantine/core'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, type ReactNode } from 'react'
import type { SystemSummary } from '../../../src/contract/index.ts'
import { alarmsBetween, openAlarms, placementOf, systemById, tasksOf } from '../api/queries.ts'
import { readRange, zoomed } from '../model/range.ts'
import { compareNames } from '../model/overview.ts'
import { AlarmLines } from '../parts/alarm-lines.tsx'
import { CoverageShare, SeverityMark, StateMark, Tags } from '../parts/marks.tsx'
import { MaintenanceBanner } from '../parts/maintenance-banner.tsx'
import { PlaceLine } from '../parts/place-line.tsx'
import { RangeChoice } from '../parts/range-choice.tsx'
import { Empty, Present } from '../parts/states.tsx'
import { WindowRows } from '../parts/window-rows.tsx'
import { TaskSection } from './system-task.tsx'
import { texts } from '../texts.ts'

/** About what a task takes with one row of charts. */
const usualHeight = 420

/** One system: how it is, what is wrong with it, what is measured on it. */
export function SystemPage(): ReactNode {
  const { id } = useParams({ from: '/signed-in/systems/$id' })
  const system = useQuery(systemById(id))
  return <Present query={system}>{(loaded) => <Loaded system={loaded} />}</Present>
}

function Loaded({ system }: { system: SystemSummary }): ReactNode {
  return (
    <>
      <div className="head">
        <div className="crumbs">
          <Link to="/">{texts.nav.overview}</Link>
          <span aria-hidden="true">/</span>
          <Link to="/" search={{ text: system.group }}>
            {system.group}
          </Link>
        </div>
        <div className="head-line">
          <Title order={1} className="ellipsis">
            {system.name}
          </Title>
          <StateMark worst={system.worst} state={system.state} />
          <span className="dim">{system.type}</span>
          <Tags of={system.tags} />
          <span className="head-end" title={texts.overview.coverageHint}>
            <span className="dim">{texts.overview.coverage}</span> <CoverageShare of={system.coverage} />
          </span>
          <Link to="/configuration" search={{ group: system.group, system: system.name }}>
            {texts.system.configure}
          </Link>
        </div>
        {system.reason === null ? null : (
          <p className="banner banner-bad">
            {texts.agents.coverage[system.state === 'UNCOVERED' ? 'uncovered' : 'partly'](
              system.name,
              system.reason,
            )}
          </p>
        )}
        <MaintenanceBanner group={system.group} system={system.name} />
        <Connectors system={system} />
      </div>
      <OpenAlarms system={system} />
      <Measured system={system} />
    </>
  )
}

/** The ways in, each with the agent that goes it and why that one. */
function Connectors({ system }: { system: SystemSummary }): ReactNode {
  const places = useInfiniteQuery(placementOf({ group: system.group, system: system.name }))
  const rows = places.data?.pages.flatMap((page) => page.rows)
  return (
    <ul className="connectors" aria-label={texts.system.connectors}>
      {system.connectors.map((connector) => {
        const place = rows?.find((one) => one.connector === connector.name)
        return (
          <li key={connector.name}>
            <SeverityMark of={connector.worst} />
            <span>{connector.name}</span>
            <span className="dim">{connector.type}</span>
            {connector.failing > 0 ? (
              <span className="bad">{texts.overview.failingOf(connector.failing, connector.tasks)}</span>
            ) : (
              <span className="dim">{texts.overview.tasksOk(connector.tasks)}</span>
            )}
            {place === undefined ? null : <PlaceLine place={place} />}
          </li>
        )
      })}
    </ul>
  )
}

function OpenAlarms({ system }: { system: SystemSummary }): ReactNode {
  const alarms = useQuery(openAlarms({ group: system.group, system: system.name }))
  return (
    <section aria-labelledby="alarms">
      <Title order={2} id="alarms">
        {texts.system.alarms}
      </Title>
      <Present query={alarms}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="quiet">{texts.system.noAlarms}</p>
          ) : (
            <AlarmLines alarms={rows} group={system.group} />
          )
        }
      </Present>
    </section>
  )
}

function Measured({ system }: { system: SystemSummary }): ReactNode {
  const search = useSearch({ from: '/signed-in/systems/$id' })
  const navigate = useNavigate({ from: '/systems/$id' })
  const tasks = useQuery(tasksOf(system.group, system.name))
  const range = useMemo(() => readRange(search), [search])
  const alarms = useQuery({ ...alarmsBetween(system.group, system.name, range), placeholderData: keepPreviousData })
  const zoom = useCallback(
    (from: number, to: number) => void navigate({ search: (old) => ({ ...old, ...zoomed(from, to) }) }),
    [navigate],
  )
  const choose = (name: string): void => void navigate({ search: name === '' ? {} : { range: name } })

  return (
    <section aria-labelledby="tasks">
      <div className="section-head">
        <Title order={2} id="tasks">
          {texts.system.tasks}
        </Title>
        <RangeChoice range={range} chosen={search.range} onChoose={choose} onZoom={zoom} />
      </div>
      <Present query={tasks}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={texts.system.noTasks} hint={texts.system.noTasksHint} />
          ) : (
            <WindowRows
              rows={rows.toSorted((a, b) => compareNames(a.connector, b.connector) || compareNames(a.name, b.name))}
              keyOf={({ id: task }) => task}
              usualHeight={usualHeight}
              spare={2}
              draw={(task) => <TaskSection task={task} alarms={alarms.data ?? []} range={range} onZoom={zoom} />}
            />
          )
        }
      </Present>
    </section>
  )
}
