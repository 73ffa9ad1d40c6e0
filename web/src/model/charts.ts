import type { Series } from '../../../src/contract/index.ts'
import { compareNames } from './overview.ts'

/** One chart: a metric of a task, with a line for each of its items. */
export interface ChartPlan {
  readonly metric: string
  readonly unit: string
  readonly kind: 'gauge' | 'counter'
  readonly lines: readonly { readonly id: string; readonly label: string }[]
  /** How many items there are; more than lines where a chart would be past reading. */
  readonly items: number
}

/** More lines than colours that can be told apart make a chart of noise. */
export const maxLines = 16

/** Labels that every series of a task bears and that say nothing within its chart. */
const placeLabels = new Set(['group', 'system', 'connector', 'task', 'monitor', 'profile', 'agent'])

/** The series of one task as charts: in the order of the monitor's declaration where that is known, then by name. */
export function planCharts(series: readonly Series[], declared: readonly string[] = []): ChartPlan[] {
  const byMetric = new Map<string, Series[]>()
  for (const one of series) {
    const there = byMetric.get(one.name)
    if (there === undefined) byMetric.set(one.name, [one])
    else there.push(one)
  }
  const order = new Map(declared.map((name, i) => [name, i]))
  return [...byMetric.entries()]
    .toSorted(([a], [b]) => (order.get(a) ?? declared.length) - (order.get(b) ?? declared.length) || compareNames(a, b))
    .map(([metric, of]) => {
      const telling = tellingLabels(of)
      const lines = of
        .map((one) => ({ id: one.id, label: labelOf(one, telling) }))
        .toSorted((a, b) => compareNames(a.label, b.label))
      return { metric, unit: of[0]!.unit, kind: of[0]!.kind, lines: lines.slice(0, maxLines), items: lines.length }
    })
}

/** The label keys in which series of one chart differ; what all share would be the same words on every line. */
function tellingLabels(series: readonly Series[]): string[] {
  const keys = [...new Set(series.flatMap((one) => Object.keys(one.labels)))]
    .filter((key) => !placeLabels.has(key))
    .toSorted()
  if (series.length === 1) return keys
  const differing = keys.filter((key) => new Set(series.map((one) => one.labels[key])).size > 1)
  return differing.length > 0 ? differing : keys
}

function labelOf(series: Series, telling: readonly string[]): string {
  const values = telling.flatMap((key) => (series.labels[key] === undefined ? [] : [`${key}=${series.labels[key]}`]))
  if (values.length === 1) return values[0]!.slice(values[0]!.indexOf('=') + 1)
  return values.length === 0 ? series.name : values.join(', ')
}

/** What is spelled in capitals wherever it stands. */
const spellings: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  cpus: 'CPUs',
  dns: 'DNS',
  http: 'HTTP',
  id: 'ID',
  ip: 'IP',
  jvm: 'JVM',
  sql: 'SQL',
  tcp: 'TCP',
  tls: 'TLS',
  url: 'URL',
  uuid: 'UUID',
}

/** A metric's name as a title where the library has none: `http_first_byte` is "http first byte". */
export function titleOf(metric: string): string {
  const words = metric.replace(/[._]+/g, ' ').trim()
  if (words === '') return metric
  const spelled = words.replaceAll(/\b[a-z]+\b/g, (word) => spellings[word] ?? word)
  return spelled[0]!.toUpperCase() + spelled.slice(1)
}

/** Where a column has a value with none beside it: no line leads there. */
export function alone(column: ArrayLike<number | null | undefined>): number[] {
  const isThere = (i: number): boolean => typeof column[i] === 'number'
  return Array.from({ length: column.length }, (_, i) => i).filter(
    (i) => isThere(i) && !isThere(i - 1) && !isThere(i + 1),
  )
}
