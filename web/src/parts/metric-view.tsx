import { Button, Skeleton } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useRef, type ReactNode } from 'react'
import type { PanelAggregation, PanelKind, Series } from '../../../src/contract/index.ts'
import { selectedSeries, valuesOf, type ChartColumns } from '../api/queries.ts'
import { formatValue } from '../format/values.ts'
import { csvOf, figuresOf } from '../model/export.ts'
import { compareNames } from '../model/overview.ts'
import type { Range } from '../model/range.ts'
import { chartsByUnit, named, type UnitChart } from '../model/selection.ts'
import { texts } from '../texts.ts'
import { Chart, type ChartLine } from './chart.tsx'
import { saveChartImage } from './chart-image.ts'
import { saveFile } from './save-file.ts'
import { Failure, Stale } from './states.tsx'

const { metrics: words } = texts.watch

interface Props {
  readonly kind: PanelKind
  /** Names what is shown, for files that are made of it and for those who do not see it. */
  readonly title: string
  /** As the API takes them, with everything filled in. */
  readonly selections: readonly string[]
  readonly tag: string
  readonly range: Range
  readonly agg: PanelAggregation | undefined
  readonly compare: boolean
  readonly height?: number
  readonly onZoom: (from: number, to: number) => void
  /** Whether what is shown can be saved as a file from here. */
  readonly saves: boolean
}

/** Selected series as charts, as numbers, or as a table. */
export function MetricView(props: Props): ReactNode {
  const { selections, tag, range, agg, compare, height } = props
  const found = useQuery({ ...selectedSeries(selections, tag), enabled: selections.length > 0 })
  const series = found.data?.series ?? []
  const ids = series.map(({ id }) => id)
  const values = useQuery({
    ...valuesOf(ids, range, agg, compare),
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
  })
  const error = found.error ?? values.error
  if (selections.length === 0) return <p className="quiet">{words.chooseFirst}</p>
  if (found.data === undefined || (ids.length > 0 && values.data === undefined)) {
    if (error === null) return <Skeleton height={height ?? 180} />
    return <Failure error={error} again={() => void (found.error === null ? values : found).refetch()} />
  }
  if (values.data === undefined) return <p className="quiet">{words.nothingFound}</p>
  return (
    <>
      <Stale query={found.error === null ? values : found} />
      {found.data.more ? <p className="quiet">{words.more}</p> : null}
      <Shown {...props} series={series} values={values.data} />
    </>
  )
}

interface Values {
  readonly from: number
  readonly to: number
  readonly byId: ReadonlyMap<string, ChartColumns>
  readonly before: ReadonlyMap<string, ChartColumns> | undefined
}

function Shown(props: Props & { series: readonly Series[]; values: Values }): ReactNode {
  const { kind, series, values } = props
  switch (kind) {
    case 'chart':
      return (
        <>
          {chartsByUnit(series, (one) => values.byId.get(one.id)?.unit ?? one.unit).map((chart) => (
            <OneChart key={chart.unit} {...props} chart={chart} />
          ))}
        </>
      )
    case 'number':
      return <Numbers series={series} values={values} />
    case 'table':
      return <Figures title={props.title} series={series} values={values} />
  }
}

function OneChart(props: Props & { chart: UnitChart; values: Values }): ReactNode {
  const { chart, values, title, height, onZoom, saves } = props
  const figure = useRef<HTMLElement>(null)
  const at = chart.lines.map(({ id }) => values.byId.get(id)?.at).find((one) => one !== undefined) ?? []
  const lines = chart.lines.flatMap(({ id, label }): ChartLine[] => {
    const columns = values.byId.get(id)
    return columns === undefined ? [] : [{ label, ...onAxis(columns, at) }]
  })
  // The week before has the same steps, so that place by place is a week apart.
  const before = chart.lines.flatMap(({ id, label }, i): ChartLine[] => {
    const columns = values.before?.get(id)
    if (columns === undefined) return []
    const fitted = (column: readonly (number | null)[]): (number | null)[] =>
      at.map((_, place) => column[place] ?? null)
    const value = fitted(columns.value)
    return [{ label: words.weekBefore(label), value, min: value, max: value, before: i }]
  })
  const all = [...lines, ...before]
  const saveTable = (): void => {
    const columns = all.map(({ label, value }) => ({ name: label, unit: chart.unit, value }))
    saveFile(new Blob([csvOf(at, columns)], { type: 'text/csv' }), `${title}.csv`)
  }
  return (
    <figure ref={figure} className="chart-card metric-chart">
      {chart.items > chart.lines.length || saves ? (
        <figcaption>
          {/* A dashboard's panel has a title of its own. */}
          {saves ? <span className="chart-title ellipsis">{chart.metrics.join(', ')}</span> : null}
          <span className={saves ? 'dim' : 'dim grow'}>
            {chart.items > chart.lines.length ? texts.system.itemsShown(chart.lines.length, chart.items) : null}
          </span>
          {saves ? (
            <span className="tools">
              <Button size="compact-xs" variant="default" onClick={saveTable}>
                {words.saveCsv}
              </Button>
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => figure.current !== null && saveChartImage(figure.current, title)}
              >
                {words.savePng}
              </Button>
            </span>
          ) : null}
        </figcaption>
      ) : null}
      {all.some(({ value }) => value.some((one) => one !== null)) ? (
        <Chart
          title={title}
          unit={chart.unit}
          at={at}
          lines={all}
          thresholds={[]}
          from={values.from}
          to={values.to}
          onZoom={onZoom}
          {...(height === undefined ? {} : { height })}
        />
      ) : (
        <p className="chart-none">{texts.system.noPoints}</p>
      )}
    </figure>
  )
}

/** Series that were loaded in another request may have other steps, where their tasks run more seldom. */
function onAxis(columns: ChartColumns, at: readonly number[]): Pick<ChartLine, 'value' | 'min' | 'max'> {
  if (columns.at.length === at.length && columns.at[0] === at[0]) return columns
  const places = new Map(columns.at.map((moment, i) => [moment, i]))
  const moved = (column: readonly (number | null)[]): (number | null)[] =>
    at.map((moment) => column[places.get(moment) ?? -1] ?? null)
  return { value: moved(columns.value), min: moved(columns.min), max: moved(columns.max) }
}

/** More numbers than this are a table. */
const mostNumbers = 12

function Numbers({ series, values }: { series: readonly Series[]; values: Values }): ReactNode {
  const lines = named(series).toSorted((a, b) => compareNames(a.label, b.label))
  return (
    <dl className="numbers">
      {lines.slice(0, mostNumbers).map(({ id, label }) => {
        const columns = values.byId.get(id)
        return (
          <div key={id}>
            <dt className="ellipsis" title={label}>
              {label}
            </dt>
            <dd>{formatValue(columns === undefined ? null : figuresOf(columns).last, columns?.unit ?? '')}</dd>
          </div>
        )
      })}
      {lines.length > mostNumbers ? <p className="quiet">{words.moreSeries(lines.length - mostNumbers)}</p> : null}
    </dl>
  )
}

function Figures({ title, series, values }: { title: string; series: readonly Series[]; values: Values }): ReactNode {
  return (
    <div className="figures-scroll" tabIndex={0} role="region" aria-label={title}>
      <table className="figures">
        <thead>
          <tr>
            <th>{words.series}</th>
            <th className="right">{words.last}</th>
            <th className="right">{words.min}</th>
            <th className="right">{words.mean}</th>
            <th className="right">{words.max}</th>
          </tr>
        </thead>
        <tbody>
          {named(series)
            .toSorted((a, b) => compareNames(a.label, b.label))
            .map(({ id, label }) => {
              const columns = values.byId.get(id)
              const { last, min, mean, max } =
                columns === undefined ? { last: null, min: null, mean: null, max: null } : figuresOf(columns)
              return (
                <tr key={id}>
                  <td>{label}</td>
                  {[last, min, mean, max].map((value, i) => (
                    <td key={i} className="right nowrap number">
                      {formatValue(value, columns?.unit ?? '')}
                    </td>
                  ))}
                </tr>
              )
            })}
        </tbody>
      </table>
    </div>
  )
}
