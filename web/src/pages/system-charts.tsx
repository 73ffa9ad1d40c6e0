import { Skeleton } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { AlarmAnswer, Task } from '../../../src/contract/index.ts'
import { chartOf, monitors, outcomesOf, seriesOf, thresholdsOf as thresholdsQuery } from '../api/queries.ts'
import { formatValue } from '../format/values.ts'
import { planCharts, titleOf, type ChartPlan } from '../model/charts.ts'
import { severitiesDown } from '../model/overview.ts'
import { fittedFrom, type Range } from '../model/range.ts'
import { maintenanceIn } from '../model/slots.ts'
import { thresholdsOf, type ThresholdLine } from '../model/thresholds.ts'
import { Chart, type ChartEvents } from '../parts/chart.tsx'
import { CoverageStrip } from '../parts/coverage-strip.tsx'
import { Failure, Present, Stale } from '../parts/states.tsx'
import { texts } from '../texts.ts'

interface Props {
  readonly task: Task
  /** Of the whole system, at some moment of the range. */
  readonly alarms: readonly AlarmAnswer[]
  readonly range: Range
  readonly onZoom: (from: number, to: number) => void
}

/** How the slots of a task ended, and its series as charts with what happened meanwhile. */
export function TaskCharts({ task, alarms, range, onZoom }: Props): ReactNode {
  const series = useQuery(seriesOf(task.id))
  const thresholds = useQuery(thresholdsQuery(task.id))
  const outcomes = useQuery({ ...outcomesOf(task.id, range), placeholderData: keepPreviousData })
  const { data: library } = useQuery(monitors)
  const monitor = library?.find((one) => one.id === task.monitor)
  const events: ChartEvents = {
    alarms: alarms
      .filter((alarm) => alarm.task === task.id)
      .map(({ severity, raisedAt, clearedAt }) => ({
        severity,
        from: Date.parse(raisedAt),
        to: clearedAt === null ? null : Date.parse(clearedAt),
      })),
    maintenance: maintenanceIn(outcomes.data?.stretches ?? []),
    late: outcomes.data?.late ?? [],
  }
  return (
    <>
      {outcomes.data === undefined ? (
        outcomes.error === null ? (
          <Skeleton height={34} />
        ) : (
          <Failure error={outcomes.error} again={() => void outcomes.refetch()} />
        )
      ) : (
        <>
          <CoverageStrip
            name={task.name}
            stretches={outcomes.data.stretches}
            from={outcomes.data.from}
            to={outcomes.data.to}
          />
          <EventWords of={events} name={task.name} from={outcomes.data.from} to={outcomes.data.to} />
        </>
      )}
      <Present query={series}>
        {(found) => {
          const plans = planCharts(
            found,
            monitor?.metrics.map((metric) => metric.name),
          )
          if (plans.length === 0)
            return (
              <p className="quiet">
                {texts.system.noSeries}. {texts.system.noSeriesHint(task.period)}
              </p>
            )
          const titled = plans.map((plan) => ({
            plan,
            title: monitor?.metrics.find((metric) => metric.name === plan.metric)?.title ?? titleOf(plan.metric),
            thresholds: thresholdsOf(thresholds.data ?? [], plan.lines),
          }))
          return <Drawn task={task} charts={titled} events={events} range={range} onZoom={onZoom} />
        }}
      </Present>
    </>
  )
}

interface Titled {
  readonly plan: ChartPlan
  readonly title: string
  readonly thresholds: readonly ThresholdLine[]
}

function Drawn(props: {
  task: Task
  charts: readonly Titled[]
  events: ChartEvents
  range: Range
  onZoom: (from: number, to: number) => void
}): ReactNode {
  const { task, charts, events, range, onZoom } = props
  const ids = charts.flatMap(({ plan }) => plan.lines.map((line) => line.id))
  const values = useQuery({ ...chartOf(task.id, ids, range), placeholderData: keepPreviousData })
  if (values.data === undefined) {
    if (values.error !== null) return <Failure error={values.error} again={() => void values.refetch()} />
    return (
      <div className="charts">
        {charts.map(({ plan }) => (
          <Skeleton key={plan.metric} height={228} />
        ))}
      </div>
    )
  }
  const { byId, first, to } = values.data
  const from = fittedFrom(range, values.data.from, to, first)
  return (
    <>
      <Stale query={values} />
      <div className="charts">
        {charts.map(({ plan, title, thresholds }) => {
          const lines = plan.lines.flatMap(({ id, label }) => {
            const columns = byId.get(id)
            return columns === undefined ? [] : [{ label, ...columns }]
          })
          // A counter is drawn as its rate, which has another unit than the counter.
          const unit = lines[0]?.unit ?? plan.unit
          const any = lines.some((line) => line.value.some((value) => value !== null))
          const latest = lines.length === 1 ? lines[0]!.value.findLast((value) => value !== null) : undefined
          return (
            <figure key={plan.metric} className="chart-card">
              <figcaption>
                <span className="chart-title ellipsis" title={plan.metric}>
                  {title}
                </span>
                {plan.items > plan.lines.length ? (
                  <span className="dim">{texts.system.itemsShown(plan.lines.length, plan.items)}</span>
                ) : null}
                {latest === undefined || latest === null ? null : (
                  <span className="chart-latest">{formatValue(latest, unit)}</span>
                )}
              </figcaption>
              {any ? (
                <Chart
                  title={title}
                  unit={unit}
                  at={lines[0]!.at}
                  lines={lines}
                  thresholds={thresholds}
                  events={events}
                  from={from}
                  to={to}
                  onZoom={onZoom}
                />
              ) : (
                <p className="chart-none">{texts.system.noPoints}</p>
              )}
              <ThresholdWords of={thresholds} />
            </figure>
          )
        })}
      </div>
    </>
  )
}

/** What the marks on the time axes of a task's charts stand for, as far as there are any; also for those who do not see them. */
function EventWords({
  of,
  name,
  from,
  to,
}: {
  readonly of: ChartEvents
  readonly name: string
  readonly from: number
  readonly to: number
}): ReactNode {
  const words = texts.watch.events
  const alarms = of.alarms.filter((alarm) => alarm.from <= to && (alarm.to ?? to) >= from)
  const worst = severitiesDown.find((severity) => alarms.some((alarm) => alarm.severity === severity))
  const late = of.late.filter((slot) => slot >= from && slot <= to).length
  if (worst === undefined && of.maintenance.length === 0 && late === 0) return null
  return (
    <ul className="threshold-words event-words" aria-label={words.label(name)}>
      {worst === undefined ? null : (
        <li>
          <span className={`event-key event-alarm key-${worst}`} aria-hidden="true" />
          {words.alarms(alarms.length)}
        </li>
      )}
      {of.maintenance.length === 0 ? null : (
        <li>
          <span className="event-key event-maintenance" aria-hidden="true" />
          {words.maintenance}
        </li>
      )}
      {late === 0 ? null : (
        <li>
          <span className="event-late" aria-hidden="true" />
          {words.late(late)}
        </li>
      )}
    </ul>
  )
}

/** A table of many rows would be longer than its chart. */
const mostWords = 6

/** What the lines across a chart say; those that lie outside of what it shows are named all the same. */
function ThresholdWords({ of }: { of: readonly ThresholdLine[] }): ReactNode {
  const words = [...new Map(of.map((line) => [`${line.severity} ${line.text}`, line])).values()]
  if (words.length === 0) return null
  return (
    <ul className="threshold-words">
      {words.slice(0, mostWords).map(({ severity, text }) => (
        <li key={`${severity} ${text}`} title={text}>
          <span className={`threshold-key key-${severity}`} aria-hidden="true" />
          {texts.severity[severity]} {text}
        </li>
      ))}
      {words.length > mostWords ? <li>{texts.watch.moreThresholds(words.length - mostWords)}</li> : null}
    </ul>
  )
}
