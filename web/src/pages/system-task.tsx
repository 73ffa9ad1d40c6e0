import { Button, Modal, Skeleton, Table } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { Result, Task } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { configuration, me, monitors, resultsOf, seriesOf } from '../api/queries.ts'
import { formatSpan, formatValue } from '../format/values.ts'
import { may } from '../model/access.ts'
import { planCharts, titleOf, type ChartPlan } from '../model/charts.ts'
import { fittedFrom, mostResults, ranges, resultsSpanMs, type Range } from '../model/range.ts'
import { rulesOf, thresholdsFor } from '../model/thresholds.ts'
import { Chart, type ChartThreshold } from '../parts/chart.tsx'
import { Icon } from '../parts/icons.tsx'
import { Ago, CoverageShare, OutcomeMark, SeverityMark, When } from '../parts/marks.tsx'
import { Failure, Present, Stale } from '../parts/states.tsx'
import { texts } from '../texts.ts'

interface Props {
  readonly task: Task
  readonly range: Range
  readonly onZoom: (from: number, to: number) => void
}

/** One task: how it went last, and its series as charts. The charts load when they come into sight. */
export function TaskSection({ task, range, onZoom }: Props): ReactNode {
  const { data: user } = useQuery(me)
  const { data: library } = useQuery(monitors)
  const [results, showResults] = useDisclosure(false)
  const [runShown, showRun] = useDisclosure(false)
  const run = useMutation({ mutationFn: () => call('runTask', { params: { id: task.id } }), onMutate: showRun.open })
  const allowed = user !== undefined && may(user.grants, 'operator', task.group)
  const monitor = library?.find((one) => one.id === task.monitor)
  return (
    <article className="task">
      <header className="task-head">
        {task.worst === 'CLEAR' ? <OutcomeMark of={task.lastOutcome} /> : <SeverityMark of={task.worst} />}
        <h3 className="task-name">
          {task.name === task.monitor ? (monitor?.title ?? task.name) : task.name}{' '}
          <span className="dim task-place">
            {task.connector} · {task.monitor} · {task.profile}
          </span>
        </h3>
        <span className="dim nowrap">
          {texts.system.period} {task.period}
        </span>
        {task.agent === null ? (
          <span className="bad" title={texts.state.uncoveredHint}>
            {task.reason === null ? texts.state.UNCOVERED : `${texts.state.UNCOVERED}: ${task.reason}`}
          </span>
        ) : (
          <span className="dim nowrap">
            {texts.system.agent} {task.agent}
          </span>
        )}
        <span className="nowrap" title={texts.overview.coverageHint}>
          <span className="dim">{texts.overview.coverage}</span> <CoverageShare of={task.coverage} />
        </span>
        <span className="dim nowrap">
          <Ago at={task.lastSlot} />
        </span>
        <span className="task-acts">
          <Button size="compact-sm" variant="default" onClick={showResults.open}>
            {texts.system.showResults}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<Icon name="play" size={12} />}
            loading={run.isPending}
            disabled={!allowed}
            title={allowed ? undefined : texts.common.notAllowed}
            onClick={() => run.mutate()}
          >
            {texts.system.runNow}
          </Button>
        </span>
      </header>
      {task.lastMessage === null || task.lastMessage === '' ? null : (
        <p className={task.lastOutcome === 'failed' ? 'task-message bad' : 'task-message dim'}>{task.lastMessage}</p>
      )}
      <TaskFacts of={task.facts} />
      <WhenSeen>
        <TaskCharts task={task} range={range} onZoom={onZoom} />
      </WhenSeen>
      <Modal opened={runShown} onClose={showRun.close} title={`${texts.system.runResult}: ${task.name}`} size="lg">
        {run.isPending ? <p className="quiet">{texts.system.running}</p> : null}
        {run.error === null ? null : <Failure error={run.error} title={texts.system.runNow} />}
        {run.data === undefined || run.isPending ? null : <OneResult result={run.data} />}
      </Modal>
      <Modal opened={results} onClose={showResults.close} title={`${task.name}: ${texts.system.recent}`} size="xl">
        <ResultList task={task} />
      </Modal>
    </article>
  )
}

/** What the last runs learned that is no number: versions, names, a certificate's subject. */
function TaskFacts({ of }: { of: Task['facts'] }): ReactNode {
  const facts = Object.entries(of ?? {})
  if (facts.length === 0) return null
  return (
    <dl className="task-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{titleOf(name)}</dt>
          <dd>{String(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Draws its content from when it first comes near the screen: a system may have hundreds of charts. */
function WhenSeen({ children }: { children: ReactNode }): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState(false)
  useEffect(() => {
    const target = place.current
    if (target === null || seen) return
    const watcher = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setSeen(true)
      },
      { rootMargin: '400px' },
    )
    watcher.observe(target)
    return () => watcher.disconnect()
  }, [seen])
  return (
    <div ref={place} className="task-charts">
      {seen ? children : null}
    </div>
  )
}

/** The server answers for at most so many series at once. */
const seriesPerCall = 100
const pointsPerChart = 360

function TaskCharts({ task, range, onZoom }: Props): ReactNode {
  const series = useQuery(seriesOf(task.id))
  const { data: library } = useQuery(monitors)
  const { data: document } = useQuery(configuration)
  const monitor = library?.find((one) => one.id === task.monitor)
  const rules = rulesOf(task, document, monitor?.rules ?? [])
  return (
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
          thresholds: thresholdsFor(rules, plan.metric, plan.unit),
        }))
        return <Drawn task={task} charts={titled} range={range} onZoom={onZoom} />
      }}
    </Present>
  )
}

interface Titled {
  readonly plan: ChartPlan
  readonly title: string
  readonly thresholds: readonly ChartThreshold[]
}

function Drawn(props: {
  task: Task
  charts: readonly Titled[]
  range: Range
  onZoom: (from: number, to: number) => void
}): ReactNode {
  const { task, charts, range, onZoom } = props
  const ids = charts.flatMap(({ plan }) => plan.lines.map((line) => line.id))
  const values = useQuery({
    queryKey: ['chart', task.id, range, ids],
    queryFn: async ({ signal }) => {
      const to = range.is === 'fixed' ? range.to : Date.now()
      const from = range.is === 'fixed' ? range.from : to - ranges[range.name]
      const span = { from: String(from), to: String(to), points: pointsPerChart }
      const answers = await Promise.all(
        Array.from({ length: Math.ceil(ids.length / seriesPerCall) }, (_, i) =>
          call('chartMetrics', {
            query: { series: ids.slice(i * seriesPerCall, (i + 1) * seriesPerCall).join(','), ...span },
            signal,
          }),
        ),
      )
      const columns = answers.flatMap((answer) =>
        answer.series.map((one) => [one.id, { ...one, at: answer.at }] as const),
      )
      const first = columns
        .map(([, { at, value }]) => at[value.findIndex((one) => one !== null)])
        .reduce((least, at) => (at === undefined || (least !== undefined && least <= at) ? least : at), undefined)
      return { from: fittedFrom(range, from, to, first), to, byId: new Map(columns) }
    },
    placeholderData: keepPreviousData,
  })
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
  const { byId, from, to } = values.data
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
                  from={from}
                  to={to}
                  onZoom={onZoom}
                />
              ) : (
                <p className="chart-none">{texts.system.noPoints}</p>
              )}
            </figure>
          )
        })}
      </div>
    </>
  )
}

function OneResult({ result }: { result: Result }): ReactNode {
  return (
    <>
      <p className="result-line">
        <OutcomeMark of={result.outcome} />
        <span>{result.durationMs === null ? texts.common.none : formatSpan(result.durationMs)}</span>
        {result.reason === null ? null : <span className="bad">{result.reason}</span>}
        <span className="dim">{result.agent}</span>
      </p>
      {result.message === null ? null : <p className="result-message">{result.message}</p>}
      {result.metrics.length === 0 ? null : (
        <Table.ScrollContainer minWidth={360} maxHeight={420}>
          <Table verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{texts.system.metric}</Table.Th>
                <Table.Th ta="right">{texts.system.value}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {result.metrics.map((metric, i) => (
                <Table.Tr key={i}>
                  <Table.Td>
                    {metric.name}{' '}
                    <span className="dim">
                      {Object.entries(metric.labels)
                        .map(([key, value]) => `${key}=${value}`)
                        .join(', ')}
                    </span>
                  </Table.Td>
                  <Table.Td ta="right" className="nowrap number">
                    {formatValue(metric.value, metric.unit)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <p className="quiet">{texts.system.runNote}</p>
    </>
  )
}

/** Newest first. */
function ResultList({ task }: { task: Task }): ReactNode {
  const results = useQuery(resultsOf(task.id, resultsSpanMs(task.period)))
  return (
    <Present query={results}>
      {(rows) =>
        rows.length === 0 ? (
          <p className="quiet">{texts.system.resultsEmpty}</p>
        ) : (
          <Table.ScrollContainer minWidth={480} maxHeight={520}>
            <Table verticalSpacing={4} stickyHeader>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{texts.system.planned}</Table.Th>
                  <Table.Th>{texts.system.outcome}</Table.Th>
                  <Table.Th ta="right">{texts.system.duration}</Table.Th>
                  <Table.Th>{texts.system.message}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows
                  .toReversed()
                  .slice(0, mostResults)
                  .map((result) => (
                    <Table.Tr key={result.slot}>
                      <Table.Td className="nowrap">
                        <When at={result.plannedAt} />
                        {result.to === undefined ? null : (
                          <>
                            {' '}
                            – <When at={result.to} />
                          </>
                        )}
                      </Table.Td>
                      <Table.Td>
                        <OutcomeMark of={result.outcome} />
                      </Table.Td>
                      <Table.Td ta="right" className="nowrap number">
                        {result.durationMs === null ? texts.common.none : formatSpan(result.durationMs)}
                      </Table.Td>
                      <Table.Td>
                        {result.slots === undefined ? null : `${texts.system.slots(result.slots)} `}
                        {result.message ?? result.reason ?? ''}
                      </Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )
      }
    </Present>
  )
}
