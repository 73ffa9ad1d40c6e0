import type { AnswerOf, Operations, QueryOf } from '../../contract/index.ts'
import type { TaskEntry } from '../../inventory/index.ts'
import { isRun, outcomes } from '../../model/index.ts'
import type { HistoryQuestions } from '../questions.ts'
import { readRange } from '../read-request.ts'

type Asked = QueryOf<Operations['monitorStatistics']>
type Row = AnswerOf<Operations['monitorStatistics']>[number]
type By = NonNullable<Asked['by']>

/**
 * What the runs of tasks were like, added up as asked. It reads what is kept of each task and day, which is there for as long as
 * statistics are kept and is as small for a task that runs every second as for one that runs every day; no result is looked at.
 */
export async function monitorStatistics(
  asked: Asked,
  of: {
    /** Those of the asked place that the asker may see. */
    readonly tasks: readonly TaskEntry[]
    readonly history: Pick<HistoryQuestions, 'statistics'>
    readonly now: number
    readonly agentName: (id: string) => string
  },
): Promise<Row[]> {
  const { from, to } = readRange(asked, of.now)
  const by = asked.by ?? 'monitor'
  const entries = new Map(
    of.tasks
      .filter(({ monitor }) => asked.monitor === undefined || monitor === asked.monitor)
      .map((entry) => [entry.id, entry]),
  )
  const first = new Map<string, TaskEntry>()
  const name = (id: string): string => {
    const entry = entries.get(id)!
    const key = keyOf(by, entry)
    if (!first.has(key)) first.set(key, entry)
    return key
  }
  const all = await of.history.statistics({
    tasks: [...entries.keys()],
    from,
    to,
    by: by === 'agent' ? 'agent' : name,
  })
  const rows = all.map(({ name: key, runs, outcomes: counts, timeouts, durationMs, delayMs }): Row => {
    const place = by === 'agent' ? undefined : placeOf(by, first.get(key))
    return {
      by: by === 'agent' && key !== '' ? of.agentName(key) : key,
      ...(place === undefined ? {} : { place }),
      runs,
      outcomes: counts,
      timeouts,
      meanMs: durationMs?.mean ?? null,
      p50Ms: durationMs?.p50 ?? null,
      p95Ms: durationMs?.p95 ?? null,
      maxMs: durationMs?.max ?? null,
      latenessP50Ms: delayMs?.p50 ?? null,
      latenessP95Ms: delayMs?.p95 ?? null,
      latenessMaxMs: delayMs?.max ?? null,
    }
  })
  const size = sizes[asked.sort ?? 'runs']
  return rows.sort((a, b) => size(b) - size(a) || (a.by < b.by ? -1 : 1)).slice(0, asked.limit)
}

/** What rows are ordered by. What there is nothing known of comes last. */
const sizes: Readonly<Record<NonNullable<Asked['sort']>, (row: Row) => number>> = {
  runs: ({ runs }) => runs,
  failed: ({ outcomes: counts }) => counts['failed'] ?? 0,
  missed: ({ outcomes: counts }) =>
    outcomes.reduce(
      (sum, outcome) => sum + (isRun(outcome) || outcome === 'maintenance' ? 0 : (counts[outcome] ?? 0)),
      0,
    ),
  timeouts: ({ timeouts }) => timeouts,
  median: ({ p50Ms }) => p50Ms ?? -1,
  slowest: ({ p95Ms }) => p95Ms ?? -1,
  longest: ({ maxMs }) => maxMs ?? -1,
  lateness: ({ latenessP95Ms }) => latenessP95Ms ?? -1,
}

function keyOf(by: By, entry: TaskEntry): string {
  switch (by) {
    case 'monitor':
      return entry.monitor
    case 'group':
      return entry.group
    case 'system':
      return `${entry.group}/${entry.system}`
    case 'connector':
      return `${entry.group}/${entry.system}/${entry.connector}`
    case 'task':
    case 'agent':
      return entry.id
  }
}

function placeOf(by: Exclude<By, 'agent'>, entry: TaskEntry | undefined): Row['place'] {
  if (entry === undefined) return undefined
  const { group, system, systemId, connector, profile, monitor } = entry
  switch (by) {
    case 'monitor':
      return undefined
    case 'group':
      return { group }
    case 'system':
      return { group, system, systemId }
    case 'connector':
      return { group, system, systemId, connector }
    case 'task':
      return { group, system, systemId, connector, profile, monitor }
  }
}
