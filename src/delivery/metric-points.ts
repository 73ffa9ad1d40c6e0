import type { Labels, SpoolEntry } from '../model/index.ts'
import type { MetricPoint } from '../sdk/index.ts'

/** Where a task belongs, for the labels of its series. Every field becomes a label. */
export interface TaskLabels {
  readonly group: string
  readonly system: string
  readonly connector: string
  readonly monitor: string
  readonly [more: string]: string
}

/** The name of a metric's series elsewhere: `farwatch_<monitor>_<metric>`, with `_` for what is no letter, digit or underscore. */
export function seriesName(monitor: string, metric: string): string {
  return `farwatch_${monitor}_${metric}`.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

/** Whether a value is put out as a metric at all: a rule's row may say that it is not. */
export type IsKept = (task: string, metric: string, labels: Labels) => boolean

/**
 * What a result is to other metric stores. Each sample is a point of `farwatch_<monitor>_<metric>` in the unit the monitor declares,
 * with the labels of its task and its item; an item's label that is called like one of the task's becomes `exported_…`, as Prometheus
 * itself does it. Each run also gives `farwatch_run_failed` (0 or 1) and `farwatch_run_duration_seconds`, so that what could
 * not be measured is seen there too. Times are the slots', so that points stand on a grid. Gaps give nothing: absence says it.
 */
export function pointsOf(entry: SpoolEntry, task: TaskLabels, isKept: IsKept = () => true): readonly MetricPoint[] {
  if (entry.kind === 'gap') return []
  const at = entry.slot
  return [
    ...entry.samples
      .filter((sample) => isKept(entry.task, sample.name, sample.labels))
      .map((sample) => ({
        name: seriesName(task.monitor, sample.name),
        labels: joined(task, sample.labels),
        at,
        value: sample.value,
      })),
    { name: 'farwatch_run_failed', labels: task, at, value: entry.outcome === 'failed' ? 1 : 0 },
    { name: 'farwatch_run_duration_seconds', labels: task, at, value: entry.durationMs / 1_000 },
  ]
}

function joined(task: Labels, item: Labels): Labels {
  const labels: Record<string, string> = { ...task }
  for (const [name, value] of Object.entries(item)) {
    let free = name
    while (Object.hasOwn(labels, free)) free = `exported_${free}`
    labels[free] = value
  }
  return labels
}
