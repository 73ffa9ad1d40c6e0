import { Button, Modal } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { AlarmAnswer, Task } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { me, monitors } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { titleOf } from '../model/charts.ts'
import type { Range } from '../model/range.ts'
import { Icon } from '../parts/icons.tsx'
import { Ago, CoverageShare, OutcomeMark, SeverityMark } from '../parts/marks.tsx'
import { ResultDetails } from '../parts/result-details.tsx'
import { Failure } from '../parts/states.tsx'
import { TaskCharts } from './system-charts.tsx'
import { TaskResults } from './system-results.tsx'
import { texts } from '../texts.ts'

interface Props {
  readonly task: Task
  /** Of the whole system, at some moment of the range. */
  readonly alarms: readonly AlarmAnswer[]
  readonly range: Range
  readonly onZoom: (from: number, to: number) => void
}

/** One task: how it went last, and its series as charts. */
export function TaskSection({ task, alarms, range, onZoom }: Props): ReactNode {
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
      <div className="task-charts">
        <TaskCharts task={task} alarms={alarms} range={range} onZoom={onZoom} />
      </div>
      <Modal opened={runShown} onClose={showRun.close} title={`${texts.system.runResult}: ${task.name}`} size="lg">
        {run.isPending ? <p className="quiet">{texts.system.running}</p> : null}
        {run.error === null ? null : <Failure error={run.error} title={texts.system.runNow} />}
        {run.data === undefined || run.isPending ? null : (
          <>
            <ResultDetails result={run.data} monitor={task.monitor} />
            <p className="quiet">{texts.system.runNote}</p>
          </>
        )}
      </Modal>
      <Modal opened={results} onClose={showResults.close} title={texts.watch.results.title(task.name)} size="xl">
        <TaskResults task={task} range={range} />
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
